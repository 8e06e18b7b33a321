"""A live store moves to services and back: what runs when, and whoever dies or turns in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.component.operator.server import Server
from tests.component.operator.stage import controlling, played_on
from tests.component.operator.test_killed import Mortal
from tests.component.operator.topologies import (
    FRONTS,
    MICROSERVICES,
    MONOLITH,
    PHASES,
    SERVICES_OF,
    Moving,
    ask,
    hurry_moves,
    kubelets,
    led_to,
    made,
    phases,
    running,
    status,
    steps,
    until_moved,
)

BOTH = ((MONOLITH, MICROSERVICES), (MICROSERVICES, MONOLITH))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry_moves(monkeypatch)


@pytest.fixture
async def stage() -> AsyncIterator[Moving]:
    async with played_on(Moving(Server())) as stage, kubelets(stage):
        yield stage


@pytest.mark.parametrize(("old", "new"), BOTH)
async def test_a_store_moves_step_by_step_and_one_side_is_whole_in_each(
    stage: Moving, old: str, new: str
) -> None:
    async with controlling(stage):
        await made(stage, old)
        assert status(stage)["topology"] == old
        await ask(stage, new)
        await until_moved(stage, new)
        await stage.until_ready()
    assert phases(stage) == ["settled", *(f"{one} to {new}" for one in PHASES), "settled"]
    assert steps(stage) == [
        ["schemas", "expand", "--to", new],
        ["schemas", "cutover", "--to", new],
        ["schemas", "contract"],
    ]
    gateway = {"shop-gateway"} if new == MICROSERVICES else set()
    assert running(stage) == {*SERVICES_OF[new], *gateway}
    assert led_to(stage) == FRONTS[new]
    assert stage.condition("TopologyCurrent") == ("True", "Reconciled")
    assert ("services" in status(stage)) == (new == MICROSERVICES)
    assert status(stage)["image"] == "bookstore/app:1"
    assert [
        place for place in stage.cluster.objects if place[0] == "jobs" and "move" in place[2]
    ] == []
    assert "Degraded" not in {reason for kind, reason in stage.events() if kind == "Warning"}
    for live in stage.cluster.select("secrets", "books"):
        assert "deletionTimestamp" not in live["metadata"], live["metadata"]["name"]


STOPS = [
    (old, new, at)
    for old, new in BOTH
    for at in PHASES
    # What served as one is gone once it no longer leads.
    if (new, at) != (MICROSERVICES, "Stopping")
]


@pytest.mark.parametrize(("old", "new", "at"), STOPS)
async def test_an_operator_that_is_killed_in_a_phase_goes_on_there(
    stage: Moving, old: str, new: str, at: str
) -> None:
    async with controlling(stage):
        await made(stage, old)
        await stage.hold(at, new)
    before = len(phases(stage))
    stage.let_go()
    async with controlling(stage):
        await until_moved(stage, new)
        await stage.until_ready()
    whole = ["settled", *(f"{one} to {new}" for one in PHASES), "settled"]
    assert phases(stage) == whole
    assert whole[before - 1] == f"{at} to {new}"
    assert [one[1] for one in steps(stage)] == ["expand", "cutover", "contract"], "each once"


TURNED = {
    "Expanding": ["Contracting"],
    "Starting": ["Draining", "Stopping", "Contracting"],
    "Leading": ["Leading", "CuttingOver", "Draining", "Stopping", "Contracting"],
    "CuttingOver": ["Leading", "CuttingOver", "Draining", "Stopping", "Contracting"],
    "Draining": list(PHASES[1:]),
    "Stopping": list(PHASES[1:]),
    "Contracting": list(PHASES),
}


@pytest.mark.parametrize(("old", "new", "at"), STOPS)
async def test_a_move_turns_back_from_every_phase(
    stage: Moving, old: str, new: str, at: str
) -> None:
    async with controlling(stage):
        await made(stage, old)
        await stage.hold(at, new)
        is_switched = PHASES.index(at) >= PHASES.index("Leading")
        await stage.until(lambda: led_to(stage) == FRONTS[new if is_switched else old])
        await ask(stage, old)
        await stage.until(lambda: status(stage).get("move", {}).get("to") == old)
        stage.let_go()
        await until_moved(stage, old)
        await stage.until_ready()
    there = [f"{one} to {new}" for one in PHASES[: PHASES.index(at) + 1]]
    back = [f"{one} to {old}" for one in TURNED[at]]
    assert phases(stage) == ["settled", *there, *back, "settled"]
    assert led_to(stage) == FRONTS[old]
    assert running(stage) >= set(SERVICES_OF[old])
    assert not running(stage) & set(SERVICES_OF[new])


@pytest.mark.fault(row=1)
@pytest.mark.parametrize(("old", "new"), BOTH)
@pytest.mark.parametrize("life", range(2, 75, 17))
async def test_an_operator_that_dies_after_a_write_leaves_no_step_to_be_done_twice(
    stage: Moving, old: str, new: str, life: int
) -> None:
    async with controlling(stage):
        await made(stage, old)
    wire = Mortal(server=stage.server, life=life)
    async with controlling(stage, server=wire):
        await ask(stage, new)
        await stage.until(lambda: wire.is_dead or status(stage).get("topology") == new)
    async with controlling(stage):
        await until_moved(stage, new)
        await stage.until_ready()
    assert [one[1] for one in steps(stage)] == ["expand", "cutover", "contract"]
    assert phases(stage) == ["settled", *(f"{one} to {new}" for one in PHASES), "settled"]
