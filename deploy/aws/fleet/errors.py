"""The one kind of error that this program ends with."""


class FleetError(Exception):
    """Say in one sentence what is wrong and how to mend it; printed as it is, exit code 1."""
