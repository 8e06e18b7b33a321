"""A clock for code that reads ``time.monotonic``."""


class Clock:
    """A clock that stands still until it is moved on, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now
