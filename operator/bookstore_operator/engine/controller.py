"""Run one kind of root: informers fill the cache, events fill the work queue, workers empty it."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from bookstore_operator.api.conditions import READY
from bookstore_operator.engine.backoff import Backoff
from bookstore_operator.engine.facts import Facts
from bookstore_operator.engine.reconciler import FIRST_RETRY, LONGEST_RETRY, Outcome, Reconciler
from bookstore_operator.engine.recorder import EventRecorder
from bookstore_operator.engine.references import References
from bookstore_operator.engine.resource import Resource, child_kinds, referred_kinds
from bookstore_operator.engine.root import root_of
from bookstore_operator.engine.workqueue import WorkQueue
from bookstore_operator.kube.cache import Cache
from bookstore_operator.kube.client import WHEN_HANGING, Kube
from bookstore_operator.kube.connect import jittered
from bookstore_operator.kube.errors import AbsentError, ApiError, OperatorError
from bookstore_operator.kube.informer import Informer
from bookstore_operator.kube.objects import Kind, Manifest, Ref, version_of
from bookstore_operator.metrics import ERRORS, ROOTS

RESYNC = 600.0
"""Seconds after which a settled root is looked at though nothing was heard of it."""

WORKERS = 16
"""Passes under way at once; more would only queue in the API server."""

NOTICED_WITHIN = 1.0
"""Seconds until roots are reconciled because a kind can no longer be followed, or can be again."""

ORPHANED_AFTER = 10.0
"""Seconds after which a child is looked at whose root was not heard of."""

DEADLINE = 60.0
"""Seconds after which a pass is given up, to be tried again."""

LONGEST_HANG_RETRY = 300.0
"""The most seconds until a root is tried again whose passes are given up one after the other."""

_log = logging.getLogger(__name__)


class _Slot:
    """A slot of the concurrency limit, given back once."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots = slots
        self._held = True

    def give_back(self) -> None:
        """Give the slot back, unless that was done."""
        if self._held:
            self._held = False
            self._slots.release()


class Controller:
    """Keep all roots of one kind true.

    Args:
        resource: The kind of root.
        kube: The way to the API server.
        namespaces: Where the roots are; empty for everywhere.
        instance: Who writes Events.
    """

    def __init__(
        self, resource: Resource, kube: Kube, namespaces: tuple[str, ...], instance: str
    ) -> None:
        self.resource = resource
        self.queue = WorkQueue()
        self.cache = Cache(self._root_of, self._news)
        self.references = References(kube, self._news)
        self.facts = Facts(self.queue.add)
        self.problems: dict[Kind, OperatorError] = {}
        self._kube = kube
        self._reconciler = Reconciler(
            resource,
            kube,
            self.cache,
            self.references,
            self.facts,
            EventRecorder(kube, instance),
            self.problems,
            self._look_for,
        )
        self._informers = self._informers_for(namespaces or ("",))
        self._slots = asyncio.Semaphore(WORKERS)
        if resource.counted:
            ROOTS.tell(one.condition for one in resource.components if one.told)
        self._failures: dict[Ref, Backoff] = {}
        self._echoes: dict[Ref, list[tuple[Ref, int]]] = {}
        self._passes: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._acts = False

    async def start(self) -> None:
        """Fill the cache and keep it up; ``root_changed`` takes in roots meanwhile."""
        for informer in self._informers:
            self._keep_running(informer.run(), f"informer of {informer.kind.plural}")
        await asyncio.gather(*(informer.synced.wait() for informer in self._informers))

    def act(self) -> None:
        """Begin to work, once no other operator does; until then nothing is queued or written."""
        self._acts = True
        for key in self.cache.roots():
            if self.cache.entry(key) is None:
                self.queue.add_after(key, ORPHANED_AFTER)
            else:
                self.queue.add(key, urgent=not self._was_ready(key))
        self._keep_running(self._notice(), "noticing kinds")
        self._keep_running(self._work(), "work queue")

    async def stop(self) -> None:
        """End all work; a pass under way is given up, which is safe at any point."""
        for task in (*self._tasks, *self._passes):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._passes, return_exceptions=True)
        await self.facts.close()

    def dead(self) -> list[str]:
        """Return the names of tasks that ended though they run for ever."""
        return [task.get_name() for task in self._tasks if task.done()]

    def _keep_running(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begin what runs for ever; where it ends all the same, its error is logged."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_log_end)
        self._tasks.append(task)

    def root_changed(self, event: str | None, live: Manifest) -> None:
        """Take in an event of a root: ADDED, MODIFIED, DELETED, or None where it was listed."""
        self.cache.changed(self.resource.kind, event or "LISTED", live)

    def _informers_for(self, namespaces: tuple[str, ...]) -> list[Informer]:
        followed = [
            Informer(
                self._kube,
                kind,
                namespace,
                self.resource.selector,
                self.cache,
                informers=len(namespaces),
            )
            for kind in child_kinds(self.resource)
            for namespace in (namespaces if kind.namespaced else ("",))
        ]
        kinds = referred_kinds(self.resource)
        self.references.followed |= {(kind, place) for kind in kinds for place in namespaces}
        referred = [
            Informer(
                self._kube,
                kind,
                namespace,
                "",
                self.references,
                metadata_only=True,
                informers=len(namespaces),
            )
            for kind in kinds
            for namespace in namespaces
        ]
        return [*followed, *referred]

    def _look_for(self, kind: Kind) -> None:
        """Look soon for a kind that a root wants, and for those that are installed with it."""
        for informer in self._informers:
            if informer.kind.group == kind.group:
                informer.want()

    def _root_of(self, kind: Kind, live: Manifest) -> Ref | None:
        if kind is self.resource.kind:
            return Ref(kind, live["metadata"]["namespace"], live["metadata"]["name"])
        return root_of(self.resource.kind, live)

    def _news(self, key: Ref, ref: Ref, version: int, event: str) -> None:
        """Ask for a pass, unless one is under way and the news may be the echo of its own write.

        After a start, roots that were ready give way to those that need work.
        """
        if not self._acts:
            if self.cache.entry(key) is None:
                self.cache.forget(key)
        elif key in self._echoes:
            self._echoes[key].append((ref, version))
        elif self.cache.entry(key) is None and key != ref:
            # Its root is not listed yet, or is gone and left something that hangs on us.
            self.queue.add_after(key, ORPHANED_AFTER)
        else:
            self.queue.add(key, urgent=event != "LISTED" or not self._was_ready(key))

    def _was_ready(self, key: Ref) -> bool:
        entry = self.cache.entry(key)
        body = entry.live() if entry is not None else {}
        return any(
            condition["type"] == READY
            and condition["status"] == "True"
            and condition.get("observedGeneration") == body["metadata"]["generation"]
            for condition in (body.get("status") or {}).get("conditions", [])
        )

    async def _notice(self) -> None:
        """Keep up which kinds cannot be followed, and wake every root when that changes."""
        while True:
            found = {i.kind: i.problem for i in self._informers if i.problem is not None}
            changed = {str(k): str(p) for k, p in found.items()} != {
                str(k): str(p) for k, p in self.problems.items()
            }
            self.problems.clear()
            self.problems.update(found)
            if changed:
                for key in self.cache.of_kind(self.resource.kind):
                    self.queue.add(key, urgent=False)
            await asyncio.sleep(NOTICED_WITHIN)

    async def _work(self) -> None:
        while True:
            await self._slots.acquire()
            key = await self.queue.get()
            task = asyncio.create_task(self._pass(key), name=f"pass over {key}")
            self._passes.add(task)
            task.add_done_callback(self._passes.discard)

    async def _pass(self, key: Ref) -> None:
        """Run one pass, and ask for the next.

        One with a request that hangs, behind a webhook that never answers, gives its slot back
        before its end, and so takes no turn of another.
        """
        slot = _Slot(self._slots)
        WHEN_HANGING.set(slot.give_back)
        self._echoes[key] = []
        entry = self.cache.entry(key)
        body = entry.live() if entry is not None else None
        outcome = Outcome("error")
        try:
            outcome = await self._guarded(key, body)
        finally:
            slot.give_back()
            self._end(key, body, outcome)

    def _end(self, key: Ref, body: Manifest | None, outcome: Outcome) -> None:
        heard = self._echoes.pop(key)
        self.queue.done(key)
        if outcome.result == "gone":
            self._failures.pop(key, None)
            self.queue.forget(key)
        elif outcome.result in {"error", "deadline"}:
            longest = LONGEST_RETRY if outcome.result == "error" else LONGEST_HANG_RETRY
            backoff = self._failures.setdefault(key, Backoff(FIRST_RETRY, longest))
            backoff.strike()
            self.queue.add_after(key, jittered(backoff.pause()))
        else:
            self._failures.pop(key, None)
            if outcome.result == "ready":
                self.queue.settled(key)
            again = outcome.again if outcome.again is not None else jittered(RESYNC)
            self.queue.add_after(key, again)
        is_news = any(not self.cache.is_echo(ref, version) for ref, version in heard)
        if is_news or self._is_outdated(key, body):
            self.queue.add(key)

    def _is_outdated(self, key: Ref, body: Manifest | None) -> bool:
        """Return whether a root is no longer what a pass over it went by.

        The pass's last write is the status; its answer has what others changed before it, and the
        event of that change tells nothing new any more.
        """
        entry = self.cache.entry(key)
        if entry is None or body is None or entry.version == version_of(body):
            return False
        return _asked(entry.live()) != _asked(body)

    async def _guarded(self, key: Ref, body: Manifest | None) -> Outcome:
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._reconciler.reconcile(key, body)
        except AbsentError as error:
            # The root went while the pass was under way, perhaps without an event.
            _log.info("%s is looked for: %s", key, error)
            with suppress(ApiError):
                if await self._kube.get(key) is None:
                    self.cache.drop(key)
        except ApiError as error:
            ERRORS.labels(str(error.reason)).inc()
            _log.warning("the pass over %s is repeated: %s", key, error)
        except TimeoutError:
            ERRORS.labels("Deadline").inc()
            _log.warning("the pass over %s took longer than %d s and is repeated", key, DEADLINE)
            return Outcome("deadline")
        except Exception:  # noqa: BLE001 - logged whole, counted, and tried again
            # A fault of the program in one root must not end the care for it.
            ERRORS.labels("Unexpected").inc()
            _log.exception("the pass over %s failed unexpectedly", key)
        return Outcome("error")


def _asked(body: Manifest) -> list[Any]:
    """Return what others ask of a root beside its status; a deletion raises its generation."""
    metadata = body["metadata"]
    names = ("uid", "generation", "deletionTimestamp", "annotations", "labels")
    return [metadata.get(name) for name in names]


def _log_end(task: asyncio.Task[None]) -> None:
    """Log why a task ended that runs for ever; the probe has the pod restarted for it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("%s ended: %s", task.get_name(), error, exc_info=error)
