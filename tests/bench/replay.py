"""Turn what the operator made into manifests that anyone can apply elsewhere."""

from __future__ import annotations

import json
from typing import Any

from tests.cluster.support.kube import Manifest

MANAGER = "bookstore-operator"


def portable(child: Manifest) -> Manifest:
    """Return a child as the operator applied it, without what ties it to its store.

    The API server notes whose each field is, so defaults and notes of controllers are left out.
    Source: Kubernetes, "Server-Side Apply", field management.
    """
    owned: dict[str, Any] = {}
    for entry in child["metadata"]["managedFields"]:
        if entry["manager"] == MANAGER and not entry.get("subresource"):
            owned = _merged(owned, entry["fieldsV1"])
    made: Manifest = _project(owned, child)
    meta = made.setdefault("metadata", {})
    meta.pop("ownerReferences", None)
    meta.pop("finalizers", None)
    for key in ("name", "namespace"):
        if key in child["metadata"]:
            meta[key] = child["metadata"][key]
    return {"apiVersion": child["apiVersion"], "kind": child["kind"]} | made


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return one | {key: _merged(one.get(key, {}), below) for key, below in other.items()}


def _project(fields: dict[str, Any], value: Any) -> Any:
    """Return the part of a value that a set of fields names."""
    below = {name: sub for name, sub in fields.items() if name != "."}
    if not below:
        return value
    if isinstance(value, dict):
        names = {name.removeprefix("f:"): sub for name, sub in below.items()}
        return {name: _project(sub, value[name]) for name, sub in names.items() if name in value}
    kept = []
    for item in value:
        for name, sub in below.items():
            mark, _, text = name.partition(":")
            key = json.loads(text)
            if mark == "v" and item == key:
                kept.append(item)
            elif mark == "k" and all(item.get(part) == wanted for part, wanted in key.items()):
                kept.append(key | _project(sub, item))
    return kept


def renamed(manifests: list[Manifest], names: dict[str, str]) -> list[Manifest]:
    """Return the manifests with every name in place of the one it replaces."""
    text = json.dumps(manifests)
    for old, new in names.items():
        text = text.replace(old, new)
    replaced: list[Manifest] = json.loads(text)
    return replaced
