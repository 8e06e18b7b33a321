"""An API server in memory: apply, merge, defaults, field ownership, and a journal to watch.

It does what the operator relies on and no more; the cluster tier holds it to the real one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from bookstore_operator.engine.quantity import less
from bookstore_operator.engine.quantity import parse as quantity
from bookstore_operator.kube.objects import Manifest
from tests.component.operator.fields import Path, drop, fields_v1, leaves, paths_of, put

Place = tuple[str, str, str]
"""Plural, namespace, name."""

FIRST_VERSION = 100
NOT_FOUND, CONFLICT, INVALID = 404, 409, 422
FROZEN = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "podManagementPolicy"),
    "Job": ("template",),
    "PersistentVolumeClaim": ("storageClassName", "volumeName"),
}
"""Fields of the spec that cannot change once they are set."""


class RefusedError(Exception):
    """An answer of the API server that is no success."""

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason


@dataclass
class Change:
    """One line of the journal."""

    version: int
    kind: str
    plural: str
    live: Manifest


@dataclass
class Cluster:
    """Hold objects, and who owns their fields.

    Attributes:
        objects: What there is.
        journal: What changed, in order.
        changed: Tells those who watch.
        owners: The fields that each manager owns.
        applied_conditions: The conditions that the operator applied last.
        status_owners: The fields of a status that each manager owns.
        admission: A webhook, which may change every object that is written.
    """

    objects: dict[Place, Manifest] = field(default_factory=dict)
    journal: list[Change] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    owners: dict[Place, dict[tuple[str, str], set[Path]]] = field(default_factory=dict)
    applied_conditions: dict[Place, set[str]] = field(default_factory=dict)
    status_owners: dict[Place, dict[str, set[str]]] = field(default_factory=dict)
    admission: Callable[[Manifest], None] = lambda _live: None
    version: int = FIRST_VERSION
    births: int = 0

    def get(self, place: Place) -> Manifest:
        if place not in self.objects:
            raise RefusedError(NOT_FOUND, f'{place[0]} "{place[2]}" not found')
        return copied(self.objects[place])

    def select(self, plural: str, namespace: str, selector: str = "") -> list[Manifest]:
        wanted = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        return [
            copied(live)
            for place, live in sorted(self.objects.items())
            if place[0] == plural
            and namespace in {"", place[1]}
            and wanted.items() <= live["metadata"].get("labels", {}).items()
        ]

    def apply(self, place: Place, body: Manifest, manager: str) -> Manifest:
        before = self.objects.get(place)
        after = copied(before) if before else self._born(place, body)
        owners = self.owners.setdefault(place, {})
        mine, wanted = (manager, "Apply"), leaves(body)
        others = set().union(*(paths for who, paths in owners.items() if who != mine))
        for path in owners.get(mine, set()) - wanted.keys() - others:
            drop(after, path)
        for path, value in wanted.items():
            put(after, path, copied(value))
        now = leaves(after)
        for who, paths in owners.items():
            if who != mine:
                paths.difference_update([path for path in wanted if _was(before, path, now)])
        owners[mine] = set(wanted)
        return self._store(place, before, after)

    def create(self, place: Place, body: Manifest, manager: str) -> Manifest:
        """Create an object; as on a real server, its maker then owns the defaults too."""
        if place in self.objects:
            raise RefusedError(CONFLICT, f'{place[0]} "{place[2]}" already exists', "AlreadyExists")
        born = self._born(place, body)
        kept = {name: value for name, value in copied(body).items() if name != "status"}
        after = _defaulted(born | kept | {"metadata": born["metadata"] | kept["metadata"]})
        self.owners[place] = {(manager, "Update"): set(leaves(after))}
        return self._store(place, None, after)

    def apply_status(self, place: Place, body: Manifest, manager: str) -> Manifest:
        """Apply a status; conditions are merged by type, and what others wrote stays."""
        before = self.get(place)
        after, wanted = copied(before), copied(body["status"])
        told = wanted.pop("conditions", [])
        types = {condition["type"] for condition in told}
        dropped = self.applied_conditions.get(place, set()) - types
        status = before.get("status", {})
        kept = [c for c in status.get("conditions", []) if c["type"] not in types | dropped]
        gone = self.status_owners.get(place, {}).get(manager, set()) - wanted.keys()
        others = {name: value for name, value in status.items() if name not in gone}
        self.applied_conditions[place] = types
        self._own_status(place, manager, set(wanted), set(wanted))
        after["status"] = {**others, **wanted, "conditions": [*told, *kept]}
        return self._store(place, before, after)

    def _own_status(self, place: Place, manager: str, owned: set[str], taken: set[str]) -> None:
        owners = self.status_owners.setdefault(place, {})
        for names in owners.values():
            names.difference_update(taken)
        owners[manager] = owned

    def merge(self, place: Place, patch: Manifest, manager: str, subresource: str = "") -> Manifest:
        before = self.get(place)
        wanted = {"status": patch.get("status")} if subresource else dict(patch)
        for name in ("resourceVersion", "uid"):
            expected = patch.get("metadata", {}).get(name)
            if expected and expected != before["metadata"][name]:
                raise RefusedError(CONFLICT, "the object has been modified")
        after = merged(before, wanted)
        told = patch.get("metadata", {}).get("managedFields")
        if told is not None:
            self.owners[place] = {
                (one["manager"], one["operation"]): paths_of(one["fieldsV1"])
                for one in told
                if "subresource" not in one
            }
        old, new = leaves(before), leaves(_defaulted(copied(after)))
        changed = {path for path, value in new.items() if old.get(path) != value}
        if subresource:
            told = {*(patch.get("status") or {})} - {"conditions"}
            mine = self.status_owners.get(place, {}).get(manager, set())
            self._own_status(place, manager, mine | told, told)
        owners = self.owners.setdefault(place, {})
        for paths in owners.values():
            paths.difference_update(changed, old.keys() - new.keys())
        if changed and not subresource:
            owners.setdefault((manager, "Update"), set()).update(changed)
        return self._store(place, before, after)

    def delete(self, place: Place, uid: str | None = None) -> Manifest:
        live = self.get(place)
        if uid is not None and uid != live["metadata"]["uid"]:
            raise RefusedError(CONFLICT, "the UID in the precondition does not match")
        if live["metadata"].get("finalizers"):
            after = copied(live)
            after["metadata"].setdefault("deletionTimestamp", _now())
            return self._store(place, live, after)
        return self._remove(place)

    def _store(self, place: Place, before: Manifest | None, after: Manifest) -> Manifest:
        after = _defaulted(after)
        self.admission(after)
        _validate(before, after)
        metadata = after["metadata"]
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            return self._remove(place)
        metadata["managedFields"] = [
            {"manager": manager, "operation": operation, "fieldsV1": fields_v1(paths)}
            for (manager, operation), paths in self.owners.get(place, {}).items()
            if paths
        ] + [
            {
                "manager": manager,
                "subresource": "status",
                "fieldsV1": {"f:status": {f"f:{name}": {} for name in sorted(names)}},
            }
            for manager, names in self.status_owners.get(place, {}).items()
            if names
        ]
        if before == after:
            return copied(before)
        if before is None or before.get("spec") != after.get("spec"):
            metadata["generation"] = metadata.get("generation", 0) + 1
        self._write(place, "MODIFIED" if before else "ADDED", after)
        return copied(after)

    def _born(self, place: Place, body: Manifest) -> Manifest:
        self.births += 1
        metadata = {"name": place[2], "uid": f"uid-{self.births}", "creationTimestamp": _now()}
        if place[1]:
            metadata["namespace"] = place[1]
        return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata}

    def _remove(self, place: Place) -> Manifest:
        live = self.objects.pop(place)
        self.owners.pop(place, None)
        self.applied_conditions.pop(place, None)
        self.status_owners.pop(place, None)
        self._record("DELETED", place[0], live)
        return copied(live)

    def _write(self, place: Place, kind: str, live: Manifest) -> None:
        self.objects[place] = live
        self._record(kind, place[0], live)

    def _record(self, kind: str, plural: str, live: Manifest) -> None:
        self.version += 1
        live["metadata"]["resourceVersion"] = str(self.version)
        self.journal.append(Change(self.version, kind, plural, copied(live)))

    def since(self, version: int) -> list[Change]:
        """Return what changed after a version."""
        return self.journal[max(0, version - FIRST_VERSION) :]

    async def tell(self) -> None:
        """Wake those who watch."""
        async with self.changed:
            self.changed.notify_all()


T = TypeVar("T")


def copied(value: T) -> T:
    """Return a copy of an object, by the way that it takes to the API server too."""
    copy: T = json.loads(json.dumps(value))
    return copy


def merged(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return copied(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _was(before: Manifest | None, path: Path, now: dict[Path, Any]) -> bool:
    return before is not None and leaves(before).get(path) != now.get(path)


def _validate(before: Manifest | None, live: Manifest) -> None:
    """Refuse what the API server refuses, as far as the operator may come upon it."""
    kind, spec = live["kind"], live.get("spec", {})
    if kind == "Service":
        names = [port["name"] for port in spec.get("ports", [])]
        if len(names) != len(set(names)):
            raise RefusedError(
                INVALID, 'Service "x" is invalid: spec.ports[1].name: Duplicate value'
            )
    if before is None:
        return
    if before.get("immutable") and before.get("data") != live.get("data"):
        raise RefusedError(INVALID, "data: Forbidden: field is immutable when `immutable` is set")
    for name in FROZEN.get(kind, ()):
        if before["spec"].get(name) not in (None, "") and before["spec"][name] != spec.get(name):
            raise RefusedError(INVALID, f"spec.{name}: Forbidden: field is immutable")
    if kind == "PersistentVolumeClaim" and less(_request(live), _request(before)):
        raise RefusedError(
            INVALID, "spec.resources.requests.storage: Forbidden: field can not be less"
        )


def _request(claim: Manifest) -> str:
    return str(claim["spec"]["resources"]["requests"]["storage"])


def _defaulted(live: Manifest) -> Manifest:
    """Fill in what the API server would, and write quantities as it does."""
    spec = live.get("spec") or {}
    if live["kind"] == "Service":
        spec.setdefault("clusterIP", "10.0.0.1")
        spec.setdefault("sessionAffinity", "None")
        for number, port in enumerate(spec.get("ports", [])):
            port.setdefault("protocol", "TCP")
            port.setdefault("nodePort", 31000 + number)
    if live["kind"] == "Deployment":
        spec.setdefault("replicas", 1)
    if live["kind"] == "Secret":
        live.setdefault("type", "Opaque")
    if "template" in spec:
        _default_pod(spec["template"]["spec"])
    if live["kind"] == "PersistentVolumeClaim":
        spec.setdefault("volumeMode", "Filesystem")
        _canonical(spec["resources"]["requests"])
    kept: Manifest = _without_zeroes(live)
    return kept


def _default_pod(pod: Manifest) -> None:
    for name, value in {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
    }.items():
        pod.setdefault(name, value)
    for container in pod["containers"]:
        container.setdefault("imagePullPolicy", "IfNotPresent")
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        for amounts in container.get("resources", {}).values():
            _canonical(amounts)
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            if name in container:
                container[name].setdefault("successThreshold", 1)
                container[name].get("httpGet", {}).setdefault("scheme", "HTTP")


def _canonical(amounts: dict[str, str]) -> None:
    for name, text in amounts.items():
        value = quantity(text)
        if value is not None and value == value.to_integral() and text.endswith("Mi"):
            gibi = value / 1024**3
            amounts[name] = f"{int(gibi)}Gi" if gibi == gibi.to_integral() else text


def _without_zeroes(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_zeroes(v) for k, v in value.items() if v != ""}
    if isinstance(value, list):
        return [_without_zeroes(item) for item in value]
    return value
