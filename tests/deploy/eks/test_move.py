"""A shop moves from step to step by its own backup and restore, and nobody's order is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.deploy.eks.support.local import LocalStore
from tests.deploy.eks.support.steps import Machine, Step
from tests.support import mariadb
from tests.support.newdatabase import new_database
from tests.support.people import People


@pytest.fixture
def machine(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[str, str], Machine]]:
    """Make the machine of a step, with a new database on a server of a kind."""
    with ExitStack() as ends:

        def make(step: str, kind: str) -> Machine:
            server = request.getfixturevalue(f"{kind}_url")
            return Machine(ends.enter_context(new_database(server)), tmp_path / step)

        yield make


def move(before: Step, after: Step, carrier: Path) -> None:
    carrier.mkdir()
    name = before.back_up(carrier)
    after.restore(carrier / name)


@pytest.mark.slow
def test_a_shop_moves_from_compose_to_machines_to_a_fleet_to_kubernetes_and_home(
    local_store: LocalStore, machine: Callable[[str, str], Machine], tmp_path: Path
) -> None:
    mariadb.main()
    compose = machine("compose", "mysql")
    machines = machine("vm", "mariadb")
    fleet = machine("fleet", "mysql")
    compose.command("migrate")
    with compose.serving() as url:
        people = People(url)
    assert people.pictures, "the cover has no picture"

    for number, (before, after) in enumerate([(compose, machines), (machines, fleet)]):
        move(before, after, tmp_path / f"carrier-{number}")
        with after.serving() as url:
            people.find_all_and_buy_again(url)

    move(fleet, local_store, tmp_path / "carrier-eks")
    people.find_all_and_buy_again(local_store.store.url())
    assert len(people.orders) == 4

    home = machine("home", "mariadb")
    move(local_store, home, tmp_path / "carrier-home")
    with home.serving() as url:
        people.find_all_and_buy_again(url)
