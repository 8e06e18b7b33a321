"""Kinds of jobs: what runs one, how often it is tried, and how long a worker may take for it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

# Apart from the module's own sequence of numbers, which others may have given a seed.
SPREAD = random.SystemRandom()
LONGEST_PAUSE_SECONDS = 3600


class TryLater(Exception):
    """What the job needs is away now; its sentence is stored, so it names nobody."""


class GiveUp(Exception):
    """The job can never be done; its sentence is stored, so it names nobody."""


class Lane(StrEnum):
    """What waits for the same threads: a slow mail server holds up no step of a purchase."""

    STEPS = "steps"
    MAIL = "mail"


@dataclass(frozen=True)
class Job:
    """A job that a worker has leased.

    :ivar traceparent: the trace that it was added in, where that is recorded.
    """

    id: int
    kind: str
    key: str
    payload: Mapping[str, Any]
    created_at: datetime
    attempts: int
    lease: str
    traceparent: str | None = None


@dataclass(frozen=True)
class Kind:
    """How jobs of one kind are run."""

    name: str
    run: Callable[[Job], object]
    attempts: int
    first_pause_seconds: float
    longest_pause_seconds: float
    lease_seconds: float
    every_seconds: float | None
    lane: Lane

    def pause(self, attempts: int) -> timedelta:
        """Return how long to wait after so many attempts: each about twice as long as before."""
        # The factors differ by less than two, so that a later pause is never the shorter one.
        seconds = self.first_pause_seconds * 2.0 ** (attempts - 1) * SPREAD.uniform(0.75, 1.25)
        return timedelta(seconds=min(seconds, self.longest_pause_seconds))
