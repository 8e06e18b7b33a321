"""Turn what the operator made into manifests that anyone can apply elsewhere."""

from __future__ import annotations

import json
from typing import Any

from tests.cluster.support.kube import Manifest

OF_THE_CLUSTER = (
    "uid",
    "resourceVersion",
    "managedFields",
    "ownerReferences",
    "generation",
    "creationTimestamp",
    "finalizers",
)


def portable(child: Manifest) -> Manifest:
    """Return a child as a person would have written it, without what the cluster put in."""
    meta: dict[str, Any] = {
        key: value for key, value in child["metadata"].items() if key not in OF_THE_CLUSTER
    }
    # Notes of controllers, such as that a claim is bound, would be untrue elsewhere.
    notes = meta.pop("annotations", {})
    meta["annotations"] = {key: notes[key] for key in notes if key.startswith("bookstore.dev/")}
    made = {key: value for key, value in child.items() if key != "status"} | {"metadata": meta}
    spec = made.get("spec", {})
    if child["kind"] == "Service":
        for key in ("clusterIP", "clusterIPs", "healthCheckNodePort"):
            spec.pop(key, None)
        for port in spec["ports"]:
            port.pop("nodePort", None)
    if child["kind"] == "Job":
        spec.pop("selector", None)
        for labels in (meta["labels"], spec["template"]["metadata"]["labels"]):
            for key in [key for key in labels if "controller-uid" in key or "job-name" in key]:
                del labels[key]
    if child["kind"] == "PersistentVolume":
        for key in ("uid", "resourceVersion"):
            spec["claimRef"].pop(key, None)
    return made


def renamed(manifests: list[Manifest], names: dict[str, str]) -> list[Manifest]:
    """Return the manifests with every name in place of the one it replaces."""
    text = json.dumps(manifests)
    for old, new in names.items():
        text = text.replace(old, new)
    replaced: list[Manifest] = json.loads(text)
    return replaced
