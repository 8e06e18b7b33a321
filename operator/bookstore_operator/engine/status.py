"""Write the status of a root where it changed, and say what of it is worth an Event."""

import time

from bookstore_operator import metrics
from bookstore_operator.api.conditions import DEGRADED, READY, Condition, ConditionType
from bookstore_operator.engine.memory import Memory, Note
from bookstore_operator.engine.root import Root
from bookstore_operator.engine.verdict import State, Verdict
from bookstore_operator.kube.cache import Cache
from bookstore_operator.kube.client import MANAGER, Kube
from bookstore_operator.kube.objects import Manifest, Ref

PROGRESS_INTERVAL = 1.0
"""Seconds between writes to the status that tell of nothing but progress: what is done within them
is written once. Trouble, and Ready that turns, are written at once."""


class StatusWriter:
    """Write statuses, and keep the metrics of roots in step."""

    def __init__(self, kube: Kube, cache: Cache, *, counted: bool = True) -> None:
        self._kube = kube
        self._cache = cache
        self._counted = counted

    def forget(self, key: Ref) -> None:
        """Take a root that is gone out of the metrics."""
        if self._counted:
            metrics.ROOTS.forget((key.namespace, key.name))

    async def write(
        self,
        root: Root,
        body: Manifest,
        conditions: list[Condition],
        fields: Manifest | None = None,
    ) -> None:
        """Apply the status where it differs from what was written last.

        A server-side apply leaves the conditions and fields of other writers alone. Where only
        conditions are written, the fields of before are written again, since an apply drops what
        it does not repeat.

        Args:
            root: The root.
            body: The root as the API returned it last.
            conditions: All conditions.
            fields: All other fields of the status; None where they stay as they are.
        """
        before = _own_fields(body)
        kept = fields if fields is not None else before
        wanted = {**kept, "observedGeneration": root.generation}
        if self._counted:
            metrics.ROOTS.judged((root.namespace, root.name), conditions)
        same = {one.type: one for one in conditions} == {one.type: one for one in root.conditions}
        if same and wanted == before:
            return
        manifest = {
            "apiVersion": root.ref.kind.api_version,
            "kind": root.ref.kind.name,
            "metadata": {"name": root.name, "namespace": root.namespace},
            "status": {**wanted, "conditions": [condition.manifest() for condition in conditions]},
        }
        written = await self._kube.apply(root.ref.kind, manifest, "status")
        self._cache.keep(root.ref, written, written=True)


def merge_fields(fields: Manifest, more: Manifest) -> None:
    """Add a component's fields of the status to those of the others; lists are joined."""
    for name, value in more.items():
        known = fields.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            merge_fields(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            known.extend(value)
        else:
            fields[name] = value


def transitions(root: Root, conditions: list[Condition]) -> list[Note]:
    """Return the Events of what became different: a new reason for trouble, and its end."""
    notes = []
    for condition in conditions:
        before = root.condition(condition.type)
        if condition.type == DEGRADED and condition.status == "True":
            same = before and (before.reason, before.message) == (
                condition.reason,
                condition.message,
            )
            if not same:
                notes.append(Note("Warning", condition.reason, "Reconcile", condition.message))
        was = before.status if before else "False"
        if condition.type == READY and condition.status == "True" != was:
            notes.append(Note("Normal", condition.reason, "Reconcile", condition.message))
    return notes


def quiet_for(root: Root, memory: Memory, verdicts: dict[ConditionType, Verdict]) -> float:
    """Return the seconds for which progress is not written yet; 0 where all is to be written."""
    before = root.condition(READY)
    states = {verdict.state for verdict in verdicts.values() if not verdict.aside}
    if states - {State.READY, State.WAITING} or State.WAITING not in states:
        return 0.0
    if before is not None and before.status == "True":
        return 0.0
    now = time.monotonic()
    if memory.quiet_until == 0.0:
        memory.quiet_until = now + PROGRESS_INTERVAL
    if now < memory.quiet_until:
        return memory.quiet_until - now
    memory.quiet_until = now + PROGRESS_INTERVAL
    return 0.0


def _own_fields(body: Manifest) -> Manifest:
    """Return the fields of the status, without conditions and without those of other writers."""
    ours, others = set[str](), set[str]()
    for entry in body["metadata"].get("managedFields", []):
        if entry.get("subresource") == "status":
            names = entry.get("fieldsV1", {}).get("f:status", {})
            owner = ours if entry.get("manager") == MANAGER else others
            owner.update(name.removeprefix("f:") for name in names)
    hidden = {"conditions", *(others - ours)}
    status = body.get("status") or {}
    return {name: value for name, value in status.items() if name not in hidden}
