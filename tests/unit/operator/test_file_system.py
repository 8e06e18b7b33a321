"""Files on EFS: the volume and the claim that name each other, and what may part them."""

from __future__ import annotations

import pytest

from bookstore_operator.components.storage import Storage
from bookstore_operator.components.volumes import VOLUME_NOT_BOUND
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import play, seen, store

CLAIM = "PersistentVolumeClaim books/shop-files"


def staged(
    *, claim: Manifest | None = None, pinned: Manifest | None = None, phase: str = "Bound"
) -> tuple[Store, View]:
    """Return a store with volume and claim, and with what somebody wrote into them."""
    root = store()
    view = seen(root)
    play(root, view)
    there, volume = view.get(root.files), view.get(root.efs_volume)
    assert there
    assert volume
    there["spec"] |= claim or {}
    there["status"] = {"phase": phase}
    volume["spec"]["claimRef"] |= {"uid": there["metadata"]["uid"]} | (pinned or {})
    return root, view


def test_volume_and_claim_find_each_other_and_nothing_else_finds_them() -> None:
    root = store()
    volume, claim = Storage().children(root, seen(root))
    assert volume["spec"] == {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": "books",
            "name": "shop-files",
        },
        "csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-01234567"},
    }
    labels = {"app.kubernetes.io/instance": "shop", "bookstore.dev/namespace": "books"}
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "",
        "selector": {"matchLabels": labels},
        "resources": {"requests": {"storage": "1Gi"}},
    }
    assert labels.items() <= volume["metadata"]["labels"].items()
    for one in (volume, claim):
        assert "ownerReferences" not in one["metadata"], "the files outlive the store"


def test_files_that_are_bound_are_ready() -> None:
    verdict = Storage().judge(*staged())
    assert (verdict.ready, verdict.message) == (True, f"{CLAIM} is bound.")
    assert Storage().patches(*staged()) == []


@pytest.mark.parametrize(
    ("claim", "pinned", "phase", "message"),
    [
        (
            {"volumeName": "theirs"},
            {},
            "Bound",
            (
                f"{CLAIM} is bound to PersistentVolume theirs and not to NAME; delete the claim to "
                "have it made again"
            ),
        ),
        (
            {},
            {"namespace": "other", "name": "files"},
            "Bound",
            (
                "PersistentVolume NAME is bound to PersistentVolumeClaim other/files; free it or "
                "delete it"
            ),
        ),
        (
            {},
            {"name": "files"},
            "Bound",
            (
                "PersistentVolume NAME is bound to PersistentVolumeClaim books/files; free it or "
                "delete it"
            ),
        ),
        (
            {"volumeName": "NAME"},
            {},
            "Lost",
            (
                f"{CLAIM} lost its PersistentVolume NAME; delete the claim to have both made again "
                "(the files stay on EFS)"
            ),
        ),
    ],
    ids=["another volume", "another namespace's claim", "another claim", "lost"],
)
def test_what_parts_the_two_is_told_with_the_way_out(
    claim: Manifest, pinned: Manifest, phase: str, message: str
) -> None:
    name = store().efs_volume.name
    given = {key: value.replace("NAME", name) for key, value in claim.items()}
    verdict = Storage().judge(*staged(claim=given, pinned=pinned, phase=phase))
    assert (verdict.state, verdict.reason) == (State.FAILED, VOLUME_NOT_BOUND)
    assert verdict.message == message.replace("NAME", name)


def test_another_file_system_is_told_and_never_taken_silently() -> None:
    _, view = staged()
    moved = store(storage={"efs": {"fileSystemId": "fs-89abcdef"}})
    verdict = Storage().judge(moved, view)
    assert (verdict.state, verdict.reason) == (State.FAILED, VOLUME_NOT_BOUND)
    assert verdict.message == (
        f"PersistentVolume {moved.efs_volume.name} is on fs-01234567 and the spec wants "
        "fs-89abcdef; go back to the former file system, or delete the volume and its claim (the "
        "files stay on EFS)"
    )


def test_a_volume_whose_claim_is_gone_is_freed_for_the_new_one() -> None:
    root, view = staged(pinned={"uid": "uid of the one before"})
    freed = {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
    (patch,) = Storage().patches(root, view)
    assert (patch.ref, patch.body) == (root.efs_volume, freed)
    view.objects[root.files] = None
    (patch,) = Storage().patches(root, view)
    assert (patch.ref, patch.body) == (root.efs_volume, freed)


@pytest.mark.parametrize(
    "pinned",
    [
        {"uid": None},
        {"uid": "u", "name": "theirs"},
        {"uid": "u", "namespace": "other"},
    ],
    ids=["free already", "another claim", "another namespace"],
)
def test_a_volume_is_left_alone_where_there_is_nothing_to_free(pinned: Manifest) -> None:
    assert Storage().patches(*staged(pinned=pinned)) == []


@pytest.mark.parametrize("part", ["claim", "volume"])
def test_what_is_about_to_go_is_told_by_its_name(part: str) -> None:
    root, view = staged(pinned={"uid": "uid of the one before"})
    ref = root.files if part == "claim" else root.efs_volume
    live = view.get(ref)
    assert live
    live["metadata"]["deletionTimestamp"] = "2026-01-01T11:59:55Z"
    assert Storage().judge(root, view).message == (
        f"{ref} is being deleted and goes once no pod uses it; the operator then makes it again on "
        "the same file system, which keeps the files"
    )
    if part == "volume":
        assert Storage().patches(root, view) == [], "the new one is free"


def test_the_store_leaves_the_claim_and_its_own_volume_to_its_end() -> None:
    root = store()
    assert set(Storage().leftovers(root, seen(root))) == {root.files, root.efs_volume}
    dynamic = store(storage={"claim": {}})
    assert Storage().leftovers(dynamic, seen(dynamic)) == [dynamic.files]
