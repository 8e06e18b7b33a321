"""An API server that fails for minutes, with every pause of the operator as long as it is.

The clock jumps over the pauses. Nothing else is shortened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest

from bookstore_operator.kube.lease import DURATION
from tests.component.operator.server import Fault, Server
from tests.component.operator.stage import Stage, controlling, playing
from tests.component.operator.test_lease import one
from tests.component.operator.virtual import played

EVER = 10**9
OUTAGE = 120.0
SILENCE = 70.0
AFTER = 60.0
"""Seconds that the longest pause between two attempts can last."""
SETTLED = 60.0

EVERYTHING = ("*", "")
ALL_BUT_WATCHES = ("*", "^(?!.*watch=true)")
ALL_BUT_THE_STORE = ("*", "^(?!.*(watch=true|/bookstores/))")
"""Its status can be written, and so could be wrong."""


def ready(stage: Stage, begun: int) -> set[str]:
    """Return what Ready was since a point of the journal."""
    return {
        condition["status"]
        for change in stage.cluster.journal[begun:]
        if change.plural == "bookstores"
        for condition in change.live["status"]["conditions"]
        if condition["type"] == "Ready"
    }


async def within(seconds: float, check: Callable[[], bool]) -> None:
    """Poll until something is so."""
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - what is polled has no event
            await asyncio.sleep(0.1)


async def store(stage: Stage) -> None:
    """Make a store, and let it come to rest."""
    await stage.made_soon()
    await asyncio.sleep(SETTLED)


def told(
    check: Callable[[Stage], Awaitable[None]],
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Run a story beside an operator without kopf and without a socket."""

    async def story() -> None:
        async with playing(Server()) as stage, controlling(stage):
            await check(stage)

    return story


@pytest.mark.fault(row=7)
@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(
    "what",
    [EVERYTHING, ALL_BUT_WATCHES, ALL_BUT_THE_STORE],
    ids=["all", "all but watches", "all but the store"],
)
def test_two_minutes_of_failures_flip_nothing_and_lose_nothing(
    monkeypatch: pytest.MonkeyPatch, status: int, what: tuple[str, str]
) -> None:
    async def story(stage: Stage) -> None:
        await store(stage)
        begun = len(stage.cluster.journal)
        fault = Fault(*what, status, times=EVER)
        stage.server.faults.append(fault)
        if what is EVERYTHING:
            await stage.server.end_watches("cut")
        await stage.edit("bookstores", "shop", {"spec": {"replicas": 3}})
        await stage.delete("services", "shop-svc")
        asked = [len(stage.server.requests)]
        for _ in range(4):
            await asyncio.sleep(OUTAGE / 4)
            asked.append(len(stage.server.requests))
        assert stage.get("deployments", "shop")["spec"]["replicas"] == 2, "nothing got through"
        fault.times = 0
        assert ready(stage, begun) <= {"True"}

        times = [after - before for before, after in pairwise(asked)]
        assert times[3] < times[0] / 2, f"it asks ever less often, not {times} times"
        # A pause of half a minute, with its jitter, can be longer than a quarter of the outage.
        assert times[2] + times[3] > 0, "it has not given up"

        await within(AFTER, lambda: stage.find("services", "shop-svc") is not None)
        await within(AFTER, lambda: stage.get("deployments", "shop")["spec"]["replicas"] == 3)
        await within(AFTER, lambda: stage.condition("Ready") == ("True", "Reconciled"))

    played(monkeypatch, told(story)())


@pytest.mark.fault(row=7)
def test_the_operators_that_lost_their_lease_by_an_outage_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Failing to renew the Lease ends an operator; the kubelet starts it again."""

    async def kept(stage: Stage, name: str) -> None:
        while True:
            async with one(stage, name) as operator:
                await operator.memo.stop.wait()
            await asyncio.sleep(10)

    async def story() -> None:
        async with playing(Server()) as stage:
            pods = [asyncio.create_task(kept(stage, name)) for name in ("first", "second")]
            await store(stage)
            begun = len(stage.cluster.journal)
            fault = Fault("*", "", 503, times=EVER)
            stage.server.faults.append(fault)
            await stage.server.end_watches("cut")
            await stage.edit("bookstores", "shop", {"spec": {"replicas": 3}})
            await asyncio.sleep(OUTAGE)
            fault.times = 0
            await within(
                AFTER + DURATION, lambda: stage.get("deployments", "shop")["spec"]["replicas"] == 3
            )
            await within(AFTER, lambda: stage.condition("Ready") == ("True", "Reconciled"))
            assert ready(stage, begun) == {"True", "False"}, "False while a third pod starts"
            for pod in pods:
                pod.cancel()
            await asyncio.gather(*pods, return_exceptions=True)

    played(monkeypatch, story())


@pytest.mark.fault(row=5)
def test_a_watch_that_falls_silent_is_connected_anew_and_nothing_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(stage: Stage) -> None:
        await store(stage)
        await stage.server.end_watches("silence")
        await stage.edit("services", "shop-svc", {"spec": {"selector": {"tier": "nowhere"}}})
        await asyncio.sleep(1)
        assert "tier" in stage.get("services", "shop-svc")["spec"]["selector"], "it heard of it"
        await within(
            SILENCE, lambda: "tier" not in stage.get("services", "shop-svc")["spec"]["selector"]
        )

    played(monkeypatch, told(story)())
