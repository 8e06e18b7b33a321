"""Put a store and what there is of it on a stage, without an API server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.resource import kinds_used
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest, Ref, ref_of
from bookstore_operator.store import Store

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
BOOKSTORES = BookStores()
KINDS = {kind.name: kind for kind in kinds_used(BOOKSTORES)}


def tokens() -> Callable[[], str]:
    """Return a source of texts that are new and known, in the place of random ones."""
    numbers = count(1)
    return lambda: f"token-{next(numbers)}"


def seen(root: Store, *objects: Manifest) -> View:
    """Return what a pass sees, with objects as the API would return them."""
    view = View(root=root, now=NOW, token=tokens())
    for live in objects:
        put(view, live)
    give_outputs(root, view)
    return view


def put(view: View, live: Manifest) -> None:
    """Let an object be there."""
    ref = ref_to(live)
    metadata = {"uid": f"uid of {ref}", "generation": 1, **live["metadata"]}
    view.objects[ref] = {**live, "metadata": metadata}


def ref_to(live: Manifest) -> Ref:
    """Return the reference to an object."""
    return ref_of(KINDS[live["kind"]], live)


def store(*, status: Manifest | None = None, notes: Manifest | None = None, **spec: Any) -> Store:
    """Return a store with an external database and files on EFS; ``spec`` wins."""
    wanted = {
        "image": "bookstore/app:1",
        "replicas": 2,
        "database": {"external": {"host": "db", "credentialsSecretRef": {"name": "login"}}},
        "storage": {"efs": {"fileSystemId": "fs-01234567"}},
    }
    metadata = {"annotations": notes} if notes else {}
    return parsed({"metadata": metadata, "spec": wanted | spec, "status": status})


def parsed(body: Manifest) -> Store:
    """Return the store that a body describes; identity is filled in where it is left out."""
    metadata = {"name": "shop", "namespace": "books", "uid": "store-uid", "generation": 1}
    return BOOKSTORES.parse({**body, "metadata": metadata | body.get("metadata", {})})


def components(root: Store) -> list[Component[Any]]:
    """Return the components that the store has, in their order."""
    return [component for component in BOOKSTORES.components if component.active(root)]


def give_outputs(root: Store, view: View) -> None:
    """Let every component give out what later ones read."""
    for component in components(root):
        view.give(*component.outputs(root, view))


def play(root: Store, view: View) -> dict[Component[Any], list[Manifest]]:
    """Return what every component wants, each seeing what those before it made."""
    wanted: dict[Component[Any], list[Manifest]] = {}
    for component in components(root):
        wanted[component] = component.children(root, view)
        for manifest in wanted[component]:
            put(view, manifest)
        view.give(*component.outputs(root, view))
    return wanted
