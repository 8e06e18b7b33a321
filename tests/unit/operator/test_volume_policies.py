"""A volume from a StorageClass is kept while the store lives, found again, and given up by wish."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.components.storage import Storage
from bookstore_operator.components.volumes import (
    RECLAIM_POLICY,
    VOLUME_LOST,
    VOLUME_NOT_BOUND,
    VOLUME_NOT_RESIZED,
    VOLUME_REATTACHED,
)
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.errors import RefusedError
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import play, seen, store
from tests.unit.operator.test_volumes import VOLUME, bound, claimed

OURS = {
    "app.kubernetes.io/name": "bookstore",
    "app.kubernetes.io/instance": "shop",
    "app.kubernetes.io/component": "storage",
    "app.kubernetes.io/part-of": "bookstore",
    "app.kubernetes.io/managed-by": "bookstore-operator",
    "bookstore.dev/namespace": "books",
}
LOST: Manifest = {"claim": "shop-files", "claimUID": "uid-1", "volume": VOLUME.name}


def marked(view: View, policy: str, own: str | None = None, **labels: str) -> Manifest:
    """Let the volume be one that the operator has labelled; return it."""
    volume = view.get(VOLUME)
    assert volume
    volume["metadata"]["labels"] = OURS | labels
    volume["metadata"]["annotations"] = {RECLAIM_POLICY: own} if own else {}
    volume["spec"]["persistentVolumeReclaimPolicy"] = policy
    return volume


def without_claim(root: Store) -> View:
    view = bound(root)
    view.objects[root.files] = None
    return view


def test_a_volume_that_is_bound_is_kept_whatever_becomes_of_its_claim() -> None:
    root = claimed()
    (patch,) = Storage().patches(root, bound(root))
    assert patch.ref == VOLUME
    assert patch.body == {
        "metadata": {"labels": OURS, "annotations": {RECLAIM_POLICY: "Delete"}},
        "spec": {"persistentVolumeReclaimPolicy": "Retain"},
    }
    assert Storage().references(root, bound(root)) == [VOLUME]


@pytest.mark.parametrize(
    ("policy", "labels"),
    [("Delete", {}), ("Retain", {"app.kubernetes.io/instance": "another"})],
    ids=["its policy", "its labels"],
)
def test_what_somebody_changed_of_a_kept_volume_is_mended_and_its_own_policy_known(
    policy: str, labels: dict[str, str]
) -> None:
    root = claimed()
    view = bound(root)
    marked(view, "Retain", own="Recycle")
    assert Storage().patches(root, view) == []
    marked(view, policy, "Recycle", **labels)
    (patch,) = Storage().patches(root, view)
    assert patch.body["metadata"]["annotations"] == {RECLAIM_POLICY: "Recycle"}


def test_a_volume_that_is_about_to_go_is_left_to_go() -> None:
    root = claimed()
    view = bound(root)
    volume = view.get(VOLUME)
    assert volume
    volume["metadata"]["deletionTimestamp"] = "2026-01-01T11:59:55Z"
    assert Storage().patches(root, view) == []


def test_a_volume_gets_its_own_policy_back_where_its_data_goes_with_the_store() -> None:
    root = store(storage={"claim": {}}, deletionPolicy="Delete")
    view = bound(root)
    marked(view, "Retain", own="Delete")
    (patch,) = Storage().final_patches(root, view)
    assert patch.ref == VOLUME
    assert patch.body == {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}


@pytest.mark.parametrize(
    ("policy", "own", "labels"),
    [
        ("Delete", "Delete", {}),
        ("Retain", None, {}),
        ("Retain", "Delete", {"app.kubernetes.io/component": "database"}),
    ],
    ids=["has it", "never had another", "of another part"],
)
def test_a_volume_is_left_as_it_is_where_there_is_nothing_to_give_back(
    policy: str, own: str | None, labels: dict[str, str]
) -> None:
    root = store(storage={"claim": {}}, deletionPolicy="Delete")
    view = bound(root)
    marked(view, policy, own, **labels)
    assert Storage().final_patches(root, view) == []


def test_a_new_store_of_the_same_name_takes_the_volume_that_the_one_before_left() -> None:
    root = claimed("5Gi")
    view = without_claim(root)
    marked(view, "Retain", own="Delete")
    (claim,) = Storage().children(root, view)
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "fast",
        "volumeName": VOLUME.name,
    }


@pytest.mark.parametrize("pinned", [{"namespace": "books", "name": "theirs"}, {}])
def test_a_new_store_takes_no_volume_that_is_pinned_to_another_claim(pinned: Manifest) -> None:
    root = claimed("5Gi")
    view = without_claim(root)
    marked(view, "Retain", own="Delete")["spec"]["claimRef"] = pinned
    (claim,) = Storage().children(root, view)
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}},
    }


def test_a_claim_is_asked_of_the_wanted_class_and_in_the_wanted_modes() -> None:
    modes = ["ReadWriteMany"]
    wanted = {"size": "5Gi", "storageClassName": "shared", "accessModes": modes}
    root = store(storage={"claim": wanted})
    (claim,) = Storage().children(root, seen(root))
    assert claim["spec"] == {
        "accessModes": modes,
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "shared",
    }
    assert "ownerReferences" not in claim["metadata"], "the policy decides over its end"


def test_the_volume_is_remembered_once_it_is_bound() -> None:
    root = claimed()
    view = bound(root)
    claim = view.get(root.files)
    assert claim
    assert Storage().status(root, view) == {
        "volumes": [
            {
                "name": "files",
                "claim": "shop-files",
                "claimUID": claim["metadata"]["uid"],
                "volume": VOLUME.name,
                "capacity": "1Gi",
                "storageClassName": "fast",
            }
        ]
    }
    claim["status"]["phase"] = "Pending"
    assert Storage().status(root, view) == {}


def test_a_loss_is_told_with_the_two_ways_out() -> None:
    root = claimed(**LOST)
    view = without_claim(root)
    view.objects[VOLUME] = None
    verdict = Storage().judge(root, view)
    assert (verdict.state, verdict.reason, verdict.holds) == (State.FAILED, VOLUME_LOST, True)
    assert verdict.message == (
        "PersistentVolumeClaim books/shop-files is gone, with PersistentVolume pvc-1; the operator "
        "makes no empty one in its place. Restore a claim of that name from a backup, or go on "
        "without the data; in both cases then say: kubectl annotate bookstore -n books shop "
        "bookstore.dev/accept-volume-loss=uid-1 --overwrite"
    )


def accepting(uid: str) -> Store:
    volumes = {"volumes": [{"name": "files", **LOST}]}
    notes = {"bookstore.dev/accept-volume-loss": uid}
    return store(storage={"claim": {"size": "2Gi"}}, status=volumes, notes=notes)


def test_a_loss_that_was_accepted_makes_way_for_an_empty_volume() -> None:
    root = accepting("uid-1")
    view = without_claim(root)
    view.objects[VOLUME] = None
    (claim,) = Storage().children(root, view)
    assert "volumeName" not in claim["spec"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert Storage().judge(root, view).reason == VOLUME_NOT_BOUND


def test_a_loss_that_was_accepted_before_is_not_this_one() -> None:
    root = accepting("uid-0")
    view = without_claim(root)
    view.objects[VOLUME] = None
    assert Storage().children(root, view) == []
    assert Storage().judge(root, view).reason == VOLUME_LOST


def test_what_somebody_restored_is_taken_once_the_loss_is_accepted() -> None:
    root = accepting("uid-1")
    view = bound(root)
    assert Storage().judge(root, view).message == "PersistentVolumeClaim books/shop-files is bound."
    told = Storage().status(root, view)["volumes"][0]
    assert told["claimUID"] != "uid-1", "and the next loss is another one"


def test_a_person_is_told_that_a_claim_was_made_again_on_the_volume_of_before() -> None:
    root = claimed(**LOST)
    view = bound(root)
    volume, claim = view.get(VOLUME), view.get(root.files)
    assert volume
    assert claim
    claim["metadata"]["uid"] = "uid-2"
    volume["status"] = {"phase": "Released"}
    (patch,) = Storage().patches(root, view)
    assert (patch.ref, patch.reason) == (VOLUME, VOLUME_REATTACHED)
    assert patch.message == (
        "PersistentVolumeClaim books/shop-files was gone; it is made again on PersistentVolume "
        "pvc-1, which holds its data."
    )


def test_a_size_below_what_there_is_is_told_with_the_size_to_set() -> None:
    root = claimed("1Gi")
    verdict = Storage().judge(root, bound(root, "4Gi"))
    assert (verdict.reason, verdict.holds) == (VOLUME_NOT_RESIZED, False)
    assert verdict.message == (
        "PersistentVolumeClaim books/shop-files has 4Gi, and storage.claim.size is 1Gi; a volume "
        "cannot shrink: set storage.claim.size to 4Gi"
    )


def test_a_size_that_the_server_refuses_is_told_with_its_words() -> None:
    root = claimed("2Gi")
    refusal = RefusedError("PersistentVolumeClaim books/shop-files is forbidden")
    assert Storage().refused(root, bound(root), refusal).message == (
        "PersistentVolumeClaim books/shop-files stays at 1Gi and cannot have 2Gi: "
        "PersistentVolumeClaim books/shop-files is forbidden; set storage.claim.size back to 1Gi, "
        "or let its StorageClass expand volumes"
    )
    assert Storage().refused(root, seen(root), refusal).reason == "Invalid", "there is no claim"


def pending(root: Store, seconds: float, **spec: Any) -> View:
    """Return what is there of a claim that is not bound, which its pods want for so long."""
    view = seen(root)
    play(root, view)
    created = f"2026-01-01T11:{59 - int(seconds) // 60:02}:{60 - int(seconds) % 60:02}Z"
    for ref in (root.files, root.web):
        live = view.get(ref)
        assert live
        live["metadata"]["creationTimestamp"] = created
    claim = view.get(root.files)
    assert claim
    claim["status"] = {"phase": "Pending"}
    claim["spec"] |= spec
    return view


@pytest.mark.parametrize("root", [claimed(), store()], ids=["a class", "EFS"])
def test_a_claim_that_is_not_bound_is_waited_for_and_looked_at_again_in_time(root: Store) -> None:
    verdict = Storage().judge(root, pending(root, 30))
    assert (verdict.state, verdict.reason, verdict.holds) == (
        State.WAITING,
        VOLUME_NOT_BOUND,
        False,
    )
    assert verdict.message == "PersistentVolumeClaim books/shop-files is not bound yet."
    assert verdict.again == 1.0
    assert Storage().judge(root, pending(root, 10)).again == 21.0


@pytest.mark.parametrize(
    ("spec", "which"),
    [
        ({"storageClassName": "slow"}, 'StorageClass "slow"'),
        ({"storageClassName": ""}, "its PersistentVolume"),
        ({}, "its PersistentVolume"),
    ],
)
def test_a_claim_that_stays_unbound_is_told_with_what_to_look_at(
    spec: Manifest, which: str
) -> None:
    root = claimed()
    verdict = Storage().judge(root, pending(root, 31, **spec))
    assert (verdict.state, verdict.reason) == (State.FAILED, VOLUME_NOT_BOUND)
    assert verdict.message == (
        "PersistentVolumeClaim books/shop-files is not bound; see that "
        f"{which} exists and can serve it"
    )


def test_a_claim_that_no_pods_want_yet_is_waited_for_however_old() -> None:
    root = claimed()
    view = pending(root, 50)
    view.objects[root.web] = None
    verdict = Storage().judge(root, view)
    assert (verdict.state, verdict.again) == (State.WAITING, 31.0)
