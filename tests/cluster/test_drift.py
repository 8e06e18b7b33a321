"""What someone deletes or edits by hand comes back as the resource wants it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.cluster.support.kube import ApiError, Kube, Manifest
from tests.cluster.support.store import Store
from tests.support.poll import eventually

Record = Callable[[str, object], None]

CONTAINER = "/spec/template/spec/containers/0"
PART_OF = "app.kubernetes.io/part-of"

# The database's StatefulSet is last, since its pod restarts.
DELETED: dict[str, Callable[[Store], Manifest]] = {
    "generated Secret": lambda store: store.child("Secret", "-secret"),
    "Secret of the pods": lambda store: store.environment(),
    "ConfigMap": lambda store: store.config(),
    "ServiceAccount": lambda store: store.child("ServiceAccount"),
    "Job": lambda store: store.migrations()[0],
    "Service": lambda store: store.child("Service", "-svc"),
    "database's Service": lambda store: store.child("Service", "-mysql"),
    "PodDisruptionBudget": lambda store: store.child("PodDisruptionBudget"),
    "Deployment": lambda store: store.child("Deployment"),
    "StatefulSet": lambda store: store.child("StatefulSet", "-mysql"),
}


class Edit(NamedTuple):
    """What a person does to a child: one step of a JSON patch (RFC 6902)."""

    kind: str
    suffix: str
    op: str
    path: str
    value: object


EDITED = {
    "image": Edit("Deployment", "", "replace", f"{CONTAINER}/image", "nginx:1"),
    "replicas": Edit("Deployment", "", "replace", "/spec/replicas", 5),
    "variable": Edit("Deployment", "", "add", f"{CONTAINER}/env/-", {"name": "D", "value": "1"}),
    "container": Edit(
        "Deployment", "", "add", f"{CONTAINER[:-1]}-", {"name": "sidecar", "image": "nginx:1"}
    ),
    "port": Edit("Service", "-svc", "replace", "/spec/ports/0/port", 8081),
    "second port": Edit("Service", "-svc", "add", "/spec/ports/-", {"name": "d", "port": 6000}),
    "selector": Edit("Service", "-svc", "add", "/spec/selector/tier", "nowhere"),
    "database port": Edit("Service", "-mysql", "replace", "/spec/ports/0/port", 3307),
    "budget": Edit("PodDisruptionBudget", "", "replace", "/spec/maxUnavailable", "100%"),
    "secret": Edit("Secret", "-secret", "replace", "/data/secret-key", "bm8="),
    "new secret": Edit("Secret", "-secret", "add", "/data/extra", "bm8="),
    "token": Edit("ServiceAccount", "", "replace", "/automountServiceAccountToken", True),
    "database image": Edit("StatefulSet", "-mysql", "replace", f"{CONTAINER}/image", "mysql:0"),
}


@pytest.fixture
def store(sample: Store) -> Store:
    """Return the sample's store, whole again after the test before."""
    sample.wait_ready()
    return sample


def since(start: float) -> float:
    return round(time.monotonic() - start, 2)


def substance(child: Manifest) -> dict[str, Any]:
    """Return what a child is, without what the cluster notes on it."""
    return {
        key: value
        for key, value in child.items()
        if key not in {"metadata", "status", "apiVersion", "kind"}
    }


@pytest.mark.fault(row=10)
@pytest.mark.parametrize("name", DELETED)
def test_a_deleted_child_is_made_again(
    kube: Kube, store: Store, name: str, record_property: Record
) -> None:
    before = DELETED[name](store)
    kind, where = before["kind"], (store.namespace, before["metadata"]["name"])
    start = time.monotonic()
    kube.delete(kind, *where)

    def back() -> Manifest:
        child = kube.get(kind, *where)
        assert child["metadata"]["uid"] != before["metadata"]["uid"], f"{kind} is still the old one"
        assert "deletionTimestamp" not in child["metadata"]
        return child

    child = eventually(back, within=30)
    record_property(f"seconds until a deleted {kind} is back", since(start))
    if kind in {"Secret", "ConfigMap"}:
        assert substance(child) == substance(before)
    store.wait_ready()
    assert store.url()


@pytest.mark.parametrize("revision", [Store.config, Store.environment], ids=["config", "env"])
def test_what_pods_read_at_their_start_cannot_be_edited(
    kube: Kube, store: Store, revision: Callable[[Store], Manifest]
) -> None:
    read = revision(store)
    for key in read["data"]:
        with pytest.raises(ApiError, match="immutable"):
            kube.patch(
                *(read["kind"], store.namespace, read["metadata"]["name"]),
                {"data": {key: "ZWxzZXdoZXJl"}},
            )


@pytest.mark.fault(row=11)
@pytest.mark.parametrize("edit", EDITED.values(), ids=EDITED)
def test_an_edited_child_is_reverted(
    kube: Kube, store: Store, edit: Edit, record_property: Record
) -> None:
    before = store.child(edit.kind, edit.suffix)
    start = time.monotonic()
    edited = kube.patch(
        edit.kind,
        store.namespace,
        store.name + edit.suffix,
        [{"op": edit.op, "path": edit.path, "value": edit.value}],
    )
    assert substance(edited) != substance(before)

    def reverted() -> None:
        assert substance(store.child(edit.kind, edit.suffix)) == substance(before)

    eventually(reverted, within=30)
    record_property(f"seconds until an edited {edit.kind} is mended", since(start))


@pytest.mark.fault(row=11)
def test_labels_of_ours_come_back_and_those_of_others_stay(kube: Kube, store: Store) -> None:
    for child in store.children():
        where = (child["kind"], child["metadata"].get("namespace", ""), child["metadata"]["name"])
        change = {"labels": {PART_OF: None, "team": "red"}, "annotations": {"note": "ours"}}
        kube.patch(*where, {"metadata": change})

        def mended(where: tuple[str, str, str] = where) -> None:
            meta = kube.get(*where)["metadata"]
            assert meta["labels"].get(PART_OF) == "bookstore", where
            assert meta["labels"].get("team") == "red", where
            assert meta["annotations"].get("note") == "ours", where

        eventually(mended, within=30)


@pytest.mark.fault(row=10)
def test_a_deleted_child_is_told_by_an_event(kube: Kube, store: Store) -> None:
    name = store.config()["metadata"]["name"]
    kube.delete("ConfigMap", store.namespace, name)

    def told() -> None:
        messages = [event["message"] for event in store.events()]
        assert any(name in message for message in messages), messages

    eventually(told, within=30)
