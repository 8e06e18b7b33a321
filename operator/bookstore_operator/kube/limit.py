"""A limit on what is under way at once, in which what hangs does not count for good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Limit:
    """Let so much be under way at once; what takes long gives its place to the next.

    Args:
        at_once: How much may be under way.
        slow: Seconds after which something no longer counts.
    """

    def __init__(self, at_once: int, slow: float) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._slow = slow

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and hold it until the block ends or has taken too long."""
        await self._places.acquire()
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                self._places.release()

        timer = asyncio.get_running_loop().call_later(self._slow, give_back)
        try:
            yield
        finally:
            timer.cancel()
            give_back()
