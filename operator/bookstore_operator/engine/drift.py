"""Compare a live object with the wanted one, and make the patch between them.

Three questions are asked, and none needs a table of the API's defaults:

- Is every field that we want there, with our value? (``wrong``)
- Does another field manager own, in a part that is ours alone, a field that we do not want, or
  does a map or list of ours hold more than we want? (``extra``)
- Do we own a field that we no longer want? (``stale``)

A field that the API server defaulted is owned by nobody, so it never counts. Source: Kubernetes,
"Server-Side Apply", field management.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bookstore_operator.engine import quantity
from bookstore_operator.kube.client import MANAGER
from bookstore_operator.kube.objects import Fields, Manifest, Path

QUANTITIES = frozenset({"requests", "limits", "capacity", "sizeLimit", "averageValue"})
LIST_KEYS = ("mountPath", "name", "port", "containerPort", "topologyKey", "uid", "key")
"""What items of the API's lists are merged by, the first that an item has."""


@dataclass
class Drift:
    """The paths at which a live object differs; a list ends a path, since it is compared whole.

    Attributes:
        wrong: Fields of ours that are gone or changed.
        extra: Fields that somebody else added where all is ours.
        stale: Fields of ours that are no longer wanted.
    """

    wrong: list[Path] = field(default_factory=list)
    extra: list[Path] = field(default_factory=list)
    stale: list[Path] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.wrong or self.extra or self.stale)

    def paths(self) -> list[Path]:
        """Return every path once, in order."""
        return sorted({*self.wrong, *self.extra, *self.stale})

    def __str__(self) -> str:
        return ", ".join(".".join(path) for path in self.paths())


def compare(wanted: Manifest, live: Manifest, fields: Fields) -> Drift:
    """Return how a live object differs from the wanted one.

    Args:
        wanted: The manifest that we apply.
        live: The object as the API returns it, with ``managedFields``.
        fields: Which fields of the kind are ours alone.
    """
    drift = Drift()
    for key, value in wanted.items():
        if key not in {"apiVersion", "kind"}:
            _compare((key,), value, live.get(key), fields, drift)
    for entry in live["metadata"].get("managedFields", []):
        if entry.get("subresource"):
            continue
        ours = entry.get("manager") == MANAGER
        for path in _unwanted(entry.get("fieldsV1", {}), wanted, ()):
            if (path and path[0] in {"apiVersion", "kind"}) or _within(path, fields.frozen):
                continue
            if ours:
                drift.stale.append(path)
            elif _within(path, fields.exclusive) and not _within(path, fields.shared):
                drift.extra.append(path)
    return drift


def patch_of(wanted: Manifest, drift: Drift) -> Manifest:
    """Return the JSON merge patch that takes a live object back to what is wanted."""
    patch: Manifest = {}
    for path in drift.paths():
        value: Any = wanted
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        node = patch
        for key in path[:-1]:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                break
        else:
            node[path[-1]] = copy.deepcopy(value)
    return patch


def disowned(live: Manifest, path: Path) -> Manifest | None:
    """Return the patch by which we give a field up that then keeps its value; None if not ours.

    An apply that no longer names a field of ours takes it out, and the API server puts its default
    in the place. The resource version lets no other manager's word be lost. Source: Kubernetes,
    "Server-Side Apply", transferring ownership and clearing managedFields.
    """
    entries = copy.deepcopy(live["metadata"].get("managedFields", []))
    held = False
    for entry in entries:
        if entry.get("manager") == MANAGER and not entry.get("subresource"):
            held |= _dropped(entry.get("fieldsV1", {}), path)
    if not held:
        return None
    version = live["metadata"]["resourceVersion"]
    return {"metadata": {"managedFields": entries, "resourceVersion": version}}


def _dropped(owned: Manifest, path: Path) -> bool:
    """Take a field out of the ones that are owned; return whether it was among them."""
    *above, last = (f"f:{name}" for name in path)
    for name in above:
        owned = owned.get(name, {})
    return owned.pop(last, None) is not None


def _compare(path: Path, wanted: Any, live: Any, fields: Fields, drift: Drift) -> None:
    if path in fields.frozen:
        return
    if isinstance(wanted, dict) and isinstance(live, dict):
        for key, value in wanted.items():
            _compare((*path, key), value, live.get(key), fields, drift)
        if path in fields.exact:
            drift.extra.extend((*path, key) for key in live.keys() - wanted.keys())
    elif isinstance(wanted, list) and isinstance(live, list):
        _compare_lists(path, wanted, live, fields, drift)
    elif not _same(path, wanted, live):
        drift.wrong.append(path)


def _compare_lists(
    path: Path, wanted: list[Any], live: list[Any], fields: Fields, drift: Drift
) -> None:
    ours_alone = path[0] != "metadata"
    if not all(isinstance(item, dict) for item in (*wanted, *live)):
        if wanted != live if ours_alone else not set(wanted) <= set(live):
            drift.wrong.append(path)
        return
    found = dict(zip(_list_keys(live), live, strict=True))
    for key, item in zip(_list_keys(wanted), wanted, strict=True):
        other = found.pop(key, None)
        within = Drift()
        if other is not None:
            _compare(path, item, other, fields, within)
        if other is None or within.wrong:
            drift.wrong.append(path)
    if found and ours_alone:
        drift.extra.append(path)


def _list_keys(items: list[Any]) -> list[str]:
    """Return what tells items of a list from each other: a key of theirs, or else their places.

    Some lists have items without a key, and some share it, such as one port of two protocols.
    """
    places = [f"[{place}]" for place in range(len(items))]
    keys = [
        next((f"{key}={item[key]}" for key in LIST_KEYS if key in item), place)
        for item, place in zip(items, places, strict=True)
    ]
    return keys if len(set(keys)) == len(keys) else places


def _same(path: Path, wanted: Any, live: Any) -> bool:
    if live is None:
        return not wanted
    if type(wanted) is type(live) and wanted == live:
        return True
    return not QUANTITIES.isdisjoint(path) and quantity.same(wanted, live)


def _within(path: Path, parts: tuple[Path, ...]) -> bool:
    return any(path[: len(part)] == part for part in parts)


def _unwanted(owned: Mapping[str, Any], wanted: Any, path: Path) -> Iterator[Path]:
    """Yield the paths of owned fields that are not wanted, each ended by the first list."""
    for name, below in owned.items():
        if name == ".":
            continue
        mark, _, text = name.partition(":")
        if mark == "f":
            here = (*path, text)
            if not isinstance(wanted, dict) or text not in wanted:
                yield here
            else:
                yield from _unwanted(below, wanted[text], here)
        elif mark == "k":
            item = _item(json.loads(text), wanted)
            if item is None or any(True for _ in _unwanted(below, item, path)):
                yield path
        elif mark == "v" and json.loads(text) not in (wanted or []):
            yield path


def _item(key: Mapping[str, Any], wanted: Any) -> Any:
    items = wanted if isinstance(wanted, list) else []
    return next(
        (item for item in items if all(item.get(name) == value for name, value in key.items())),
        None,
    )
