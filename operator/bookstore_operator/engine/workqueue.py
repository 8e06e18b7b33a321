"""The work queue: which root is reconciled next, each at most once at a time.

Source: ``k8s.io/client-go/util/workqueue``, and controller-runtime's priority queue.
"""

import asyncio
import heapq
import time
from itertools import count

from bookstore_operator.engine.backoff import Backoff
from bookstore_operator.kube.objects import Ref
from bookstore_operator.metrics import QUEUE_WAIT

FIRST_SPACING, LONGEST_SPACING = 0.2, 1.0
"""Seconds between passes over a root that is not settled yet: a rollout's many events cost few
passes, and a settled root's first event none of the wait."""


class WorkQueue:
    """The keys of roots to reconcile, the urgent ones first, then in order of arrival."""

    def __init__(self) -> None:
        self._heap: list[tuple[bool, int, Ref]] = []
        self._order = count()
        self._queued: dict[Ref, bool] = {}
        self._since: dict[Ref, float] = {}
        self._running: set[Ref] = set()
        self._again: dict[Ref, bool] = {}
        self._timers: dict[Ref, asyncio.TimerHandle] = {}
        self._spacing: dict[Ref, Backoff] = {}
        self._ready = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queued)

    def add(self, key: Ref, *, urgent: bool = True) -> None:
        """Ask for a pass over a root; one that is asked for already is asked for once."""
        if key in self._running:
            self._again[key] = urgent or self._again.get(key, False)
            return
        if key in self._queued and (self._queued[key] or not urgent):
            return
        spacing = self._spacing.get(key)
        pause = spacing.left() if spacing and urgent else 0.0
        if pause > 0:
            self.add_after(key, pause)
            return
        self._push(key, urgent=urgent)

    def add_after(self, key: Ref, seconds: float) -> None:
        """Ask for a pass after a time, unless one is asked for before."""
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= at:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_at(at, self._due, key)

    def forget(self, key: Ref) -> None:
        """Forget a root that is gone."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._queued.pop(key, None)
        self._since.pop(key, None)
        self._again.pop(key, None)
        self._spacing.pop(key, None)

    async def get(self) -> Ref:
        """Wait for a key; no other worker gets it until ``done`` is called."""
        while True:
            while self._heap:
                relaxed, _, key = heapq.heappop(self._heap)
                if self._queued.get(key) is (not relaxed):
                    return self._begin(key)
            self._ready.clear()
            await self._ready.wait()

    def done(self, key: Ref) -> None:
        """Give a key back; it is queued anew where that was asked for meanwhile."""
        self._running.discard(key)
        urgent = self._again.pop(key, None)
        if urgent is not None:
            self.add(key, urgent=urgent)

    def settled(self, key: Ref) -> None:
        """Let the next event of a root be answered at once."""
        self._spacing.pop(key, None)

    def _begin(self, key: Ref) -> Ref:
        del self._queued[key]
        QUEUE_WAIT.observe(time.monotonic() - self._since.pop(key))
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._running.add(key)
        spacing = self._spacing.setdefault(key, Backoff(FIRST_SPACING, LONGEST_SPACING))
        spacing.left()
        spacing.strike()
        return key

    def _push(self, key: Ref, *, urgent: bool) -> None:
        self._queued[key] = urgent
        self._since.setdefault(key, time.monotonic())
        heapq.heappush(self._heap, (not urgent, next(self._order), key))
        self._ready.set()

    def _due(self, key: Ref) -> None:
        self._timers.pop(key, None)
        if key in self._running:
            self._again.setdefault(key, False)
        elif key not in self._queued:
            self._push(key, urgent=True)
