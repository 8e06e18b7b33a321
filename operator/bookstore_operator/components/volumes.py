"""Volumes from a StorageClass: claimed, kept from being lost, bound again, never silently new.

Both the shop's files and the embedded database's data lie on such a volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bookstore_operator.api.conditions import EventReason, Reason
from bookstore_operator.api.spec import AccessMode, VolumeClaim
from bookstore_operator.api.status import VolumeStatus
from bookstore_operator.components.manifests import unowned
from bookstore_operator.engine import quantity
from bookstore_operator.engine.component import Patch
from bookstore_operator.engine.root import NAMESPACE_LABEL, PREFIX
from bookstore_operator.engine.verdict import Verdict, failed, ready, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.errors import OperatorError
from bookstore_operator.kube.kinds import PERSISTENT_VOLUME
from bookstore_operator.kube.objects import Manifest, Ref, is_terminating, uid_of
from bookstore_operator.store import ACCEPT_LOSS, COMPONENT_LABEL, Store

VOLUME_NOT_BOUND = Reason(
    "VolumeNotBound",
    "The volume is not bound, or cannot be.",
    fix=(
        "Run `kubectl describe pvc` on the claim; check the StorageClass, the EFS IDs "
        "and the CSI driver."
    ),
)
VOLUME_TERMINATING = Reason(
    "VolumeTerminating",
    "The volume's claim is being deleted.",
    fix=(
        "Back up now, then let the pods that use the claim end: somebody deleted it; "
        "the volume is kept and the claim made again."
    ),
)
VOLUME_LOST = Reason(
    "VolumeLost",
    "A volume that held data is gone; restore it, or accept the loss as the message says.",
    fix="Restore the volume, or accept the loss, see docs/how-to/recover-a-volume.md.",
)
VOLUME_NOT_RESIZED = Reason(
    "VolumeNotResized",
    "The volume cannot have the wanted size.",
    fix="Set the size that the volume has, or a StorageClass that expands.",
)
VOLUME_REATTACHED = EventReason(
    "VolumeReattached", "A claim that somebody deleted was made again on the same volume."
)
REASONS = (VOLUME_NOT_BOUND, VOLUME_TERMINATING, VOLUME_LOST, VOLUME_NOT_RESIZED)

RECLAIM_POLICY = f"{PREFIX}/reclaim-policy"
"""The annotation that keeps a volume's own policy while ours is Retain."""

PATIENCE = 30.0
"""Seconds that a claim may stay unbound while pods want it, before that is a failure."""


@dataclass(frozen=True)
class DataVolume:
    """A volume that a store takes from a StorageClass.

    Attributes:
        name: What it holds, as the status names it: files or database.
        component: The label of the component that it belongs to.
        claim: Its claim.
        consumer: The workload whose pods mount it.
        wanted: What the spec says of it.
        field: Where the spec says it.
        modes: How nodes may mount it.
    """

    name: str
    component: str
    claim: Ref
    consumer: Ref
    wanted: VolumeClaim
    field: str
    modes: Sequence[AccessMode] = (AccessMode.READ_WRITE_ONCE,)

    def references(self, store: Store, view: View) -> list[Ref]:
        """Return the PersistentVolume, where it is known which it is."""
        name = self._volume_name(store, view)
        return [Ref(PERSISTENT_VOLUME, "", name)] if name else []

    def manifests(self, store: Store, view: View) -> list[Manifest]:
        """Return the claim: as it is, bound to the volume of before, or new; none where lost.

        It has no owner, so that the store's policy decides over its end.
        """
        if self.is_lost(store, view):
            return []
        claim, volume = view.get(self.claim), self._volume(store, view)
        spec: Manifest = {
            "accessModes": [mode.value for mode in self.modes],
            "resources": {"requests": {"storage": self._size(claim, volume)}},
        }
        if self.wanted.storage_class_name:
            spec["storageClassName"] = self.wanted.storage_class_name
        if claim is None and volume is not None:
            spec["storageClassName"] = volume["spec"].get("storageClassName", "")
            spec["volumeName"] = volume["metadata"]["name"]
        return [unowned(store, self.claim, self.component, spec=spec)]

    def patches(self, store: Store, view: View) -> list[Patch]:
        """Return what keeps the volume from going with its claim, and what frees it for a new one.

        Kubernetes leaves a retained volume Released, and never binds it again while ``claimRef``
        holds the uid of the claim of before. It is freed once the new claim stands: a namespace
        that is being deleted takes none, and what is free is not deleted by the policy Delete.
        Source: Kubernetes, "Persistent Volumes", reclaiming.
        """
        claim, volume = view.get(self.claim), self._volume(store, view)
        if claim is None or volume is None or is_terminating(volume) or self.is_lost(store, view):
            return []
        ref = Ref(PERSISTENT_VOLUME, "", volume["metadata"]["name"])
        pinned = volume["spec"].get("claimRef") or {}
        if pinned.get("uid") != uid_of(claim):
            return self._freed(volume, ref)
        return self._kept(store, volume, ref)

    def final_patches(self, store: Store, view: View) -> list[Patch]:
        """Return what gives a volume its own policy back, where its data is to go too."""
        if store.retains_data:
            return []
        patches = []
        for ref, volume in view.owned(PERSISTENT_VOLUME).items():
            own = volume["metadata"].get("annotations", {}).get(RECLAIM_POLICY)
            mine = volume["metadata"]["labels"].get(COMPONENT_LABEL) == self.component
            if own and mine and volume["spec"].get("persistentVolumeReclaimPolicy") != own:
                patches.append(Patch(ref, {"spec": {"persistentVolumeReclaimPolicy": own}}))
        return patches

    def status(self, store: Store, view: View) -> Manifest:
        """Return what is to be remembered of the volume, so that its loss is noticed."""
        recorded, claim = store.volume_status(self.name), view.get(self.claim)
        if claim is not None and _phase(claim) == "Bound" and not self.is_lost(store, view):
            recorded = VolumeStatus(
                name=self.name,
                claim=self.claim.name,
                claim_uid=uid_of(claim),
                volume=claim["spec"].get("volumeName"),
                capacity=_capacity(claim),
                storage_class_name=claim["spec"].get("storageClassName"),
            )
        return {"volumes": [recorded.manifest()]} if recorded else {}

    def is_lost(self, store: Store, view: View) -> bool:
        """Return whether the volume that held data is gone, and nobody accepted that."""
        recorded, claim = store.volume_status(self.name), view.get(self.claim)
        if recorded is None or recorded.claim_uid is None or self._is_accepted(store):
            return False
        if claim is None:
            volume = self._volume(store, view)
            return volume is None or is_terminating(volume)
        if uid_of(claim) == recorded.claim_uid:
            return _phase(claim) == "Lost"
        return bool(claim["spec"].get("volumeName") != recorded.volume)

    def judge(self, store: Store, view: View) -> Verdict:
        """Judge whether the claim is bound, to a volume of the wanted size.

        A StorageClass may bind a claim only when its first pod is scheduled, so an unbound claim
        is a failure only after the consumer has wanted it for a while. It holds nothing back till
        then. Source: Kubernetes, "Storage Classes", volume binding mode.
        """
        if self.is_lost(store, view):
            return failed(VOLUME_LOST, self._loss(store, view))
        claim, where = view.get(self.claim), str(self.claim)
        if claim is None:
            return waiting(VOLUME_NOT_BOUND, f"{where} is not there yet.", holds=False)
        if is_terminating(claim):
            return failed(
                VOLUME_TERMINATING,
                f"{where} is being deleted and goes once no pod uses it; the operator then makes "
                "it again on the same volume, which keeps its data",
                holds=False,
            )
        if _phase(claim) != "Bound":
            return unbound(self.claim, self.consumer, view)
        capacity = _capacity(claim)
        if capacity and quantity.less(self.wanted.size, capacity):
            return failed(
                VOLUME_NOT_RESIZED,
                f"{where} has {capacity}, and {self.field}.size is {self.wanted.size}; a volume "
                f"cannot shrink: set {self.field}.size to {capacity}",
                holds=False,
            )
        return ready(f"{where} is bound.")

    def refused(self, view: View, error: OperatorError) -> Verdict | None:
        """Return the judgement where the API server refused to resize the claim, else None."""
        claim = view.get(self.claim)
        capacity = _capacity(claim) if claim else None
        if not capacity or self.claim.name not in str(error):
            return None
        if not quantity.less(capacity, self.wanted.size):
            return None
        return failed(
            VOLUME_NOT_RESIZED,
            f"{self.claim} stays at {capacity} and cannot have {self.wanted.size}: {error}; set "
            f"{self.field}.size back to {capacity}, or let its StorageClass expand volumes",
            holds=False,
        )

    def _loss(self, store: Store, view: View) -> str:
        recorded, claim = store.volume_status(self.name), view.get(self.claim)
        uid = recorded.claim_uid if recorded else ""
        volume = recorded.volume if recorded else ""
        what = "is gone" if claim is None else "is no longer the one that held the store's data"
        return (
            f"{self.claim} {what}, with PersistentVolume {volume}; the operator makes no empty one "
            f"in its place. Restore a claim of that name from a backup, or go on without the data; "
            f"in both cases then say: kubectl annotate bookstore -n {store.namespace} "
            f"{store.name} {ACCEPT_LOSS}={uid} --overwrite"
        )

    def _is_accepted(self, store: Store) -> bool:
        recorded = store.volume_status(self.name)
        return recorded is not None and store.annotations.get(ACCEPT_LOSS) == recorded.claim_uid

    def _size(self, claim: Manifest | None, volume: Manifest | None) -> str:
        """Return what the claim asks for: never less than what there is."""
        if claim is None:
            there = volume["spec"]["capacity"]["storage"] if volume else None
            return str(there or self.wanted.size)
        capacity = _capacity(claim)
        if capacity and not quantity.less(capacity, self.wanted.size):
            return str(claim["spec"]["resources"]["requests"]["storage"])
        return self.wanted.size

    def _volume_name(self, store: Store, view: View) -> str | None:
        claim, recorded = view.get(self.claim), store.volume_status(self.name)
        if claim is not None:
            name: str | None = claim["spec"].get("volumeName")
            return name
        if recorded is not None and recorded.volume and not self._is_accepted(store):
            return recorded.volume
        # A store of this name had it before and left it, by its policy or with its namespace.
        for ref, volume in view.owned(PERSISTENT_VOLUME).items():
            pinned = volume["spec"].get("claimRef") or {}
            mine = (pinned.get("namespace"), pinned.get("name"))
            if mine == (self.claim.namespace, self.claim.name) and recorded is None:
                return ref.name
        return None

    def _volume(self, store: Store, view: View) -> Manifest | None:
        name = self._volume_name(store, view)
        return view.get(Ref(PERSISTENT_VOLUME, "", name)) if name else None

    def _freed(self, volume: Manifest, ref: Ref) -> list[Patch]:
        pinned = volume["spec"].get("claimRef") or {}
        mine = (pinned.get("namespace"), pinned.get("name"))
        if mine != (self.claim.namespace, self.claim.name) or not pinned.get("uid"):
            return []
        if _phase(volume) != "Released":
            return []  # Freed while it is bound, its claim would be lost.
        return [
            Patch(
                ref,
                {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}},
                message=f"{self.claim} was gone; it is made again on {ref}, which holds its data.",
                reason=VOLUME_REATTACHED,
            )
        ]

    def _kept(self, store: Store, volume: Manifest, ref: Ref) -> list[Patch]:
        labels = store.labels(self.component) | {NAMESPACE_LABEL: store.namespace}
        metadata, policy = volume["metadata"], volume["spec"].get("persistentVolumeReclaimPolicy")
        if labels.items() <= metadata.get("labels", {}).items() and policy == "Retain":
            return []
        own = metadata.get("annotations", {}).get(RECLAIM_POLICY, policy)
        body = {
            "metadata": {"labels": labels, "annotations": {RECLAIM_POLICY: own}},
            "spec": {"persistentVolumeReclaimPolicy": "Retain"},
        }
        return [Patch(ref, body)]


def unbound(ref: Ref, consumer: Ref, view: View) -> Verdict:
    """Judge a claim that is not bound: a failure once its pods have wanted it for a while."""
    wanted_for = min(_age(view.get(made), view.now) for made in (ref, consumer))
    if wanted_for <= PATIENCE:
        return waiting(
            VOLUME_NOT_BOUND,
            f"{ref} is not bound yet.",
            holds=False,
            again=PATIENCE - wanted_for + 1.0,
        )
    chosen = (view.get(ref) or {}).get("spec", {}).get("storageClassName")
    which = f'StorageClass "{chosen}"' if chosen else "its PersistentVolume"
    return failed(VOLUME_NOT_BOUND, f"{ref} is not bound; see that {which} exists and can serve it")


def _phase(claim: Manifest) -> str:
    return str(claim.get("status", {}).get("phase"))


def _capacity(claim: Manifest) -> str | None:
    found: str | None = claim.get("status", {}).get("capacity", {}).get("storage")
    return found


def _age(live: Manifest | None, now: datetime) -> float:
    """Return the seconds since an object was made; 0 where it is not there."""
    created = (live or {}).get("metadata", {}).get("creationTimestamp")
    return (now - datetime.fromisoformat(created)).total_seconds() if created else 0.0
