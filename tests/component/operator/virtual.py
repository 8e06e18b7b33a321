"""A clock that jumps over the times in which nothing happens, so that minutes cost no waiting.

Everything that waits in the loop, and everything that asks for the time, goes by it; what is to be
waited for in another process or thread must not be part of such a test.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

MODULES_WITH_DATES = ("engine.reconciler", "engine.recorder", "kube.lease")
TICK = 1e-6
"""Seconds that each turn of the loop takes at least: no clock stands still while there is work."""
BEGINNING = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock(selectors.DefaultSelector):
    """Jump by as much as the loop would wait.

    Attributes:
        now: Seconds since the beginning.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select()
        ready = super().select(0)
        self.now += TICK if ready else max(timeout, TICK)
        return ready


class Loop(asyncio.SelectorEventLoop):
    """A loop that goes by such a clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._jumping = clock

    def time(self) -> float:
        return self._jumping.now


def played(monkeypatch: pytest.MonkeyPatch, story: Coroutine[Any, Any, None]) -> None:
    """Run a story by such a clock."""
    clock = Clock()

    class Date(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return (BEGINNING + timedelta(seconds=clock.now)).astimezone(tz)

    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    monkeypatch.setattr("bookstore_operator.kube.lease.clock", lambda: clock.now)
    for module in MODULES_WITH_DATES:
        monkeypatch.setattr(f"bookstore_operator.{module}.datetime", Date)
    with asyncio.Runner(loop_factory=lambda: Loop(clock)) as runner:
        runner.run(story)
