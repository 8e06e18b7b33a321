"""A live store moves to services and back: what runs when, and whoever dies or turns in it."""

from __future__ import annotations

import pytest

from tests.component.operator.stage import controlling
from tests.component.operator.test_killed import Mortal
from tests.component.operator.topologies import (
    FRONTS,
    MICROSERVICES,
    MONOLITH,
    PHASES,
    SERVICES_OF,
    Moving,
    ask,
    led_to,
    made,
    phases,
    running,
    status,
    steps,
    until_moved,
)

BOTH = ((MONOLITH, MICROSERVICES), (MICROSERVICES, MONOLITH))


@pytest.mark.parametrize(("old", "new"), BOTH)
async def test_a_store_moves_step_by_step_and_one_side_is_whole_in_each(
    moving: Moving, old: str, new: str
) -> None:
    async with controlling(moving):
        await made(moving, old)
        assert status(moving)["topology"] == old
        await ask(moving, new)
        await until_moved(moving, new)
        await moving.until_ready()
    assert phases(moving) == ["settled", *(f"{one} to {new}" for one in PHASES), "settled"]
    assert steps(moving) == [
        ["schemas", "expand", "--to", new],
        ["schemas", "cutover", "--to", new],
        ["schemas", "contract"],
    ]
    gateway = {"shop-gateway"} if new == MICROSERVICES else set()
    assert running(moving) == {*SERVICES_OF[new], *gateway}
    assert led_to(moving) == FRONTS[new]
    assert moving.condition("TopologyCurrent") == ("True", "Reconciled")
    assert ("services" in status(moving)) == (new == MICROSERVICES)
    assert status(moving)["image"] == "bookstore/app:1"
    assert [
        place for place in moving.cluster.objects if place[0] == "jobs" and "move" in place[2]
    ] == []
    assert "Degraded" not in {reason for kind, reason in moving.events() if kind == "Warning"}
    for live in moving.cluster.select("secrets", "books"):
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
    moving: Moving, old: str, new: str, at: str
) -> None:
    async with controlling(moving):
        await made(moving, old)
        await moving.hold(at, new)
    before = len(phases(moving))
    moving.let_go()
    async with controlling(moving):
        await until_moved(moving, new)
        await moving.until_ready()
    whole = ["settled", *(f"{one} to {new}" for one in PHASES), "settled"]
    assert phases(moving) == whole
    assert whole[before - 1] == f"{at} to {new}"
    assert [one[1] for one in steps(moving)] == ["expand", "cutover", "contract"], "each once"


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
    moving: Moving, old: str, new: str, at: str
) -> None:
    async with controlling(moving):
        await made(moving, old)
        await moving.hold(at, new)
        is_switched = PHASES.index(at) >= PHASES.index("Leading")
        await moving.until(lambda: led_to(moving) == FRONTS[new if is_switched else old])
        await ask(moving, old)
        await moving.until(lambda: status(moving).get("move", {}).get("to") == old)
        moving.let_go()
        await until_moved(moving, old)
        await moving.until_ready()
    there = [f"{one} to {new}" for one in PHASES[: PHASES.index(at) + 1]]
    back = [f"{one} to {old}" for one in TURNED[at]]
    assert phases(moving) == ["settled", *there, *back, "settled"]
    assert led_to(moving) == FRONTS[old]
    assert running(moving) >= set(SERVICES_OF[old])
    assert not running(moving) & set(SERVICES_OF[new])


@pytest.mark.fault(row=1)
@pytest.mark.parametrize(("old", "new"), BOTH)
@pytest.mark.parametrize("life", range(2, 75, 17))
async def test_an_operator_that_dies_after_a_write_leaves_no_step_to_be_done_twice(
    moving: Moving, old: str, new: str, life: int
) -> None:
    async with controlling(moving):
        await made(moving, old)
    wire = Mortal(server=moving.server, life=life)
    async with controlling(moving, server=wire):
        await ask(moving, new)
        await moving.until(lambda: wire.is_dead or status(moving).get("topology") == new)
    async with controlling(moving):
        await until_moved(moving, new)
        await moving.until_ready()
    assert [one[1] for one in steps(moving)] == ["expand", "cutover", "contract"]
    assert phases(moving) == ["settled", *(f"{one} to {new}" for one in PHASES), "settled"]
