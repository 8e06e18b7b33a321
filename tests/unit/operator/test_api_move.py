"""The phases of a move: whom shoppers are led to always runs, also where a store turns back."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from bookstore_operator.api.move import PHASES, Move, MovePhase, Sides, other
from bookstore_operator.api.services import Topology

WAYS = list(product(Topology, PHASES))


def sides(to: Topology, phase: MovePhase) -> Sides:
    move = Move(to=to, phase=phase, image="bookstore/app:1", generation=1)
    return Sides(other(to), move)


def runs(seen: Sides, topology: Topology) -> bool:
    """Return whether a topology can answer shoppers: services do so through their gateway."""
    return seen.whole if topology is Topology.MONOLITH else seen.services and seen.gateway


def test_a_settled_store_runs_what_it_serves_as_and_no_more() -> None:
    whole, services = Sides(Topology.MONOLITH), Sides(Topology.MICROSERVICES)
    assert (whole.whole, whole.services, whole.gateway) == (True, False, False)
    assert (services.whole, services.services, services.gateway) == (False, True, True)
    assert (whole.led_to, services.led_to) == (Topology.MONOLITH, Topology.MICROSERVICES)


@pytest.mark.parametrize(("to", "phase"), WAYS)
def test_who_shoppers_are_led_to_runs(to: Topology, phase: MovePhase) -> None:
    seen = sides(to, phase)
    assert runs(seen, seen.led_to)


@pytest.mark.parametrize(("to", "phase"), WAYS)
def test_a_store_that_turns_back_leads_shoppers_to_where_they_were(
    to: Topology, phase: MovePhase
) -> None:
    seen = sides(to, phase)
    assert seen.move
    turned = Sides(seen.topology, seen.move.back(2))
    assert turned.move
    assert turned.move.to is seen.topology
    assert turned.move.generation == 2
    # While both sides are whole, shoppers are led back at once; else who serves them goes on.
    both = phase in (MovePhase.LEADING, MovePhase.CUTTING_OVER)
    assert turned.led_to is (seen.topology if both else seen.led_to)
    assert runs(turned, turned.led_to)
    assert runs(seen, turned.led_to), "it runs already"


@pytest.mark.parametrize("to", Topology)
def test_a_move_goes_through_all_phases_and_leads_shoppers_over_once(to: Topology) -> None:
    move: Move | None = sides(to, PHASES[0]).move
    passed = []
    while move:
        passed.append(move)
        move = move.then()
    assert tuple(one.phase for one in passed) == PHASES
    led = [Sides(other(to), one).led_to for one in passed]
    assert (led[0], led[-1]) == (other(to), to)
    assert sum(one is not next_ for one, next_ in pairwise(led)) == 1


@pytest.mark.parametrize("to", Topology)
def test_both_sides_run_while_the_tables_change_their_place(to: Topology) -> None:
    seen = sides(to, MovePhase.CUTTING_OVER)
    assert seen.whole
    assert seen.services
    last = sides(to, MovePhase.CONTRACTING)
    assert not runs(last, other(to)), "nobody is left who needs the views"


def test_the_gateway_ends_before_the_services_that_it_asks() -> None:
    draining = sides(Topology.MONOLITH, MovePhase.DRAINING)
    assert (draining.gateway, draining.services) == (False, True)
    stopping = sides(Topology.MONOLITH, MovePhase.STOPPING)
    assert (stopping.gateway, stopping.services) == (False, False)
