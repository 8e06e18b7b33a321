"""Volumes that hold data: kept, bound again, never silently new."""

from __future__ import annotations

import pytest

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.server import Fault
from tests.component.operator.stage import Stage, controlling

CLAIMED: Manifest = {"storage": {"claim": {"size": "1Gi"}}}
EMBEDDED: Manifest = {"database": {"embedded": {}}}
CLAIM = ("persistentvolumeclaims", "shop-files")


def volume(stage: Stage, claim: str = "shop-files") -> Manifest:
    name = stage.get("persistentvolumeclaims", claim)["spec"]["volumeName"]
    return stage.get("persistentvolumes", name, "")


async def lose(stage: Stage, claim: str) -> str:
    """Let a claim and its volume be gone at once, and return the claim's uid."""
    lost = stage.get("persistentvolumeclaims", claim)
    place = ("persistentvolumes", "", lost["spec"]["volumeName"])
    stage.cluster.delete(place)
    stage.cluster.delete(("persistentvolumeclaims", "books", claim))
    await stage.cluster.tell()
    return str(lost["metadata"]["uid"])


async def test_a_volume_is_kept_from_going_with_its_claim(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**CLAIMED)
        found = volume(bare)
        assert found["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        assert found["metadata"]["annotations"]["bookstore.dev/reclaim-policy"] == "Delete"
        labels = found["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "bookstore-operator"
        assert labels["app.kubernetes.io/instance"] == "shop"
        assert labels["bookstore.dev/namespace"] == "books"
        (told,) = bare.get("bookstores", "shop")["status"]["volumes"]
        assert told["name"] == "files"
        assert told["claimUID"] == bare.get(*CLAIM)["metadata"]["uid"]
        assert told["volume"] == found["metadata"]["name"]


async def test_a_reclaim_policy_that_a_person_changes_is_changed_back(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**CLAIMED)
        name = volume(bare)["metadata"]["name"]
        edit = {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}
        bare.cluster.merge(("persistentvolumes", "", name), edit, "kubectl-edit")
        await bare.cluster.tell()
        await bare.until(lambda: volume(bare)["spec"]["persistentVolumeReclaimPolicy"] == "Retain")
        note = volume(bare)["metadata"]["annotations"]["bookstore.dev/reclaim-policy"]
        assert note == "Delete"


@pytest.mark.parametrize("kept", ["by the operator", "while it is away"])
async def test_a_deleted_claim_is_made_again_on_its_volume(bare: Stage, kept: str) -> None:
    async with controlling(bare):
        await bare.made(**CLAIMED)
        before, claim = volume(bare), bare.get(*CLAIM)
        if kept == "by the operator":
            await bare.delete(*CLAIM)
            await bare.until(lambda: bare.notes("VolumeReattached") != [])
    if kept != "by the operator":
        await bare.delete(*CLAIM)
    async with controlling(bare):
        await bare.until(
            lambda: (bare.find(*CLAIM) or claim)["metadata"]["uid"] != claim["metadata"]["uid"]
        )
        await bare.until_ready()
        await bare.until_quiet()
        assert volume(bare)["metadata"]["uid"] == before["metadata"]["uid"]
        uid = bare.get(*CLAIM)["metadata"]["uid"]
        assert volume(bare)["spec"]["claimRef"]["uid"] == uid
        (told,) = bare.get("bookstores", "shop")["status"]["volumes"]
        assert told["claimUID"] == uid
        assert ("Warning", "VolumeReattached") in bare.events()


async def test_a_volume_is_not_freed_in_a_namespace_that_takes_no_new_claim(bare: Stage) -> None:
    """As while it is being deleted; a free volume would outlive the policy Delete."""
    async with controlling(bare):
        await bare.made(**CLAIMED)
        before, claim = volume(bare), bare.get(*CLAIM)
        refused = Fault("POST", "/persistentvolumeclaims", 403, times=3)
        bare.server.faults.append(refused)
        await bare.delete(*CLAIM)
        place = ("persistentvolumes", before["metadata"]["name"], "")
        await bare.until(lambda: refused.times < 3)
        await bare.until_passes()
        assert bare.get(*place)["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
        assert bare.get(*place)["status"]["phase"] == "Released"
        refused.times = 0
        await bare.until_ready()
        assert volume(bare)["metadata"]["uid"] == before["metadata"]["uid"]


@pytest.mark.parametrize(
    ("claim", "spec"), [("shop-files", CLAIMED), ("shop-mysql-data", EMBEDDED)]
)
async def test_a_lost_volume_is_told_and_only_replaced_when_a_person_accepts_it(
    bare: Stage, claim: str, spec: Manifest
) -> None:
    async with controlling(bare):
        await bare.made(**spec)
        uid = await lose(bare, claim)
        await bare.until_told("VolumeLost")
        assert f"bookstore.dev/accept-volume-loss={uid}" in bare.message("Degraded")
        assert "Restore a claim of that name from a backup" in bare.message("Degraded")
        await bare.until_passes()
        assert bare.find("persistentvolumeclaims", claim) is None
    async with controlling(bare):
        await bare.until_passes()
        assert bare.condition("Degraded") == ("True", "VolumeLost"), "a restart knows it too"
        assert bare.find("persistentvolumeclaims", claim) is None
        wrong = {"metadata": {"annotations": {"bookstore.dev/accept-volume-loss": "another"}}}
        await bare.edit("bookstores", "shop", wrong)
        await bare.until_passes()
        assert bare.find("persistentvolumeclaims", claim) is None
        accepted = {"metadata": {"annotations": {"bookstore.dev/accept-volume-loss": uid}}}
        await bare.edit("bookstores", "shop", accepted)
        await bare.until(lambda: bare.find("persistentvolumeclaims", claim) is not None)
        await bare.until_ready()
    async with controlling(bare):
        await bare.until_quiet()
        assert bare.condition("Ready") == ("True", "Reconciled")


async def test_a_loss_that_was_accepted_once_does_not_accept_the_next(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**CLAIMED)
        uid = await lose(bare, "shop-files")
        await bare.until_told("VolumeLost")
        accepted = {"metadata": {"annotations": {"bookstore.dev/accept-volume-loss": uid}}}
        await bare.edit("bookstores", "shop", accepted)
        await bare.until_ready()
        await bare.until_quiet()
        await lose(bare, "shop-files")
        await bare.until_told("VolumeLost")


async def test_a_volume_that_a_person_restores_is_taken_when_it_is_accepted(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**CLAIMED)
        uid = await lose(bare, "shop-files")
        await bare.until_told("VolumeLost")
        labels = {
            "app.kubernetes.io/managed-by": "bookstore-operator",
            "app.kubernetes.io/instance": "shop",
        }
        restored = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"labels": labels},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        bare.cluster.apply(("persistentvolumeclaims", "books", "shop-files"), restored, "velero")
        await bare.cluster.tell()
        await bare.until(lambda: bare.get(*CLAIM).get("status", {}).get("phase") == "Bound")
        assert bare.condition("Degraded") == ("True", "VolumeLost"), "nobody said that it is right"
        mine = bare.get(*CLAIM)["metadata"]["uid"]
        accepted = {"metadata": {"annotations": {"bookstore.dev/accept-volume-loss": uid}}}
        await bare.edit("bookstores", "shop", accepted)
        await bare.until_ready()
        assert bare.get(*CLAIM)["metadata"]["uid"] == mine


async def test_a_claim_that_is_about_to_go_is_told_at_once(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**CLAIMED)
        held = {"metadata": {"finalizers": ["kubernetes.io/pvc-protection"]}}
        await bare.edit(*CLAIM, held)
        await bare.delete(*CLAIM)
        await bare.until_told("VolumeTerminating")
        assert bare.condition("Available")[0] == "True"
        before = volume(bare)["metadata"]["uid"]
        await bare.edit(*CLAIM, {"metadata": {"finalizers": None}})
        await bare.until_ready()
        assert volume(bare)["metadata"]["uid"] == before


async def test_delete_gives_a_volume_its_own_policy_back(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(deletionPolicy="Delete", **CLAIMED)
        name = volume(bare)["metadata"]["name"]
        assert volume(bare)["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.find("bookstores", "shop") is None)
        assert bare.find(*CLAIM) is None
        await bare.until(lambda: bare.find("persistentvolumes", name, "") is None)


async def test_retain_leaves_volumes_that_a_new_store_of_the_name_takes(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**CLAIMED)
        before = volume(bare)
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.find("bookstores", "shop") is None)
        # As the end of the namespace does.
        await bare.delete(*CLAIM)
        await bare.until(lambda: bare.find("secrets", "shop-secret") is None)
        assert bare.find("persistentvolumes", before["metadata"]["name"], "")
        await bare.made(**CLAIMED)
        assert volume(bare)["metadata"]["uid"] == before["metadata"]["uid"]


async def test_a_size_that_cannot_be_had_holds_nothing_back_and_can_be_taken_back(
    bare: Stage,
) -> None:
    message = "only dynamically provisioned pvc can be resized and the class must support it"
    fault = Fault("PATCH", "/persistentvolumeclaims/", 403, times=10**6, message=message)
    async with controlling(bare):
        await bare.made(**CLAIMED)
        bare.server.faults.append(fault)
        spec = {"image": "bookstore/app:2", "storage": {"claim": {"size": "2Gi"}}}
        await bare.edit("bookstores", "shop", {"spec": spec})
        await bare.until_told("VolumeNotResized")
        assert "storage.claim.size back to 1Gi" in bare.message("Degraded")
        await bare.until(lambda: bare.condition("WebReady") == ("True", "Reconciled"))
        pod = bare.get("deployments", "shop")["spec"]["template"]["spec"]
        assert pod["containers"][0]["image"] == "bookstore/app:2"
        await bare.edit("bookstores", "shop", {"spec": {"storage": {"claim": {"size": "1Gi"}}}})
        await bare.until_ready()


async def test_a_volume_grows(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(**CLAIMED)
        await bare.edit("bookstores", "shop", {"spec": {"storage": {"claim": {"size": "2Gi"}}}})
        await bare.until(
            lambda: bare.get(*CLAIM)["spec"]["resources"]["requests"]["storage"] == "2Gi"
        )
        await bare.until_ready()
        await bare.until_quiet()
        (told,) = bare.get("bookstores", "shop")["status"]["volumes"]
        assert told["capacity"] == "2Gi"


async def test_a_volume_does_not_shrink_below_what_it_has(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made(storage={"claim": {"size": "4Gi"}})
        await bare.edit("bookstores", "shop", {"spec": {"storage": {"claim": {"size": "1Gi"}}}})
        await bare.until_told("VolumeNotResized")
        assert "set storage.claim.size to 4Gi" in bare.message("Degraded")
        assert bare.condition("WebReady")[0] == "True"
        assert bare.get(*CLAIM)["spec"]["resources"]["requests"]["storage"] == "4Gi"


@pytest.mark.fault(row=18)
@pytest.mark.parametrize(
    ("other", "mentions"),
    [
        ({"claimRef": {"namespace": "red", "name": "theirs", "uid": "theirs"}}, "red/theirs"),
        ({"csi": {"volumeHandle": "fs-99999999"}}, "fs-99999999"),
    ],
    ids=["bound elsewhere", "another file system"],
)
async def test_a_volume_that_is_not_the_right_one_is_neither_bound_nor_deleted(
    bare: Stage, other: Manifest, mentions: str
) -> None:
    place = ("persistentvolumes", "", "books.shop.files")
    async with controlling(bare):
        await bare.made()
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.find("bookstores", "shop") is None)
        before = bare.cluster.merge(place, {"spec": other}, "somebody")
        await bare.store()
        await bare.until_told("VolumeNotBound")
        assert mentions in bare.message("Degraded")
        await bare.until_passes()
        live = bare.cluster.get(place)
        assert live["metadata"]["uid"] == before["metadata"]["uid"]
        assert live["spec"] == before["spec"]
