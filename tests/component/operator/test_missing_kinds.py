"""Kinds of third parties, whose CustomResourceDefinitions a cluster may lack."""

from __future__ import annotations

from typing import ClassVar

import pytest

from bookstore_operator.api.conditions import ConditionType
from bookstore_operator.bookstore import ORDER, BookStores
from bookstore_operator.components.manifests import child
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, ready, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Kind, Manifest, Ref
from bookstore_operator.store import Store
from tests.component.operator.server import Fault
from tests.component.operator.stage import Stage, controlling

EVER = 10**6
OTHER: Manifest = {"storage": {"efs": {"fileSystemId": "fs-76543210"}}}
BEACON = Kind(
    "sea.example.com",
    "v1",
    "Beacon",
    "beacons",
    provider="the lighthouse controller (https://sea.example.com)",
)
LIT = ConditionType("Lit", "The beacon burns.")


class Lighthouse(Component[Store]):
    """Want a beacon for stores of three pods."""

    condition: ClassVar = LIT
    kinds: ClassVar = (BEACON,)

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        return [child(root, _beacon(root), "lighthouse")] if root.spec.replicas == 3 else []

    def judge(self, root: Store, view: View) -> Verdict:
        if root.spec.replicas == 3 and view.get(_beacon(root)) is None:
            return waiting(self.awaited, "It is dark.")
        return ready("It burns.")


def _beacon(store: Store) -> Ref:
    return Ref(BEACON, store.namespace, store.name)


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch, bare: Stage) -> Fault:
    """Lack the kind until the fault is taken away, as an API server without its CRD does."""
    monkeypatch.setattr(BookStores, "components", (*ORDER[:2], Lighthouse(), *ORDER[2:]))
    fault = Fault("*", "/apis/sea.example.com/", 404, times=EVER, message="")
    bare.server.faults.append(fault)
    return fault


@pytest.mark.usefixtures("missing")
async def test_a_missing_kind_is_told_with_where_to_get_it(bare: Stage) -> None:
    async with controlling(bare):
        await bare.secret()
        await bare.store(replicas=3)
        await bare.until_told("KindMissing")
        assert bare.condition("Lit") == ("False", "KindMissing")
        assert "does not serve beacons.sea.example.com in version v1" in bare.message("Lit")
        assert "install the lighthouse controller (https://sea.example.com)" in bare.message("Lit")


async def test_a_store_goes_on_by_itself_when_the_kind_appears(bare: Stage, missing: Fault) -> None:
    async with controlling(bare):
        await bare.secret()
        await bare.store(replicas=3)
        await bare.until_told("KindMissing")
        missing.times = 0
        await bare.until_ready()
        before = bare.get("beacons", "shop")
        await bare.delete("beacons", "shop")
        await bare.until(
            lambda: (bare.find("beacons", "shop") or before)["metadata"] != before["metadata"]
        )


async def test_a_missing_kind_that_nobody_wants_is_seldom_looked_for(
    bare: Stage, missing: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore_operator.kube.informer.FIRST_PAUSE", 3600.0)
    monkeypatch.setattr("bookstore_operator.kube.informer.LONGEST_PAUSE", 3600.0)
    async with controlling(bare):
        await bare.made("other", **OTHER)
        looks = [r for r in bare.server.requests if "/beacons" in r]
        assert len(looks) == 1, "at the start alone"
        await bare.store(replicas=3)
        await bare.until_told("KindMissing")
        missing.times = 0
        await bare.until_ready()


@pytest.mark.usefixtures("missing")
async def test_a_missing_kind_holds_back_no_part_that_does_not_need_it(bare: Stage) -> None:
    async with controlling(bare):
        await bare.secret()
        await bare.store(replicas=3)
        await bare.until(lambda: bare.condition("WebReady") == ("True", "Reconciled"))
        await bare.until(lambda: bare.condition("Exposed") == ("True", "Reconciled"))
        assert bare.condition("Ready")[0] == "False"


@pytest.mark.usefixtures("missing")
async def test_a_store_that_wants_nothing_of_a_missing_kind_is_ready(bare: Stage) -> None:
    async with controlling(bare):
        await bare.secret()
        await bare.store(replicas=3)
        await bare.until_told("KindMissing")
        await bare.store("other", **OTHER)
        await bare.until_ready("other")
        assert bare.condition("Lit", "other") == ("True", "Reconciled")


async def test_a_kind_that_appears_writes_nothing_to_stores_that_do_not_need_it(
    bare: Stage, missing: Fault
) -> None:
    async with controlling(bare):
        await bare.secret()
        await bare.store("other", **OTHER)
        await bare.until_ready("other")
        await bare.store(replicas=3)
        await bare.until_told("KindMissing")
        begun = len(bare.server.requests)
        missing.times = 0
        await bare.until_ready()
        touched = [r for r in bare.server.requests[begun:] if "/namespaces/books/" in r]
        assert [r for r in touched if r.split()[0] != "GET" and "other" in r] == []


async def test_a_right_that_is_missing_for_the_kind_is_told_to_those_who_want_it(
    bare: Stage, missing: Fault
) -> None:
    missing.status = 403
    missing.message = 'beacons is forbidden: User "o" cannot list resource "beacons"'
    async with controlling(bare):
        await bare.secret()
        await bare.store(replicas=3)
        await bare.store("other", **OTHER)
        await bare.until(lambda: bare.condition("Lit") == ("False", "Forbidden"))
        await bare.until_ready("other")
