"""The store's database, one file for each mode."""

from bookstore_operator.components.base import Component
from bookstore_operator.components.database.embedded import EmbeddedDatabase
from bookstore_operator.components.database.external import ExternalDatabase
from bookstore_operator.store import Store

_MODES: dict[str, Component] = {"external": ExternalDatabase(), "embedded": EmbeddedDatabase()}


def database(store: Store) -> Component:
    """Return the component of the mode that the spec chose."""
    return _MODES[store.spec.database.mode]
