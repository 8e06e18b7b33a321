"""What a person is told instead of a traceback."""


class CommandError(Exception):
    """A command cannot be done; the text is a sentence with the fix."""
