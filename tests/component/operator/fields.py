"""Field ownership as the API server keeps it: objects as flat leaves, and back as FieldsV1.

Source: Kubernetes, "Server-Side Apply", and the ``x-kubernetes-list-map-keys`` of the API.
"""

from __future__ import annotations

import json
from typing import Any

Step = tuple[str, str]
"""``("f", name)`` for a field, ``("k", keys as JSON)`` for an item of a list."""

Path = tuple[Step, ...]

MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "ownerReferences": ("uid",),
}
ATOMIC = {("spec", "selector"), ("labelSelector", "matchLabels"), ("selector", "matchLabels")}
UNOWNED = {"apiVersion", "kind", "status"}
UNOWNED_METADATA = {
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
}


def leaves(body: dict[str, Any]) -> dict[Path, Any]:
    """Return an object's leaves that a manager can own."""
    owned = {key: value for key, value in body.items() if key not in UNOWNED}
    owned["metadata"] = {
        key: value for key, value in body["metadata"].items() if key not in UNOWNED_METADATA
    }
    if not owned["metadata"]:
        del owned["metadata"]
    found: dict[Path, Any] = {}
    _flatten(owned, (), body["kind"], found)
    return found


def fields_v1(paths: set[Path]) -> dict[str, Any]:
    """Return paths as the API writes them."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        node = tree
        for mark, text in path:
            node = node.setdefault(f"{mark}:{text}", {})
    return tree


def paths_of(owned: dict[str, Any], path: Path = ()) -> set[Path]:
    """Return the paths of leaves that FieldsV1 name."""
    found: set[Path] = set()
    for name, below in owned.items():
        mark, _, text = name.partition(":")
        here = (*path, (mark, text))
        found |= paths_of(below, here) if below else {here}
    return found


def put(body: dict[str, Any], path: Path, value: Any) -> None:
    """Set a leaf, making what leads to it."""
    node: Any = body
    for (mark, text), (following, _) in zip(path, (*path[1:], ("", "")), strict=True):
        if mark == "k":
            node = _item(node, json.loads(text))
        elif mark == "v":
            if json.loads(text) not in node:
                node.append(json.loads(text))
        elif following:
            node = node.setdefault(text, [] if following in "kv" else {})
        else:
            node[text] = value


def drop(body: dict[str, Any], path: Path) -> None:
    """Take a leaf out, and what is empty after it."""
    (mark, text), rest = path[0], path[1:]
    if mark == "f":
        if text in body and rest:
            drop(body[text], rest)
            if not body[text]:
                del body[text]
        else:
            body.pop(text, None)
    elif mark == "v":
        if isinstance(body, list) and json.loads(text) in body:
            body.remove(json.loads(text))
    elif isinstance(body, list):
        keys = json.loads(text)
        for item in [i for i in body if all(i.get(k) == v for k, v in keys.items())]:
            if rest:
                drop(item, rest)
            if not rest or set(item) <= set(keys):
                body.remove(item)


def _flatten(value: Any, path: Path, kind: str, found: dict[Path, Any]) -> None:
    name = path[-1][1] if path else ""
    if isinstance(value, dict) and value and not _atomic(path, kind):
        for key, below in value.items():
            _flatten(below, (*path, ("f", key)), kind, found)
    elif isinstance(value, list) and name == "finalizers":
        for item in value:
            found[(*path, ("v", json.dumps(item)))] = item
    elif isinstance(value, list) and (keys := _keys(name, value)):
        for item in value:
            text = json.dumps({key: item[key] for key in keys if key in item})
            for key, below in item.items():
                _flatten(below, (*path, ("k", text), ("f", key)), kind, found)
    else:
        found[path] = value


def _atomic(path: Path, kind: str) -> bool:
    names = tuple(text for mark, text in path if mark == "f")
    return names[-2:] in ATOMIC and not (kind != "Service" and names == ("spec", "selector"))


def _keys(name: str, value: list[Any]) -> tuple[str, ...]:
    if name == "ports" and value and isinstance(value[0], dict):
        return ("containerPort" if "containerPort" in value[0] else "port", "protocol")
    return MERGE_KEYS.get(name, ())


def _item(items: list[dict[str, Any]], keys: dict[str, Any]) -> dict[str, Any]:
    for item in items:
        if all(item.get(key) == value for key, value in keys.items()):
            return item
    items.append(dict(keys))
    return items[-1]
