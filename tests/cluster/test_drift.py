"""What someone deletes or edits by hand comes back as the resource wants it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.poll import eventually
from tests.cluster.support.store import Store

Record = Callable[[str, object], None]

CONTAINER = "/spec/template/spec/containers/0"
PART_OF = "app.kubernetes.io/part-of"

# Kind and suffix of the name; the database's StatefulSet is last, since its pod restarts.
DELETED = [
    ("Secret", "-secret"),
    ("ConfigMap", "-config"),
    ("ServiceAccount", ""),
    ("Job", None),
    ("Service", "-svc"),
    ("Service", "-mysql"),
    ("Deployment", ""),
    ("StatefulSet", "-mysql"),
]

EDITED = [
    ("Deployment", "", "replace", f"{CONTAINER}/image", "nginx:1"),
    ("Deployment", "", "replace", "/spec/replicas", 5),
    ("Deployment", "", "add", f"{CONTAINER}/env/-", {"name": "DEBUG", "value": "1"}),
    ("Deployment", "", "add", "/spec/template/spec/hostNetwork", False),
    ("Service", "-svc", "replace", "/spec/ports/0/port", 8081),
    ("Service", "-svc", "add", "/spec/ports/-", {"name": "debug", "port": 6000}),
    ("Service", "-svc", "add", "/spec/selector/tier", "nowhere"),
    ("Service", "-mysql", "replace", "/spec/ports/0/port", 3307),
    ("ConfigMap", "-config", "replace", "/data/DB_HOST", "elsewhere"),
    ("ConfigMap", "-config", "add", "/data/EXTRA", "1"),
    ("Secret", "-secret", "replace", "/data/secret-key", "bm8="),
    ("Secret", "-secret", "add", "/data/extra", "bm8="),
    ("StatefulSet", "-mysql", "replace", f"{CONTAINER}/image", "mysql:0"),
]


@pytest.fixture
def store(sample: Store) -> Store:
    """Return the sample's store, whole again after the test before."""
    sample.wait_ready()
    return sample


def substance(child: Manifest) -> dict[str, Any]:
    """Return what a child is, without what the cluster notes on it."""
    return {
        key: value
        for key, value in child.items()
        if key not in {"metadata", "status", "apiVersion", "kind"}
    }


@pytest.mark.parametrize(("kind", "suffix"), DELETED)
def test_a_deleted_child_is_made_again(
    kube: Kube, store: Store, kind: str, suffix: str | None, record_property: Record
) -> None:
    name = store.migrations()[0]["metadata"]["name"] if suffix is None else store.name + suffix
    before = kube.get(kind, store.namespace, name)
    start = time.monotonic()
    kube.delete(kind, store.namespace, name)

    def back() -> Manifest:
        child = kube.get(kind, store.namespace, name)
        assert child["metadata"]["uid"] != before["metadata"]["uid"], f"{kind} is still the old one"
        assert "deletionTimestamp" not in child["metadata"]
        return child

    child = eventually(back, within=30)
    record_property(f"seconds until a deleted {kind} is back", round(time.monotonic() - start, 2))
    if kind in {"Secret", "ConfigMap"}:
        assert substance(child) == substance(before)
    store.wait_ready()
    assert store.url()


@pytest.mark.parametrize(("kind", "suffix", "op", "path", "value"), EDITED)
def test_an_edited_child_is_reverted(
    kube: Kube,
    store: Store,
    kind: str,
    suffix: str,
    op: str,
    path: str,
    value: object,
    record_property: Record,
) -> None:
    before = store.child(kind, suffix)
    start = time.monotonic()
    edited = kube.patch(
        kind, store.namespace, store.name + suffix, [{"op": op, "path": path, "value": value}]
    )
    assert substance(edited) != substance(before)

    def reverted() -> None:
        assert substance(store.child(kind, suffix)) == substance(before)

    eventually(reverted, within=30)
    record_property(f"seconds until an edited {kind} is mended", round(time.monotonic() - start, 2))


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


def test_a_deleted_child_is_told_by_an_event(kube: Kube, store: Store) -> None:
    kube.delete("ConfigMap", store.namespace, f"{store.name}-config")

    def told() -> None:
        messages = [event["message"] for event in store.events()]
        assert any("ConfigMap" in message for message in messages), messages

    eventually(told, within=30)
