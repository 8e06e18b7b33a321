"""Two operators on one API server: one acts, and the other takes over; never both at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import kopf
import pytest

from bookstore_operator import handlers
from bookstore_operator.bookstore import BookStores
from bookstore_operator.config import Config
from bookstore_operator.engine.controller import Controller
from bookstore_operator.kube import lease
from bookstore_operator.kube.informer import Informer
from bookstore_operator.kube.lease import Lease
from bookstore_operator.store import BOOKSTORE
from tests.component.operator.conftest import operating
from tests.component.operator.memory import kube_of
from tests.component.operator.server import Answer, Fault, Request, Server
from tests.component.operator.stage import Stage

LEASE = "bookstore_operator.kube.lease"
EVER = 10**6


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no Lease run out by itself while a test runs, however busy the machine is."""
    for name, seconds in (("DURATION", 3600.0), ("RENEW_WITHIN", 3000.0), ("RETRY", 0.05)):
        monkeypatch.setattr(f"{LEASE}.{name}", seconds)


@pytest.fixture
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let an hour go by on the clock by which Leases run out."""
    clock = lease.clock

    def pass_by() -> None:
        monkeypatch.setattr(f"{LEASE}.clock", lambda: clock() + 3600)

    return pass_by


@dataclass
class Wire(Server):
    """One operator's own way to the server: what it wrote, and whether it is cut off."""

    server: Server = field(default_factory=Server)
    wrote: list[str] = field(default_factory=list)
    cut: bool = False

    async def answer(self, request: Request) -> Answer:
        if self.cut:
            return Answer(503, {"message": "cut off"})
        if request.method != "GET" and "/leases" not in request.target:
            self.wrote.append(request.line)
        return await self.server.answer(request)


@dataclass
class One:
    """One operator of two, and how it may end."""

    memo: kopf.Memo
    wire: Wire
    tasks: list[asyncio.Task[None]]

    @property
    def lease(self) -> Lease:
        found: Lease = self.memo.lease
        return found

    @property
    def controller(self) -> Controller:
        found: Controller = self.memo.controllers[BOOKSTORE.plural]
        return found

    async def die(self) -> None:
        """End without a word, as a node does."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.controller.stop()


async def seen_last(stage: Stage, operator: One) -> None:
    """Wait until an operator knows the Lease as it was written last.

    One that learns of a renewal only later waits as long again.
    """

    def known() -> bool:
        written = stage.get("leases", "bookstore-operator", "bookstore-system")["spec"]
        return bool(operator.lease._live.get("spec") == written)

    await stage.until(known)


@asynccontextmanager
async def one(stage: Stage, name: str) -> AsyncIterator[One]:
    """Run an operator without kopf and without a socket while the block runs."""
    wire = Wire(server=stage.server)
    kube = kube_of(wire)
    memo = kopf.Memo(config=Config(identity=name), stop=asyncio.Event(), kube=kube)
    memo.lease = Lease(kube, "bookstore-system", memo.config.holder)
    kube.fence = memo.lease.check
    controller = Controller(BookStores(), kube, (), name)
    memo.controllers = {BOOKSTORE.plural: controller}
    roots = Informer(kube, BOOKSTORE, "", "", controller.cache)
    tasks = [asyncio.create_task(roots.run()), asyncio.create_task(handlers.operate(memo))]
    operator = One(memo, wire, tasks)
    try:
        await stage.until(lambda: bool(memo.get("warm")))
        yield operator
    finally:
        await operator.die()


@asynccontextmanager
async def two(stage: Stage) -> AsyncIterator[tuple[One, One]]:
    """Run one that acts, and one that waits."""
    async with one(stage, "first") as first:
        await stage.until(lambda: first.lease.is_held)
        async with one(stage, "second") as second:
            yield first, second


@pytest.mark.fault(row=24)
async def test_one_acts_and_the_other_writes_nothing(bare: Stage) -> None:
    async with two(bare) as (first, second):
        await bare.made_soon()
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 3}})
        await bare.until(lambda: bare.get("deployments", "shop")["spec"]["replicas"] == 3)
        assert first.wire.wrote
        assert second.wire.wrote == []
        assert len(second.controller.queue) == 0, "what waits queues nothing"


async def test_one_that_ends_hands_over_without_a_wait(bare: Stage) -> None:
    async with two(bare) as (first, second):
        await bare.made_soon()
        await first.die()
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 3}})
        await first.lease.release()
        await bare.until(lambda: second.lease.is_held)
        await bare.until(lambda: bare.get("deployments", "shop")["spec"]["replicas"] == 3)


async def test_when_one_dies_the_other_takes_over_and_makes_good_what_happened(
    bare: Stage, an_hour_later: Callable[[], None]
) -> None:
    async with two(bare) as (first, second):
        await bare.made_soon()
        await bare.made_soon("gone", storage={"efs": {"fileSystemId": "fs-76543210"}})
        await first.die()
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 3}})
        await bare.delete("services", "shop-svc")
        await bare.delete("bookstores", "gone")
        assert not second.lease.is_held
        await seen_last(bare, second)
        an_hour_later()
        await bare.until(lambda: second.lease.is_held)
        await bare.until(lambda: bare.get("deployments", "shop")["spec"]["replicas"] == 3)
        await bare.until(lambda: bare.find("services", "shop-svc") is not None)
        await bare.until(lambda: bare.find("bookstores", "gone") is None)


async def test_the_other_writes_nothing_to_a_settled_store_as_it_takes_over(
    bare: Stage, an_hour_later: Callable[[], None]
) -> None:
    async with two(bare) as (first, second):
        await bare.made_soon()
        await bare.until(lambda: len(first.controller.queue) == 0)
        wrote = len(first.wire.wrote)
        await bare.until(lambda: len(first.wire.wrote) == wrote)
        await first.die()
        await seen_last(bare, second)
        an_hour_later()
        await bare.until(lambda: second.lease.is_held)
        await bare.until(lambda: bool(second.controller._reconciler._memories))
        assert second.wire.wrote == []


@pytest.mark.fault(row=24)
async def test_one_that_is_cut_off_ends_before_the_other_begins(
    bare: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LEASE}.DURATION", 8.0)
    monkeypatch.setattr(f"{LEASE}.RENEW_WITHIN", 6.0)
    async with two(bare) as (first, second):
        await bare.made_soon()
        both: list[bool] = []

        async def look() -> None:
            while True:
                both.append(first.lease.is_held and second.lease.is_held)
                await asyncio.sleep(0)

        looking = asyncio.create_task(look())
        first.wire.cut = True
        await bare.until(lambda: second.lease.is_held)
        looking.cancel()
        assert not any(both)
        assert first.memo.stop.is_set(), "its process ends, and begins anew as one that waits"
        assert first.memo.lost


async def test_one_that_was_frozen_writes_nothing_as_it_goes_on(
    bare: Stage, an_hour_later: Callable[[], None]
) -> None:
    async with one(bare, "first") as first:
        await bare.made_soon()
        an_hour_later()
        wrote = len(first.wire.wrote)
        await bare.edit("bookstores", "shop", {"spec": {"replicas": 3}})
        await bare.until(first.memo.stop.is_set)
        assert first.wire.wrote[wrote:] == []


async def test_a_lease_that_another_took_all_the_same_is_given_up_at_once(bare: Stage) -> None:
    async with one(bare, "first") as first:
        await bare.until(lambda: first.lease.is_held)
        place = ("leases", "bookstore-system", "bookstore-operator")
        bare.cluster.merge(place, {"spec": {"holderIdentity": "a-person"}}, "kubectl-edit")
        await bare.until(first.memo.stop.is_set)
        assert bare.cluster.get(place)["spec"]["holderIdentity"] == "a-person"


async def test_a_renewal_whose_answer_is_lost_is_no_loss(bare: Stage) -> None:
    async with one(bare, "first") as first:
        await bare.until(lambda: first.lease.is_held)
        lost = Fault("PATCH", "/leases/", 0, times=3)
        bare.server.faults.append(lost)
        await bare.until(lambda: lost.times == 0)
        await bare.made_soon()
        assert not first.memo.stop.is_set()


async def test_a_container_that_is_started_again_goes_on_at_once(bare: Stage) -> None:
    kube = kube_of(bare.server)
    await Lease(kube, "bookstore-system", "pod_1").take()
    await Lease(kube, "bookstore-system", "pod_1").take()
    waiting = asyncio.create_task(Lease(kube, "bookstore-system", "pod_2").take())
    await bare.until(lambda: bare.server.renewals[-1].startswith("GET"))
    assert not waiting.done()
    waiting.cancel()


async def test_a_missing_right_to_the_lease_is_logged_once_and_waited_for(
    bare: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    message = 'leases is forbidden: User "o" cannot get resource "leases" in API group ""'
    fault = Fault("GET", "/leases/", 403, times=EVER, message=message)
    bare.server.faults.append(fault)
    async with one(bare, "first") as first:
        await bare.until(lambda: fault.times < EVER - 2)
        told = [text for text in caplog.messages if 'cannot get resource "leases"' in text]
        assert len(told) == 1
        fault.times = 0
        await bare.until(lambda: first.lease.is_held)


async def test_the_whole_operator_gives_the_lease_back_as_it_ends(stage: Stage) -> None:
    async with operating(stage):
        await stage.made_soon()
        held = stage.get("leases", "bookstore-operator", "bookstore-system")["spec"]
        assert held["holderIdentity"].startswith("bookstore-operator_")
    released = stage.get("leases", "bookstore-operator", "bookstore-system")["spec"]
    assert released.get("holderIdentity", "") == ""


async def test_the_whole_operator_ends_where_it_loses_the_lease(stage: Stage) -> None:
    memo = kopf.Memo(config=Config())

    async def lose() -> None:
        async with operating(stage, memo) as operator:
            await stage.made_soon()
            place = ("leases", "bookstore-system", "bookstore-operator")
            stage.cluster.merge(place, {"spec": {"holderIdentity": "another"}}, "somebody")
            await stage.until(operator.done)

    with pytest.raises(AssertionError, match="ended by itself"):
        await lose()
    assert memo.lost
