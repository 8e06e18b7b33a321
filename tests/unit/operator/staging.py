"""Put a store and what was seen of it on a stage, without an API server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from bookstore_operator.components.base import Component
from bookstore_operator.kinds import Manifest, Ref
from bookstore_operator.observed import Observed
from bookstore_operator.reconciler import order
from bookstore_operator.store import Store

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def tokens() -> Callable[[], str]:
    """Return a source of texts that are new and known, in the place of random ones."""
    numbers = count(1)
    return lambda: f"token-{next(numbers)}"


def observed(*objects: Manifest) -> Observed:
    """Return what a pass saw, with objects as the API would return them."""
    seen = Observed(now=NOW, token=tokens())
    for live in objects:
        put(seen, live)
    return seen


def put(seen: Observed, live: Manifest) -> None:
    """Let an object be there."""
    ref = Ref.of(live)
    metadata = {"uid": f"uid of {ref}", "generation": 1, **live["metadata"]}
    seen.objects[ref] = {**live, "metadata": metadata}


def store(**spec: Any) -> Store:
    """Return a store with an external database and files on EFS; ``spec`` wins."""
    wanted = {
        "image": "bookstore/app:1",
        "replicas": 2,
        "database": {"external": {"host": "db", "credentialsSecretRef": {"name": "login"}}},
        "storage": {"efs": {"fileSystemId": "fs-01234567"}},
    }
    return parsed({"spec": wanted | spec})


def parsed(body: Manifest) -> Store:
    """Return the store that a body describes; identity is filled in where it is left out."""
    metadata = {"name": "shop", "namespace": "books", "uid": "store-uid", "generation": 1}
    return Store.parse({**body, "metadata": metadata | body.get("metadata", {})})


def play(store: Store, seen: Observed) -> dict[Component, list[Manifest]]:
    """Return what every part wants, each seeing what those before it made."""
    wanted: dict[Component, list[Manifest]] = {}
    for part in order(store):
        wanted[part] = part.desired(store, seen)
        for manifest in wanted[part]:
            put(seen, manifest)
    return wanted
