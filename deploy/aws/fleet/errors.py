"""The one kind of error that this program ends with."""


class FleetError(Exception):
    """What is wrong and how to mend it, in one sentence; the command prints it and exits with 1."""
