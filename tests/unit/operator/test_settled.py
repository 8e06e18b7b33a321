"""Properties of the pass: whatever a store wants, a second pass over it writes nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookstore_operator.api.spec import StoreState
from bookstore_operator.kinds import BOOKSTORE, CHILDREN, Manifest, Ref
from bookstore_operator.kube.events import Herald
from bookstore_operator.memory import Memories
from bookstore_operator.metrics import Census
from bookstore_operator.reconciler import Outcome, Reconciler
from bookstore_operator.store import STORE_FINALIZER, StoreKey
from tests.component.operator.cluster import Cluster, Place
from tests.component.operator.controllers import played
from tests.unit.operator.memory_kube import MemoryKube, place
from tests.unit.operator.strategies import valid_specs

KEY = StoreKey("books", "shop")
STORE = place(Ref(BOOKSTORE, *KEY))
SETTINGS = settings(max_examples=60, deadline=None)
SPECS = valid_specs().map(
    lambda spec: spec.model_copy(update={"state": StoreState.RUNNING}).manifest()
)


class Stage:
    """Run passes over one store, and play the controllers of the cluster."""

    def __init__(self, spec: Manifest) -> None:
        self.cluster = Cluster()
        self.kube = MemoryKube(self.cluster)
        self.restart()
        body = {
            "apiVersion": "bookstore.dev/v1",
            "kind": "BookStore",
            "metadata": {"finalizers": [STORE_FINALIZER]},
            "spec": spec,
        }
        self.cluster.apply(STORE, body, "somebody")
        for name in secret_names(spec):
            self.secret(name, spec)

    def restart(self) -> None:
        herald = Herald(self.kube, "test")
        self.reconciler = Reconciler(self.kube, herald, Memories(), Census())

    def secret(self, name: str, spec: Manifest) -> None:
        external = spec["database"]["external"]
        login = external["credentialsSecretRef"]
        keys = [login.get("userKey", "username"), login.get("passwordKey", "password")]
        keys.append(external.get("tls", {}).get("caSecretRef", {}).get("key", "ca.crt"))
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {}}
        data = dict.fromkeys(keys, "eHh4")
        self.cluster.apply(("secrets", "books", name), {**body, "data": data}, "somebody")

    def run(self) -> Outcome:
        return asyncio.run(self.reconciler.reconcile(KEY))

    def settle(self) -> None:
        """Run passes and controllers in turn until the store is ready."""
        for _ in range(6):
            outcome = self.run()
            if outcome.result == "ready":
                return
            for where, live in list(self.cluster.objects.items()):
                if status := played(live):
                    self.cluster.merge(where, {"status": status}, "controller", "status")
        raise AssertionError((outcome, self.cluster.get(STORE)["status"]["conditions"]))

    def children(self) -> list[Place]:
        """Return what the operator made, and not the Secrets that the spec points at."""
        plurals = {kind.plural for kind in CHILDREN}
        return [
            where
            for where, live in self.cluster.objects.items()
            if where[0] in plurals and live["metadata"].get("labels")
        ]


def secret_names(spec: Manifest) -> set[str]:
    external = spec["database"].get("external")
    if not external:
        return set()
    ca = external.get("tls", {}).get("caSecretRef", {})
    return {external["credentialsSecretRef"]["name"], *([ca["name"]] if ca else [])}


@SETTINGS
@given(SPECS)
def test_a_second_pass_over_a_settled_store_writes_nothing(spec: Manifest) -> None:
    stage = Stage(spec)
    stage.settle()
    before = len(stage.kube.writes)
    assert stage.run() == Outcome("ready")
    assert stage.kube.writes[before:] == []


@SETTINGS
@given(SPECS)
def test_a_restarted_operator_writes_nothing_to_a_settled_store(spec: Manifest) -> None:
    stage = Stage(spec)
    stage.settle()
    before = len(stage.kube.writes)
    stage.restart()
    assert stage.run() == Outcome("ready")
    assert stage.kube.writes[before:] == []


@SETTINGS
@given(SPECS, st.data())
def test_a_deleted_child_is_made_again_by_one_pass(spec: Manifest, data: st.DataObject) -> None:
    stage = Stage(spec)
    stage.settle()
    where = data.draw(st.sampled_from(stage.children()))
    before = stage.cluster.get(where)
    stage.cluster.delete(where)
    stage.run()
    after = stage.cluster.get(where)
    assert "deletionTimestamp" not in after["metadata"]
    assert after.get("data") == before.get("data")
    assert after["metadata"]["labels"] == before["metadata"]["labels"]


EDITS: list[tuple[str, str, Any]] = [
    ("deployments", "shop", {"spec": {"replicas": 99}}),
    ("deployments", "shop", {"spec": {"template": {"spec": {"hostNetwork": True}}}}),
    ("services", "shop-svc", {"spec": {"selector": {"tier": "nowhere"}}}),
    ("services", "shop-svc", {"spec": {"ports": [{"name": "http", "port": 9, "targetPort": 9}]}}),
    ("configmaps", "shop-config", {"data": {"DB_HOST": "elsewhere"}}),
    ("configmaps", "shop-config", {"data": {"EXTRA": "1"}}),
    ("secrets", "shop-secret", {"data": {"secret-key": "bm8="}}),
    ("secrets", "shop-secret", {"data": {"extra": "bm8="}}),
]


@pytest.mark.parametrize(("plural", "name", "edit"), EDITS)
@settings(max_examples=10, deadline=None)
@given(SPECS)
def test_an_edit_of_somebody_else_is_reverted_by_one_write(
    plural: str, name: str, edit: Manifest, spec: Manifest
) -> None:
    stage = Stage(spec)
    stage.settle()
    where, before = (plural, "books", name), len(stage.kube.writes)
    original = stage.cluster.get(where)
    stage.cluster.merge(where, edit, "kubectl-edit")
    assert without_metadata(stage.cluster.get(where)) != without_metadata(original)
    stage.run()
    assert without_metadata(stage.cluster.get(where)) == without_metadata(original)
    children = [w for w in stage.kube.writes[before:] if w.startswith(("apply", "merge"))]
    assert len([w for w in children if "BookStore" not in w]) == 1


def without_metadata(live: Manifest) -> Manifest:
    return {key: value for key, value in live.items() if key != "metadata"}


@SETTINGS
@given(SPECS)
def test_labels_and_annotations_of_others_stay(spec: Manifest) -> None:
    stage = Stage(spec)
    stage.settle()
    foreign = {"metadata": {"labels": {"team": "red"}, "annotations": {"note": "theirs"}}}
    before = len(stage.kube.writes)
    for where in stage.children():
        stage.cluster.merge(where, foreign, "kubectl-edit")
    stage.run()
    assert stage.kube.writes[before:] == []
    for where in stage.children():
        assert stage.cluster.get(where)["metadata"]["annotations"]["note"] == "theirs"
