"""Keep one store true for as long as it lives: wait, pass, wait; at the end, clean up."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bookstore_operator.api.status import ConditionType
from bookstore_operator.deletion import Deletion
from bookstore_operator.errors import ApiError
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.connect import jittered
from bookstore_operator.kube.events import Herald
from bookstore_operator.memory import Memories
from bookstore_operator.metrics import ERRORS, Census
from bookstore_operator.reconciler import LONGEST_RETRY, Outcome, Reconciler
from bookstore_operator.store import StoreKey
from bookstore_operator.turns import Turns
from bookstore_operator.wakes import Waker, Wakes

RESYNC = 600.0
"""Seconds after which a settled store is looked at though nothing was heard of it."""

GATHER = 0.05
"""Seconds in which events that come together are gathered into one pass."""

SPACING = 0.3
"""Seconds between two passes over one store, so that a rollout's many events cost few passes."""

FIRST_ROUND, LONGEST_ROUND = 0.3, 5.0
"""Seconds between two rounds of a clean-up."""

_log = logging.getLogger(__name__)


class Stop(Protocol):
    """Tell that a keeper is to end, and whether in haste, since the operator does."""

    def in_haste(self) -> bool:
        """Return whether a pass under way is to be given up."""

    async def wait(self) -> None:
        """Wait until the keeper is to end."""


@dataclass
class Keeper:
    """Run the keepers of all stores."""

    kube: Kube
    instance: str
    memories: Memories = field(default_factory=Memories)
    census: Census = field(default_factory=Census)
    turns: Turns = field(default_factory=Turns)

    def __post_init__(self) -> None:
        """Put the parts together that share the memory."""
        herald = Herald(self.kube, self.instance)
        self.wakes = Wakes(self.memories)
        self.deletion = Deletion(self.kube)
        self._reconciler = Reconciler(self.kube, herald, self.memories, self.census)

    async def keep(self, key: StoreKey, body: Mapping[str, Any], stop: Stop) -> None:
        """Keep a store until it is to end; one that is not ready goes before others."""
        waker = self.wakes.of(key)
        urgent, failures = not _was_ready(body), 0
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stopping.done():
                outcome = await self._pass(key, waker, stop, stopping, urgent=urgent)
                failures = failures + 1 if outcome.result == "error" else 0
                pause = outcome.again or jittered(RESYNC)
                if failures:
                    pause = jittered(min(2.0**failures, LONGEST_RETRY))
                urgent = await _idle(waker, stopping, pause) or outcome.again is not None
        finally:
            stopping.cancel()

    async def clean_up(self, key: StoreKey) -> None:
        """Clean up after a store that is being deleted, round by round until it is done."""
        waker, pause = self.wakes.of(key), FIRST_ROUND
        async with waker.lock:
            while True:
                try:
                    left = await self.deletion.clean_up(key)
                except ApiError as error:
                    ERRORS.labels(error.reason.value).inc()
                    _log.warning("the clean-up of store %s is repeated: %s", key, error)
                else:
                    if not left:
                        break
                    _log.info("store %s waits for %s to go", key, ", ".join(map(str, left)))
                await asyncio.sleep(jittered(pause))
                pause = min(pause * 1.5, LONGEST_ROUND)
        self.forget(key)

    def forget(self, key: StoreKey) -> None:
        """Forget a store that is gone."""
        self.wakes.forget(key)
        self.memories.forget(key)
        self.census.tell(key, [])

    async def _pass(
        self,
        key: StoreKey,
        waker: Waker,
        stop: Stop,
        stopping: "asyncio.Task[None]",
        *,
        urgent: bool,
    ) -> Outcome:
        """Run one pass in its turn; it is given up where the operator ends."""
        work = asyncio.create_task(self._guarded(key, waker, urgent=urgent))
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and stop.in_haste():
            work.cancel()
        await asyncio.wait({work})
        return Outcome("gone") if work.cancelled() else work.result()

    async def _guarded(self, key: StoreKey, waker: Waker, *, urgent: bool) -> Outcome:
        async with self.turns.turn(urgent=urgent), waker.lock:
            with waker.at_work():
                try:
                    return await self._reconciler.reconcile(key)
                except ApiError as error:
                    ERRORS.labels(error.reason.value).inc()
                    _log.warning("the pass over store %s is repeated: %s", key, error)
                except Exception:  # noqa: BLE001 - logged whole, counted, and tried again
                    # A fault of the program in one store must not end the care for it.
                    ERRORS.labels("Unexpected").inc()
                    _log.exception("the pass over store %s failed unexpectedly", key)
        return Outcome("error")


async def _idle(waker: Waker, stopping: "asyncio.Task[None]", pause: float) -> bool:
    """Wait for news, the end or the time to look again; return whether news came."""
    await asyncio.wait({stopping}, timeout=SPACING - GATHER)
    news = asyncio.create_task(waker.wait())
    done, _ = await asyncio.wait(
        {news, stopping}, timeout=pause, return_when=asyncio.FIRST_COMPLETED
    )
    news.cancel()
    if news in done:
        await asyncio.wait({stopping}, timeout=GATHER)
    return news in done


def _was_ready(body: Mapping[str, Any]) -> bool:
    told = (body.get("status") or {}).get("conditions", [])
    generation = body["metadata"].get("generation")
    return any(
        condition["type"] == ConditionType.READY
        and condition["status"] == "True"
        and condition.get("observedGeneration") == generation
        for condition in told
    )
