"""The cluster's own controllers, as far as a store waits for them."""

from __future__ import annotations

from bookstore_operator.kube.objects import Manifest

NOW = "2026-01-01T12:00:00Z"


def played(live: Manifest) -> Manifest | None:
    """Return the status that the cluster's controllers would give an object."""
    generation = live["metadata"].get("generation")
    if live["kind"] in {"Deployment", "StatefulSet"}:
        wanted = live["spec"]["replicas"]
        counts = ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas")
        return {"observedGeneration": generation, **dict.fromkeys(counts, wanted)}
    if live["kind"] == "Job":
        done = {"type": "Complete", "status": "True", "lastTransitionTime": NOW}
        return {"completionTime": NOW, "conditions": [done]}
    if live["kind"] == "PersistentVolumeClaim":
        return {"phase": "Bound"}
    if live["kind"] == "Service" and live["spec"].get("type") == "LoadBalancer":
        return {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    return None
