"""Errors that every domain raises alike."""


class NotFound(Exception):
    """There is no such thing, or it is another's: who asks is not told which."""
