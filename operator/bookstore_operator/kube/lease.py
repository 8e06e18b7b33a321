"""Take and renew a Lease, so that of several operators one acts at a time.

As in client-go's leaderelection, no two machines' clocks are compared: who waits measures by its
own clock how long the Lease has not changed, and who holds it counts from before its last renewal
was sent. The holder stops writing ``DURATION - RENEW_WITHIN`` seconds before another may begin.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime

from bookstore_operator.kube.client import JSON, MERGE, Kube, collection, path_of
from bookstore_operator.kube.connect import jittered
from bookstore_operator.kube.errors import AbsentError, ApiError
from bookstore_operator.kube.objects import Kind, Manifest, Ref
from bookstore_operator.metrics import LEADER

LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases", verbs=("get", "create", "patch"))
NAME = "bookstore-operator"

DURATION = 15.0
"""Seconds without a renewal after which another may take the Lease."""

RENEW_WITHIN = 10.0
"""Seconds without a renewal after which its holder stops acting."""

RETRY = 2.0
"""Seconds between two renewals, and between two looks of one who waits."""

ANSWERED_WITHIN = 3.0
"""Seconds after which a request is given up; the next goes by another connection."""

_log = logging.getLogger(__name__)


class NotHeldError(ApiError):
    """The Lease is not ours, or may be another's soon."""


class Lease:
    """The Lease that one of several operators holds.

    Args:
        kube: The way to the API server.
        namespace: Where the Lease is.
        holder: Who wants it; no two that run at once bear the same name.
    """

    def __init__(self, kube: Kube, namespace: str, holder: str) -> None:
        self._kube = kube
        self._ref = Ref(LEASE, namespace, NAME)
        self._holder = holder
        self._until = 0.0
        self._live: Manifest = {}
        self._changed_at = 0.0
        self._problem = ""

    @property
    def is_held(self) -> bool:
        """Return whether it is ours for sure."""
        return clock() < self._until

    def check(self) -> None:
        """Let a write pass while the Lease is ours, also after the process was frozen.

        Raises:
            NotHeldError: It is not.
        """
        if not self.is_held:
            raise NotHeldError(f"{self._ref} is not held by {self._holder}, which writes nothing")

    async def take(self) -> None:
        """Wait until the Lease is ours."""
        while not await self._attempt():  # noqa: ASYNC110 - it asks the API server each time
            await asyncio.sleep(jittered(RETRY))
        LEADER.set(1)
        _log.info("%s is held by %s, which acts from now on", self._ref, self._holder)

    async def keep(self) -> None:
        """Renew the Lease for as long as that succeeds.

        Raises:
            NotHeldError: It is another's, or could not be renewed in time.
        """
        while (left := self._until - clock()) > 0:
            await asyncio.sleep(min(RETRY, left))
            if clock() >= self._until:
                break
            if not await self._attempt() and self._holder_now() != self._holder:
                self._until = 0.0
        LEADER.set(0)
        why = self._problem or f"it is held by {self._holder_now()}"
        raise NotHeldError(f"{self._ref} could not be renewed: {why}")

    async def release(self) -> None:
        """Give the Lease back, where it is ours, so that another need not wait for its end."""
        if not self.is_held:
            return
        self._until = 0.0
        LEADER.set(0)
        try:
            # A renewal that was cut short may have been written all the same.
            await self._look()
            if self._holder_now() == self._holder:
                await self._write({"holderIdentity": "", "leaseDurationSeconds": 1})
                _log.info("%s is given back", self._ref)
        except (ApiError, TimeoutError) as error:
            _log.warning("%s runs out by itself: %s", self._ref, error)

    def _holder_now(self) -> str:
        return str(self._live.get("spec", {}).get("holderIdentity") or "")

    async def _attempt(self) -> bool:
        """Take or renew the Lease, and return whether it is ours; a failure is no error."""
        asked = clock()
        try:
            if not (self.is_held and await self._renew()):
                await self._look()
                if not self._may_be_taken():
                    return False
                await self._write(self._mine())
        except (ApiError, TimeoutError) as error:
            self._tell(str(error) or "the API server does not answer")
            return False
        self._until, self._problem = asked + RENEW_WITHIN, ""
        return True

    def _tell(self, problem: str) -> None:
        """Log a problem that lasts once."""
        if problem != self._problem:
            _log.warning("%s is asked for again: %s", self._ref, problem)
        self._problem = problem

    async def _renew(self) -> bool:
        """Renew what is known to be ours; return False where somebody wrote it meanwhile."""
        try:
            await self._write(self._mine())
        except ApiError as error:
            if error.status != 409:
                raise
            return False
        return True

    async def _look(self) -> None:
        async with asyncio.timeout(ANSWERED_WITHIN):
            try:
                action = f"get {self._ref}"
                live = await self._kube.request("GET", path_of(self._ref), action)
            except AbsentError:
                live = {}
        if not self._changed_at or live.get("spec") != self._live.get("spec"):
            self._changed_at = clock()
        self._live = live

    def _may_be_taken(self) -> bool:
        spec = self._live.get("spec", {})
        lasts = float(spec.get("leaseDurationSeconds") or DURATION)
        is_over = clock() >= self._changed_at + lasts
        return self._holder_now() in {"", self._holder} or is_over

    def _mine(self) -> Manifest:
        spec, now = self._live.get("spec", {}), _micro_time()
        wanted = {"holderIdentity": self._holder, "leaseDurationSeconds": int(DURATION)}
        if self._holder_now() != self._holder:
            wanted["acquireTime"] = now
            wanted["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        return wanted | {"renewTime": now}

    async def _write(self, spec: Manifest) -> None:
        """Write it once, unless somebody else wrote it since it was read."""
        metadata = {"name": self._ref.name, "namespace": self._ref.namespace}
        body = {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": metadata}
        if self._live:
            metadata["resourceVersion"] = self._live["metadata"]["resourceVersion"]
            method, path, content = "PATCH", path_of(self._ref), MERGE
        else:
            method, path, content = "POST", collection(LEASE, self._ref.namespace), JSON
        async with asyncio.timeout(ANSWERED_WITHIN):
            self._live = await self._kube.request(
                method, path, f"write {self._ref}", content, body | {"spec": spec}
            )
        self._changed_at = clock()


def clock() -> float:
    """Return seconds that also go by while this machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
