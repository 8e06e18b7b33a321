"""Pauses that grow with each repetition and fade with time."""

import time

FADES_AFTER = 60.0
"""Seconds without a repetition after which all is as it was at first."""


class Backoff:
    """Count repetitions, and say how long the next one has to wait.

    Args:
        first: Seconds before the first repetition that has to wait.
        longest: The most seconds, whatever the count.
        free: How many repetitions need not wait.
    """

    __slots__ = ("_at", "_count", "_first", "_free", "_longest")

    def __init__(self, first: float, longest: float, free: int = 0) -> None:
        self._first = first
        self._longest = longest
        self._free = free
        self._count = 0
        self._at = 0.0

    def left(self) -> float:
        """Return the seconds until the next repetition may be."""
        now = time.monotonic()
        if self._count and now - self._at > self.pause() + FADES_AFTER:
            self._count = 0
        return max(0.0, self._at + self.pause() - now) if self._count else 0.0

    def pause(self) -> float:
        """Return the seconds between the last repetition and the next."""
        beyond = self._count - self._free
        return 0.0 if beyond <= 0 else min(self._first * 2.0 ** min(beyond - 1, 20), self._longest)

    def strike(self) -> None:
        """Count a repetition."""
        self._count += 1
        self._at = time.monotonic()

    def reset(self) -> None:
        """Begin anew."""
        self._count = 0
