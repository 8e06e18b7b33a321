"""Let so many stores work at once, the urgent ones first."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

AT_ONCE = 8
"""Passes under way at once; more would only share the API server's time."""


class Turns:
    """Give turns by urgency, then in the order of asking."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._free = at_once
        self._order = count()
        self._queue: list[tuple[bool, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, *, urgent: bool) -> AsyncIterator[None]:
        """Wait for a turn, and hold it while the block runs."""
        if self._free:
            self._free -= 1
        else:
            await self._queued(urgent=urgent)
        try:
            yield
        finally:
            self._pass_on()

    async def _queued(self, *, urgent: bool) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (not urgent, next(self._order), mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._queue:
            *_, other = heapq.heappop(self._queue)
            if not other.done():
                other.set_result(None)
                return
        self._free += 1
