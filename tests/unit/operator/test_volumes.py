"""How volumes are judged, and what is wanted of them."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.components.database.database import DATABASE_STARTING
from bookstore_operator.components.database.embedded import EmbeddedDatabase
from bookstore_operator.components.storage import Storage
from bookstore_operator.components.volumes import (
    VOLUME_LOST,
    VOLUME_NOT_BOUND,
    VOLUME_NOT_RESIZED,
    VOLUME_TERMINATING,
)
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.errors import RefusedError
from bookstore_operator.kube.kinds import PERSISTENT_VOLUME
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store
from tests.unit.operator.staging import play, put, seen, store

LONG_AGO, JUST_NOW = "2026-01-01T11:00:00Z", "2026-01-01T11:59:55Z"
EMBEDDED: Manifest = {"database": {"embedded": {}}}
VOLUME = Ref(PERSISTENT_VOLUME, "", "pvc-1")


def claimed(size: str = "1Gi", **status: Any) -> Store:
    """Return a store whose files are on a volume of a StorageClass."""
    told = {"volumes": [{"name": "files", **status}]} if status else None
    return store(storage={"claim": {"size": size}}, status=told)


def bound(root: Store, capacity: str = "1Gi", **spec: Any) -> View:
    """Return what is there of a claim that is bound, and of its volume."""
    view = seen(root)
    play(store(storage={"claim": {}}), view)
    claim = view.get(root.files)
    assert claim
    claim["spec"] |= {"volumeName": VOLUME.name, "storageClassName": "fast"}
    claim["spec"]["resources"]["requests"]["storage"] = capacity
    claim["status"] = {"phase": "Bound", "capacity": {"storage": capacity}}
    pinned = {"namespace": "books", "name": "shop-files", "uid": claim["metadata"]["uid"]}
    body = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": VOLUME.name},
        "spec": {
            "capacity": {"storage": capacity},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": "fast",
            "claimRef": pinned,
        }
        | spec,
    }
    put(view, body)
    return view


def judged(root: Store, view: View) -> tuple[State, str, bool]:
    verdict = Storage().judge(root, view)
    return verdict.state, str(verdict.reason), verdict.holds


@pytest.mark.parametrize(
    ("wanted", "capacity", "requested"),
    [
        ("2Gi", "1Gi", "2Gi"),
        ("1Gi", "1Gi", "1Gi"),
        ("1Gi", "4Gi", "4Gi"),
        ("1024Mi", "1Gi", "1Gi"),
    ],
)
def test_a_claim_asks_for_no_less_than_there_is(wanted: str, capacity: str, requested: str) -> None:
    root = claimed(wanted)
    (claim,) = Storage().children(root, bound(root, capacity))
    assert claim["spec"]["resources"]["requests"]["storage"] == requested


def test_a_size_that_was_refused_can_be_taken_back() -> None:
    root = claimed("1Gi")
    view = bound(root, "1Gi")
    live = view.get(root.files)
    assert live
    live["spec"]["resources"]["requests"]["storage"] = "2Gi"
    assert Storage().judge(root, view).ready, "what there is counts, and not what was asked for"


def test_a_size_that_the_class_cannot_give_holds_nothing_back() -> None:
    root = claimed("2Gi")
    view = bound(root, "1Gi")
    error = RefusedError("the API server refused to merge PersistentVolumeClaim books/shop-files")
    verdict = Storage().refused(root, view, error)
    assert (verdict.reason, verdict.holds) == (VOLUME_NOT_RESIZED, False)
    assert "set storage.claim.size back to 1Gi" in verdict.message
    other = Storage().refused(root, view, RefusedError("PersistentVolume theirs"))
    assert other.reason == "Invalid"
    same = Storage().refused(claimed("1Gi"), view, error)
    assert same.reason == "Invalid", "another field than the size was refused"


@pytest.mark.parametrize("gone", ["claim", "both"])
def test_a_claim_is_made_again_on_its_volume_and_never_on_a_new_one(gone: str) -> None:
    root = claimed(claim="shop-files", claimUID="uid-1", volume=VOLUME.name)
    view = bound(root)
    view.objects[root.files] = None
    if gone == "both":
        view.objects[VOLUME] = None
        assert Storage().children(root, view) == []
        assert judged(root, view) == (State.FAILED, str(VOLUME_LOST), True)
        return
    (claim,) = Storage().children(root, view)
    assert claim["spec"]["volumeName"] == VOLUME.name
    assert claim["spec"]["storageClassName"] == "fast"
    assert Storage().patches(root, view) == [], "the volume of a namespace that goes is not freed"


@pytest.mark.parametrize("phase", ["Released", "Bound"])
def test_a_volume_is_freed_once_its_new_claim_stands_and_never_while_it_is_bound(
    phase: str,
) -> None:
    root = claimed(claim="shop-files", claimUID="uid of the one before", volume=VOLUME.name)
    view = bound(root)
    volume, claim = view.get(VOLUME), view.get(root.files)
    assert volume
    assert claim
    claim["status"] = {"phase": "Pending"}
    claim["metadata"]["uid"] = "uid of the new one"
    volume["status"] = {"phase": phase}
    found = Storage().patches(root, view)
    if phase == "Bound":
        assert found == []
        return
    (patch,) = found
    assert patch.body == {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
    assert "which holds its data" in patch.message


def test_a_volume_that_is_about_to_go_counts_as_gone() -> None:
    root = claimed(claim="shop-files", claimUID="uid-1", volume=VOLUME.name)
    view = bound(root)
    view.objects[root.files] = None
    volume = view.get(VOLUME)
    assert volume
    volume["metadata"]["deletionTimestamp"] = JUST_NOW
    assert judged(root, view)[1] == VOLUME_LOST
    assert Storage().patches(root, view) == []


def test_a_claim_that_lost_its_volume_is_lost() -> None:
    root = claimed(claim="shop-files", claimUID="uid of it", volume=VOLUME.name)
    view = bound(root)
    claim = view.get(root.files)
    assert claim
    claim["metadata"]["uid"] = "uid of it"
    assert judged(root, view)[0] is State.READY
    claim["status"]["phase"] = "Lost"
    assert judged(root, view)[1] == VOLUME_LOST


def test_a_claim_on_another_volume_is_not_the_one_that_held_the_data() -> None:
    root = claimed(claim="shop-files", claimUID="uid of the one before", volume="pvc-0")
    view = bound(root)
    assert judged(root, view)[1] == VOLUME_LOST
    verdict = Storage().judge(root, view)
    assert "no longer the one that held the store's data" in verdict.message
    assert Storage().status(root, view)["volumes"][0]["volume"] == "pvc-0", "it is remembered"


def test_a_volume_that_another_claim_took_is_left_alone() -> None:
    root = claimed(claim="shop-files", claimUID="uid-1", volume=VOLUME.name)
    theirs = {"namespace": "other", "name": "theirs", "uid": "u"}
    view = bound(root, claimRef=theirs)
    assert Storage().patches(root, view) == []
    view.objects[root.files] = None
    assert Storage().patches(root, view) == []


def test_a_claim_that_is_about_to_go_is_told_and_holds_nothing_back() -> None:
    root = claimed()
    view = bound(root)
    claim = view.get(root.files)
    assert claim
    claim["metadata"]["deletionTimestamp"] = JUST_NOW
    assert judged(root, view) == (State.FAILED, str(VOLUME_TERMINATING), False)


def test_a_claim_that_was_not_made_yet_is_waited_for() -> None:
    for root in (claimed(), store()):
        view = seen(root)
        assert judged(root, view) == (State.WAITING, str(VOLUME_NOT_BOUND), False)


@pytest.mark.parametrize("part", ["claim", "volume"])
def test_files_on_efs_that_are_about_to_be_let_go_are_told(part: str) -> None:
    root = store()
    view = seen(root)
    play(root, view)
    live = view.get(root.files if part == "claim" else root.efs_volume)
    assert live
    live["metadata"]["deletionTimestamp"] = JUST_NOW
    assert judged(root, view) == (State.FAILED, str(VOLUME_TERMINATING), False)
    assert "keeps the files" in Storage().judge(root, view).message


def test_a_claim_on_efs_that_is_bound_elsewhere_is_told() -> None:
    root = store()
    view = seen(root)
    play(root, view)
    claim = view.get(root.files)
    assert claim
    claim["spec"]["volumeName"] = "theirs"
    assert judged(root, view)[:2] == (State.FAILED, str(VOLUME_NOT_BOUND))
    assert "is bound to PersistentVolume theirs" in Storage().judge(root, view).message


@pytest.mark.parametrize(
    ("efs", "handle"),
    [
        ({"fileSystemId": "fs-01234567"}, "fs-01234567"),
        ({"fileSystemId": "fs-01234567", "path": "/shop"}, "fs-01234567:/shop"),
        (
            {"fileSystemId": "fs-01234567", "accessPointId": "fsap-01234567"},
            "fs-01234567::fsap-01234567",
        ),
    ],
)
def test_a_file_system_is_named_as_its_driver_names_it(efs: Manifest, handle: str) -> None:
    root = store(storage={"efs": efs})
    volume, _ = Storage().children(root, seen(root))
    assert volume["spec"]["csi"]["volumeHandle"] == handle


def test_retained_files_are_never_asked_to_go() -> None:
    kept = store(storage={"claim": {}}, **EMBEDDED)
    assert Storage().final_patches(kept, seen(kept)) == []
    assert EmbeddedDatabase().leftovers(kept, seen(kept)) == []
    gone = store(storage={"claim": {}}, deletionPolicy="Delete", **EMBEDDED)
    assert EmbeddedDatabase().leftovers(gone, seen(gone)) == [gone.database, gone.database_claim]


def database(phase: str, age: str, **server: Any) -> tuple[Store, View]:
    root = store(**EMBEDDED)
    view = seen(root)
    play(root, view)
    for ref in (root.database_claim, root.database):
        live = view.get(ref)
        assert live
        live["metadata"]["creationTimestamp"] = age
    claim, live = view.get(root.database_claim), view.get(root.database)
    assert claim
    assert live
    claim["status"] = {"phase": phase}
    live["status"] = server
    return root, view


UP = {"observedGeneration": 1, "readyReplicas": 1, "updatedReplicas": 1}


@pytest.mark.parametrize(
    ("phase", "age", "server", "reason"),
    [
        ("Pending", JUST_NOW, {}, DATABASE_STARTING),
        ("Pending", LONG_AGO, {}, VOLUME_NOT_BOUND),
        ("Bound", LONG_AGO, {"observedGeneration": 0, "readyReplicas": 1}, DATABASE_STARTING),
        ("Bound", LONG_AGO, UP, "Reconciled"),
        ("Pending", LONG_AGO, UP, "Reconciled"),
    ],
)
def test_a_database_is_judged_by_its_volume_and_its_server(
    phase: str, age: str, server: Manifest, reason: str
) -> None:
    root, view = database(phase, age, **server)
    assert EmbeddedDatabase().judge(root, view).reason == reason


def test_a_database_whose_claim_is_about_to_go_says_so_though_it_serves() -> None:
    root, view = database("Bound", LONG_AGO, **UP)
    claim = view.get(root.database_claim)
    assert claim
    claim["metadata"]["deletionTimestamp"] = JUST_NOW
    assert EmbeddedDatabase().judge(root, view).reason == VOLUME_TERMINATING
    refusal = RefusedError("the API server refused to create Service books/shop-mysql")
    assert EmbeddedDatabase().refused(root, view, refusal).reason == "Invalid"
