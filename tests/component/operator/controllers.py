"""The cluster's own controllers, as far as a store waits for them."""

from __future__ import annotations

from collections.abc import Callable

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.cluster import Cluster, Place

NOW = "2026-01-01T12:00:00Z"
WORKLOADS = {"deployments", "statefulsets"}


Statuses = dict[Place, Callable[[Manifest], Manifest]]
"""What controllers tell of some objects in the place of what they mostly do."""


def play(
    cluster: Cluster, held: frozenset[str] = frozenset(), statuses: Statuses | None = None
) -> None:
    """Do one round of all controllers; kinds in ``held`` are left as they are."""
    for place, live in list(cluster.objects.items()):
        if place[0] not in held and place in cluster.objects:
            _play(cluster, place, live, statuses or {})


def _play(cluster: Cluster, place: Place, live: Manifest, statuses: Statuses) -> None:
    if _is_orphaned(cluster, live):
        if "deletionTimestamp" not in live["metadata"]:
            cluster.delete(place)
        return
    if place[0] == "perconaxtradbclusters" and "deletionTimestamp" in live["metadata"]:
        # Percona's operator has taken the nodes down.
        cluster.merge(place, {"metadata": {"finalizers": None}}, "percona")
        return
    if place[0] == "persistentvolumeclaims":
        _bind(cluster, place, live)
    if place[0] == "certificates":
        _issue(cluster, place, live)
    if place[0] == "persistentvolumes":
        _reclaim(cluster, place, live)
        if place not in cluster.objects:
            return
    status_of = statuses.get(place, _status)
    status = status_of(cluster.objects.get(place, live)) or _phase(cluster, place)
    if status and any(live.get("status", {}).get(k) != v for k, v in status.items()):
        cluster.merge(place, {"status": status}, "controller", "status")


def _status(live: Manifest) -> Manifest | None:
    """Return the status that the cluster's controllers would give an object."""
    generation = live["metadata"].get("generation")
    if live["kind"] in {"Deployment", "StatefulSet"}:
        wanted = live["spec"]["replicas"]
        counts = ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas")
        return {"observedGeneration": generation, **dict.fromkeys(counts, wanted)}
    if live["kind"] == "HorizontalPodAutoscaler":
        conditions = [
            {"type": kind, "status": "True", "reason": kind, "lastTransitionTime": NOW}
            for kind in ("AbleToScale", "ScalingActive")
        ]
        measured = [{"type": metric["type"]} for metric in live["spec"]["metrics"]]
        return {"conditions": conditions, "currentMetrics": measured}
    if live["kind"] == "Job":
        done = {"type": "Complete", "status": "True", "lastTransitionTime": NOW}
        return {"completionTime": NOW, "conditions": [done]}
    if live["kind"] == "HTTPRoute":
        taken = [
            {"type": kind, "status": "True", "reason": kind, "observedGeneration": generation}
            for kind in ("Accepted", "ResolvedRefs")
        ]
        parents = live["spec"]["parentRefs"]
        return {"parents": [{"parentRef": parent, "conditions": taken} for parent in parents]}
    if live["kind"] == "Ingress":
        return {"loadBalancer": {"ingress": [{"hostname": "ingress.example.com"}]}}
    if live["kind"] == "Certificate":
        return {"conditions": [{"type": "Ready", "status": "True", "reason": "Ready"}]}
    if live["kind"] == "PerconaXtraDBCluster":
        return {"state": "ready", "host": f"{live['metadata']['name']}-haproxy.{place_of(live)}"}
    if live["kind"] == "DBInstance":
        return _provision(live)
    if live["kind"] == "Service" and live["spec"].get("type") == "LoadBalancer":
        return {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    return None


def _issue(cluster: Cluster, place: Place, certificate: Manifest) -> None:
    """Put a certificate into its Secret, as cert-manager does."""
    secret = ("secrets", place[1], certificate["spec"]["secretName"])
    if secret not in cluster.objects:
        data = {"tls.crt": "Y2VydGlmaWNhdGU=", "tls.key": "a2V5"}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": data}
        cluster.apply(secret, body, "cert-manager")


def place_of(live: Manifest) -> str:
    return str(live["metadata"]["namespace"])


def _provision(live: Manifest) -> Manifest:
    """Return what ACK tells of an instance that RDS made."""
    name = live["spec"]["dbInstanceIdentifier"]
    synced = {"type": "ACK.ResourceSynced", "status": "True", "lastTransitionTime": NOW}
    endpoint = {"address": f"{name}.example.us-east-1.rds.amazonaws.com", "port": 3306}
    return {"dbInstanceStatus": "available", "endpoint": endpoint, "conditions": [synced]}


def _is_orphaned(cluster: Cluster, live: Manifest) -> bool:
    """Return whether the garbage collector takes an object, whose owner is gone."""
    owners = live["metadata"].get("ownerReferences", [])
    uids = {other["metadata"]["uid"] for other in cluster.objects.values()} if owners else set()
    return bool(owners) and not any(owner["uid"] in uids for owner in owners)


def _bind(cluster: Cluster, place: Place, claim: Manifest) -> None:
    """Bind a claim to the volume that it names, that waits for it, or to a new one."""
    name = claim["spec"].get("volumeName")
    where = {"namespace": place[1], "name": place[2]}
    for other, volume in list(cluster.objects.items()):
        if other[0] != "persistentvolumes":
            continue
        pinned = volume["spec"].get("claimRef") or {}
        waits = where.items() <= pinned.items() and "uid" not in pinned
        if waits and name in (None, other[2]):
            _tie(cluster, place, claim, other)
            return
    if name is None and "selector" not in claim["spec"]:
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {},
            "spec": {
                "capacity": dict(claim["spec"]["resources"]["requests"]),
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": claim["spec"].get("storageClassName", "standard"),
                "claimRef": where,
            },
        }
        other = ("persistentvolumes", "", f"pvc-{claim['metadata']['uid']}")
        cluster.apply(other, volume, "provisioner")
        _tie(cluster, place, claim, other)


def _phase(cluster: Cluster, place: Place) -> Manifest | None:
    """Return how far a claim or a volume is bound; a volume that names another claim is not."""
    live = cluster.get(place)
    if place[0] == "persistentvolumes":
        if "uid" not in (live["spec"].get("claimRef") or {}):
            return {"phase": "Available"}
        return {"phase": "Released" if _is_released(cluster, live) else "Bound"}
    if place[0] != "persistentvolumeclaims" or not live["spec"].get("volumeName"):
        return None
    volume = cluster.objects.get(("persistentvolumes", "", live["spec"]["volumeName"]))
    if volume and _is_released(cluster, volume):
        return {"phase": "Pending"}
    return {"phase": "Bound", "capacity": dict(live["spec"]["resources"]["requests"])}


def _is_released(cluster: Cluster, volume: Manifest) -> bool:
    """Return whether the claim that a volume was bound to is gone."""
    pinned = volume["spec"].get("claimRef") or {}
    claim = cluster.objects.get(
        ("persistentvolumeclaims", pinned.get("namespace", ""), pinned.get("name", ""))
    )
    return "uid" in pinned and (claim is None or claim["metadata"]["uid"] != pinned["uid"])


def _tie(cluster: Cluster, place: Place, claim: Manifest, volume: Place) -> None:
    uid = claim["metadata"]["uid"]
    chosen = cluster.get(volume)["spec"].get("storageClassName", "")
    cluster.merge(volume, {"spec": {"claimRef": {"uid": uid}}}, "binder")
    bound = {"volumeName": volume[2], "storageClassName": chosen or None}
    cluster.merge(place, {"spec": bound}, "binder")


def _reclaim(cluster: Cluster, place: Place, volume: Manifest) -> None:
    """Let a volume go with its claim where that is its policy."""
    if (
        _is_released(cluster, volume)
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    ):
        cluster.delete(place)
