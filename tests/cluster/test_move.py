"""A shop moves to another database as its how-to says, and people find all that is theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.shell import type_in, typed
from tests.support.people import People

PAGE = "move"
SECTION = "From one database to another"
NAMES = "namespace=bookstore old=bookstore new=bookstore-rds\n"


def commands(namespace: str, old: str, new: str) -> str:
    """Return what the page wants typed, for stores of these names."""
    return typed(PAGE, SECTION, {NAMES: f"namespace={namespace} old={old} new={new}\n"})


@pytest.mark.slow
def test_orders_and_pictures_are_the_same_on_the_other_database(
    kube: Kube, lab: Lab, tmp_path: Path
) -> None:
    old = lab.embedded("old")
    new = lab.external("new")
    old.wait_ready(within=240)
    people = People(old.url())
    new.wait_ready()

    type_in(kube, commands(lab.namespace, old.name, new.name), tmp_path)

    new.wait_ready(within=180)
    people.find_all_and_buy_again(new.url())
    assert not old.pods(), "the old shop is closed"
