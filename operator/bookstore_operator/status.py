"""Compose a store's status and the patch that writes it."""

from typing import Any

from bookstore_operator.api.status import BookStoreStatus, Condition, DatabaseStatus
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.components.exposure import url
from bookstore_operator.components.web import COMPONENT as WEB
from bookstore_operator.components.web import rolled_out
from bookstore_operator.observed import Observed
from bookstore_operator.store import Store


def status(
    store: Store, seen: Observed, told: list[Condition], revision: str | None
) -> BookStoreStatus:
    """Return the status of a store after a pass.

    Args:
        store: The store, with the status of before.
        seen: What the pass found.
        told: The new conditions.
        revision: The schema revision that the last successful migration reached, if it is known.
    """
    web = (seen.get(store.web) or {}).get("status", {})
    ready = web.get("readyReplicas", 0)
    return BookStoreStatus(
        conditions=told,
        observed_generation=store.generation,
        url=url(store, seen),
        image=rolled_out(store, seen) or store.status.image,
        replicas=web.get("replicas", 0),
        ready_replicas=ready,
        replica_summary=f"{ready}/{store.spec.desired_replicas}",
        selector=",".join(f"{name}={value}" for name, value in store.selector(WEB).items()),
        database=DatabaseStatus(
            mode=store.spec.database.mode,
            host=Connection.of(store).host,
            schema_revision=revision,
        ),
    )


def changes(before: BookStoreStatus, after: BookStoreStatus) -> dict[str, Any]:
    """Return the JSON merge patch between two statuses; empty where they are the same."""
    return _difference(before.manifest(), after.manifest())


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            if below := _difference(old, value):
                patch[name] = below
        elif value != old:
            patch[name] = value
    return patch
