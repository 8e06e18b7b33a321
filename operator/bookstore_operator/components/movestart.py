"""What a move to another topology waits for before it begins, and while it stands still."""

from dataclasses import replace

from bookstore_operator.api.conditions import Reason
from bookstore_operator.components.credentials import logins, missing_secret
from bookstore_operator.components.shop import complete_rollout
from bookstore_operator.components.sizing import WebSpec, least_connections
from bookstore_operator.components.standstill import being_restored
from bookstore_operator.engine.verdict import Verdict, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.store import Store

MOVE_WAITS = Reason(
    "MoveWaits",
    "The move to spec.topology waits for what the message names.",
    fix="Do what the message says, or wait for what it names; the move goes on by itself.",
)
SOON = 2.0
"""Seconds until what brings no event is looked at again."""


def rests(store: Store, view: View) -> Verdict | None:
    """Return the verdict while nothing of a move is done, whatever its phase is, or None."""
    to = (store.move.to if store.move else store.spec.topology).value
    if stands := being_restored(store, view):
        return _waits(f"The move to {to} waits for a restore. {stands.message}")
    if store.spec.hibernated:
        text = "set spec.state to Running, since its steps want a database and pods that run"
        return _waits(f"The move to {to} waits, for spec.state is Hibernated; {text}.")
    return None


def hindrance(store: Store, view: View) -> Verdict | None:
    """Return the verdict on what keeps a move from its beginning, or None."""
    missing = missing_secret(view, logins(store, whole=True, services=True))
    return (
        rests(store, view)
        or (replace(missing, holds=False) if missing else None)
        or _rollout(store, view)
        or _connections(store)
    )


def _rollout(store: Store, view: View) -> Verdict | None:
    """Return the verdict where not all pods run one image, by which both sides begin."""
    to, parts = store.spec.topology.value, store.parts
    images = list(dict.fromkeys(part.spec.image for part in parts))
    if len(images) > 1:
        said = " and ".join(images)
        text = "one image serves while a store moves; take image out of spec.services"
        return _waits(f"The move to {to} waits, for the services have images {said}; {text}.")
    if all(complete_rollout(part, view) == part.spec.image for part in parts):
        return None
    text = "the conditions of its migration and its pods tell how far that is"
    return _waits(f"The move to {to} begins once all pods of image {images[0]} are ready; {text}.")


def _connections(store: Store) -> Verdict | None:
    """Return the verdict where the database has too few connections for both sides at once."""
    web = store.fragment(WebSpec).web
    budget = web.connection_budget if web else None
    least = least_connections(store, (store, *store.services))
    if budget is None or least <= budget:
        return None
    return _waits(
        f"The move to {store.spec.topology.value} waits, for shop and services open {least} "
        f"connections at least while both run, and web.connectionBudget is {budget}; raise it to "
        f"{least}, or lower the number of pods or web.workers for as long."
    )


def _waits(text: str) -> Verdict:
    return waiting(MOVE_WAITS, text, holds=False, again=SOON)
