"""The one kind of error that this package ends with."""


class ClusterError(Exception):
    """Say in one sentence what is wrong and how to mend it.

    The message is printed as it is and the command ends with exit code 1.
    """
