"""Storage: the volume of uploads and backups, on EFS or from a StorageClass."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from bookstore_operator.api.spec import AccessMode, ClaimStorage, EfsStorage, VolumeClaim
from bookstore_operator.api.status import ConditionType, Reason
from bookstore_operator.components.base import Component
from bookstore_operator.kinds import Manifest, Ref
from bookstore_operator.manifests import unowned
from bookstore_operator.observed import Observed, is_terminating
from bookstore_operator.store import INSTANCE_LABEL, NAMESPACE_LABEL, Store
from bookstore_operator.verdict import Verdict, failed, ready, waiting

PATIENCE = 20.0
"""Seconds that a claim may stay unbound while pods want it, before that is a failure."""

EFS_SIZE = "1Gi"
"""EFS grows by itself; the API wants a number all the same."""


class Storage(Component):
    """Bind a claim to the EFS file system, or take one from a StorageClass."""

    condition: ClassVar = ConditionType.STORAGE_READY
    awaited: ClassVar = Reason.WAITING_FOR_STORAGE

    def observes(self, store: Store) -> list[Ref]:
        """Return the claim, and the volume where it is ours."""
        return [store.files, *([store.volume] if store.spec.storage.efs else [])]

    def desired(self, store: Store, seen: Observed) -> list[Manifest]:  # noqa: ARG002
        """Return the volume and its claim, pinned to each other, or the claim alone."""
        efs = store.spec.storage.efs
        if efs is None:
            claim = store.spec.storage.claim or ClaimStorage()
            return [dynamic_claim(store, store.files, "storage", claim, claim.access_modes)]
        return [_volume(store, efs), _static_claim(store)]

    def mends(self, store: Store, seen: Observed) -> list[tuple[Ref, Manifest]]:
        """Free our volume from a claim that is gone, so that the new one can bind it.

        Kubernetes leaves such a volume Released, and never binds it again while ``claimRef`` holds
        the uid of the claim of before. Source: Kubernetes, "Persistent Volumes", reclaiming.
        """
        if store.spec.storage.efs is None:
            return []
        volume, claim = seen.get(store.volume), seen.get(store.files)
        pinned = (volume or {}).get("spec", {}).get("claimRef") or {}
        ours = (pinned.get("namespace"), pinned.get("name")) == (store.namespace, store.files.name)
        gone = claim is None or claim["metadata"]["uid"] != pinned.get("uid")
        if not (pinned.get("uid") and ours and gone) or is_terminating(volume):
            return []
        return [(store.volume, {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}})]

    def judge(self, store: Store, seen: Observed) -> Verdict:
        """Judge whether the claim is bound to the right volume."""
        if store.spec.storage.efs and (fault := _volume_fault(store, store.spec.storage.efs, seen)):
            return failed(Reason.VOLUME_NOT_BOUND, fault)
        return judge_claim(store.files, store.web, seen)


def judge_claim(ref: Ref, consumer: Ref, seen: Observed) -> Verdict:
    """Judge whether a claim is bound.

    A StorageClass may bind a claim only when its first pod is scheduled, so an unbound claim is a
    failure only after the consumer has wanted it for a while. It holds nothing back till then.
    Source: Kubernetes, "Storage Classes", volume binding mode.
    """
    claim = seen.get(ref)
    where = f"PersistentVolumeClaim {ref.namespace}/{ref.name}"
    if claim is None:
        return waiting(Reason.VOLUME_NOT_BOUND, f"{where} is not there yet.", holds=False)
    if is_terminating(claim):
        return failed(
            Reason.VOLUME_NOT_BOUND,
            f"{where} is being deleted; it is made again once no pod uses it",
        )
    phase = claim.get("status", {}).get("phase")
    if phase == "Bound":
        return ready(f"{where} is bound.")
    if phase == "Lost":
        return failed(
            Reason.VOLUME_NOT_BOUND,
            f"{where} lost its PersistentVolume {claim['spec'].get('volumeName')}; restore the "
            "volume, or delete the claim to have it made again",
        )
    wanted_for = min(_age(seen.get(made), seen.now) for made in (ref, consumer))
    if wanted_for > PATIENCE:
        chosen = claim["spec"].get("storageClassName")
        which = f'StorageClass "{chosen}"' if chosen else "its PersistentVolume"
        return failed(
            Reason.VOLUME_NOT_BOUND,
            f"{where} is not bound; see that {which} exists and can serve it",
        )
    return waiting(Reason.VOLUME_NOT_BOUND, f"{where} is not bound yet.", holds=False)


def dynamic_claim(
    store: Store,
    ref: Ref,
    component: str,
    claim: VolumeClaim,
    modes: Sequence[AccessMode] = (AccessMode.READ_WRITE_ONCE,),
) -> Manifest:
    """Return a claim that a StorageClass serves; it has no owner, so that the policy decides.

    ReadWriteOnce is what every class can give; pods that share such a volume share a node.
    """
    spec: Manifest = {
        "accessModes": [mode.value for mode in modes],
        "resources": {"requests": {"storage": claim.size}},
    }
    if claim.storage_class_name:
        spec["storageClassName"] = claim.storage_class_name
    return unowned(store, ref, component, spec=spec)


def _age(live: Manifest | None, now: datetime) -> float:
    """Return the seconds since an object was made; 0 where it is not there."""
    created = (live or {}).get("metadata", {}).get("creationTimestamp")
    return (now - datetime.fromisoformat(created)).total_seconds() if created else 0.0


def _volume(store: Store, efs: EfsStorage) -> Manifest:
    """Return the static volume. Source: aws-efs-csi-driver, "Static Provisioning"."""
    spec = {
        "capacity": {"storage": EFS_SIZE},
        "accessModes": ["ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": store.files.namespace,
            "name": store.files.name,
        },
        "csi": {"driver": "efs.csi.aws.com", "volumeHandle": _handle(efs)},
    }
    manifest = unowned(store, store.volume, "storage", spec=spec)
    manifest["metadata"]["labels"][NAMESPACE_LABEL] = store.namespace
    return manifest


def _static_claim(store: Store) -> Manifest:
    """Return the claim that the volume waits for.

    It finds the volume by labels. A claim that names its volume waits for the next resync of
    Kubernetes' controller, 15 s, when it is seen before the volume. Source: Kubernetes,
    PersistentVolume controller.
    """
    labels = {INSTANCE_LABEL: store.name, NAMESPACE_LABEL: store.namespace}
    spec = {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "",
        "selector": {"matchLabels": labels},
        "resources": {"requests": {"storage": EFS_SIZE}},
    }
    return unowned(store, store.files, "storage", spec=spec)


def _handle(efs: EfsStorage) -> str:
    if efs.access_point_id:
        return f"{efs.file_system_id}::{efs.access_point_id}"
    return f"{efs.file_system_id}:{efs.path}" if efs.path else efs.file_system_id


def _volume_fault(store: Store, efs: EfsStorage, seen: Observed) -> str | None:
    """Return what is wrong with the pair of volume and claim, or None."""
    volume, claim = seen.get(store.volume), seen.get(store.files)
    where = f"PersistentVolume {store.volume.name}"
    if volume is None:
        return None
    if is_terminating(volume):
        return f"{where} is being deleted; it is made again once its claim is gone"
    handle = volume["spec"].get("csi", {}).get("volumeHandle")
    if handle != _handle(efs):
        return (
            f"{where} is on {handle} and the spec wants {_handle(efs)}; go back to the former file "
            "system, or delete the volume and its claim (the files stay on EFS)"
        )
    pinned = volume["spec"].get("claimRef") or {}
    if (pinned.get("namespace"), pinned.get("name")) != (store.namespace, store.files.name):
        return (
            f"{where} is bound to PersistentVolumeClaim {pinned.get('namespace')}/"
            f"{pinned.get('name')}; free it or delete it"
        )
    bound = (claim or {}).get("spec", {}).get("volumeName")
    if bound and bound != store.volume.name:
        return (
            f"PersistentVolumeClaim {store.namespace}/{store.files.name} is bound to "
            f"PersistentVolume {bound} and not to {store.volume.name}; delete the claim to have it "
            "made again"
        )
    return None
