"""Where the store's pods run: what the spec says, and what stays as it was."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.components.migration import Migration
from bookstore_operator.components.placement import NODE_AWAY
from bookstore_operator.kube.kinds import JOB
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import play, seen, store

TAINTED = {"key": "pool", "value": "shops", "effect": "NoSchedule"}
PLACEMENT = {
    "nodeSelector": {"pool": "shops"},
    "tolerations": [TAINTED],
    "priorityClassName": "shops",
}
EMBEDDED: dict[str, Any] = {"database": {"embedded": {}}}


def pods(root: Store) -> dict[str, Manifest]:
    """Return the pods that are wanted, by the kind of their workload."""
    return {
        one["kind"]: one["spec"]["template"]["spec"]
        for wanted in play(root, seen(root)).values()
        for one in wanted
        if "template" in one.get("spec", {})
    }


def test_shop_migration_and_embedded_database_are_placed_alike() -> None:
    found = pods(store(**EMBEDDED, placement=PLACEMENT))
    assert found.keys() == {"Deployment", "Job", "StatefulSet"}
    for pod in found.values():
        assert pod["nodeSelector"] == {"pool": "shops"}
        assert pod["priorityClassName"] == "shops"
        assert pod["tolerations"][-1] == TAINTED


def test_a_store_without_placement_says_nothing_of_it() -> None:
    found = pods(store(**EMBEDDED))
    for pod in found.values():
        assert not {"nodeSelector", "priorityClassName"} & pod.keys()
    assert "tolerations" not in found["Job"]


@pytest.mark.parametrize("key", ["node.kubernetes.io/unreachable", None])
def test_pods_leave_a_node_that_is_away_unless_the_spec_says_for_how_long(key: str | None) -> None:
    mine = {"key": key or "pool", "operator": "Exists"}
    (deployment,) = [
        pod
        for kind, pod in pods(store(placement={"tolerations": [mine]})).items()
        if kind == "Deployment"
    ]
    found = {one["key"]: one for one in deployment["tolerations"]}
    assert found["node.kubernetes.io/not-ready"]["tolerationSeconds"] == NODE_AWAY
    assert ("tolerationSeconds" in found["node.kubernetes.io/unreachable"]) == (key is None)


def test_a_spread_of_the_spec_takes_the_place_of_the_one_by_node() -> None:
    zone = {"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    pod = pods(store(placement={"topologySpread": [zone]}))["Deployment"]
    (constraint,) = pod["topologySpreadConstraints"]
    assert constraint == {
        **zone,
        "maxSkew": 1,
        "labelSelector": {"matchLabels": store().selector("web")},
        "matchLabelKeys": ["pod-template-hash"],
    }
    assert pod["affinity"] == pods(store())["Deployment"]["affinity"]


@pytest.mark.parametrize(
    ("status", "again"),
    [
        ({"active": 1, "ready": 0}, True),
        ({"active": 1, "ready": 1}, False),
        ({"conditions": [{"type": "Complete", "status": "True"}]}, False),
    ],
)
def test_a_migration_that_found_no_node_is_made_anew_for_another_placement(
    status: dict[str, Any], again: bool
) -> None:
    before = store(placement={"nodeSelector": {"pool": "none"}})
    view = seen(before)
    play(before, view)
    (job,) = view.owned(JOB)
    live = view.get(job)
    assert live
    live["status"] = status
    assert Migration().replaced(before, view) == []
    after = store(placement=PLACEMENT)
    assert Migration().replaced(after, view) == ([job] if again else [])
