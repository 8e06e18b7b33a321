"""Storage: the volume of uploads and backups, on EFS or from a StorageClass."""

from typing import ClassVar

from bookstore_operator.api.conditions import GOES_ON, ConditionType, Reason
from bookstore_operator.api.spec import ClaimStorage, EfsStorage
from bookstore_operator.components import volumes
from bookstore_operator.components.manifests import unowned
from bookstore_operator.components.volumes import (
    VOLUME_NOT_BOUND,
    VOLUME_TERMINATING,
    DataVolume,
    unbound,
)
from bookstore_operator.engine.component import Component, Patch
from bookstore_operator.engine.root import INSTANCE_LABEL, NAMESPACE_LABEL
from bookstore_operator.engine.verdict import Verdict, failed, ready, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.errors import OperatorError
from bookstore_operator.kube.kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM
from bookstore_operator.kube.objects import Manifest, Ref, is_terminating, uid_of
from bookstore_operator.store import Store

COMPONENT = "storage"
STORAGE_READY = ConditionType("StorageReady", "The volume for uploads and backups is bound.")
WAITING_FOR_STORAGE = Reason(
    "WaitingForStorage",
    f"This part begins after {STORAGE_READY}.",
    fix=GOES_ON,
)

EFS_SIZE = "1Gi"
"""EFS grows by itself; the API wants a number all the same."""


class Storage(Component[Store]):
    """Bind a claim to the EFS file system, or take one from a StorageClass."""

    condition: ClassVar = STORAGE_READY
    awaited: ClassVar = WAITING_FOR_STORAGE
    kinds: ClassVar = (PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM)
    reasons: ClassVar = volumes.REASONS
    events: ClassVar = (volumes.VOLUME_REATTACHED,)

    def references(self, root: Store, view: View) -> list[Ref]:
        """Return the volume of a claim that a StorageClass serves."""
        volume = _dynamic(root)
        return volume.references(root, view) if volume else []

    def patches(self, root: Store, view: View) -> list[Patch]:
        """Return what keeps the volume, or frees it for a claim that is made again."""
        volume = _dynamic(root)
        return volume.patches(root, view) if volume else _freed(root, view)

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return the volume and its claim, pinned to each other, or the claim alone."""
        volume, efs = _dynamic(root), root.spec.storage.efs
        if volume is not None or efs is None:
            return volume.manifests(root, view) if volume else []
        return [_volume(root, efs), _static_claim(root)]

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether the claim is bound to the right volume."""
        volume, efs = _dynamic(root), root.spec.storage.efs
        if volume is not None or efs is None:
            return volume.judge(root, view) if volume else ready("")
        for ref in (root.files, root.efs_volume):
            if is_terminating(view.get(ref)):
                return failed(VOLUME_TERMINATING, _ending(ref), holds=False)
        fault = _volume_fault(root, efs, view)
        return failed(VOLUME_NOT_BOUND, fault) if fault else _judge_static(root, view)

    def refused(self, root: Store, view: View, error: OperatorError) -> Verdict:
        """Return the judgement where the API server refused a child; a size holds nothing back."""
        volume = _dynamic(root)
        verdict = volume.refused(view, error) if volume else None
        return verdict or super().refused(root, view, error)

    def status(self, root: Store, view: View) -> Manifest:
        """Return what is to be remembered of the volume."""
        volume = _dynamic(root)
        return volume.status(root, view) if volume else {}

    def final_patches(self, root: Store, view: View) -> list[Patch]:
        """Return what lets the volume go with the store, where its data is to."""
        volume = _dynamic(root)
        return volume.final_patches(root, view) if volume else []

    def leftovers(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the claim, and the volume where it is ours; the files stay on EFS."""
        return [root.files, *([root.efs_volume] if root.spec.storage.efs else [])]


def _dynamic(store: Store) -> DataVolume | None:
    if store.spec.storage.efs:
        return None
    claim = store.spec.storage.claim or ClaimStorage()
    return DataVolume(
        "files",
        COMPONENT,
        store.files,
        _consumer(store),
        claim,
        "storage.claim",
        claim.access_modes,
    )


def _consumer(store: Store) -> Ref:
    """Return the Deployment whose pods mount the claim: one of them, where there are several."""
    return store.parts[0].web


def _freed(store: Store, view: View) -> list[Patch]:
    """Free our volume on EFS from a claim that is gone, so that the new one can bind it."""
    volume, claim = view.get(store.efs_volume), view.get(store.files)
    pinned = (volume or {}).get("spec", {}).get("claimRef") or {}
    ours = (pinned.get("namespace"), pinned.get("name")) == (store.namespace, store.files.name)
    gone = claim is None or uid_of(claim) != pinned.get("uid")
    if not (pinned.get("uid") and ours and gone) or is_terminating(volume):
        return []
    body = {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
    return [Patch(store.efs_volume, body)]


def _ending(ref: Ref) -> str:
    return (
        f"{ref} is being deleted and goes once no pod uses it; the operator then makes it again on "
        "the same file system, which keeps the files"
    )


def _judge_static(store: Store, view: View) -> Verdict:
    claim, where = view.get(store.files), str(store.files)
    if claim is None:
        return waiting(VOLUME_NOT_BOUND, f"{where} is not there yet.", holds=False)
    if claim.get("status", {}).get("phase") == "Bound":
        return ready(f"{where} is bound.")
    if claim.get("status", {}).get("phase") == "Lost":
        return failed(
            VOLUME_NOT_BOUND,
            f"{where} lost its PersistentVolume {claim['spec'].get('volumeName')}; delete the "
            "claim to have both made again (the files stay on EFS)",
        )
    return unbound(store.files, _consumer(store), view)


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
    manifest = unowned(store, store.efs_volume, COMPONENT, spec=spec)
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
    return unowned(store, store.files, COMPONENT, spec=spec)


def _handle(efs: EfsStorage) -> str:
    if efs.access_point_id:
        return f"{efs.file_system_id}::{efs.access_point_id}"
    return f"{efs.file_system_id}:{efs.path}" if efs.path else efs.file_system_id


def _volume_fault(store: Store, efs: EfsStorage, view: View) -> str | None:
    """Return what is wrong with the pair of volume and claim, or None."""
    volume, claim = view.get(store.efs_volume), view.get(store.files)
    where = f"PersistentVolume {store.efs_volume.name}"
    if volume is None:
        return None
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
    if bound and bound != store.efs_volume.name:
        return (
            f"PersistentVolumeClaim {store.namespace}/{store.files.name} is bound to "
            f"PersistentVolume {bound} and not to {store.efs_volume.name}; delete the claim to "
            "have it made again"
        )
    return None
