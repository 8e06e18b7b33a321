"""What is looked at of a BookStore and its objects: plain JSON, as the API returned it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]
"""An object of the API as plain JSON values."""

STORES = "/apis/bookstore.dev/v1"
MICROSERVICES = "Microservices"
SERVICES = ("auth", "catalogue", "orders")
"""The topology of a store whose shop runs as services."""

SHOPS = ("web", "auth", "catalogue", "orders")
"""The components of the pods that serve a shop, as one or as services."""

SUMMARIES = ("Ready", "Available", "Progressing", "Degraded")
TROUBLE_WHEN_TRUE = frozenset({"Degraded"})
NEUTRAL = frozenset({"Progressing"})
WAITS = "WaitingFor"


@dataclass(frozen=True)
class Condition:
    """One condition of a store."""

    type: str
    status: str
    reason: str
    message: str
    generation: int | None = None

    @property
    def is_part(self) -> bool:
        """Return whether it is of one part and not of the whole."""
        return self.type not in SUMMARIES

    @property
    def is_trouble(self) -> bool:
        """Return whether it says that something is not as it should be."""
        if self.type in NEUTRAL:
            return False
        return self.status != ("False" if self.type in TROUBLE_WHEN_TRUE else "True")

    @property
    def only_waits(self) -> bool:
        """Return whether its part merely begins after another."""
        return self.reason.startswith(WAITS)


def conditions(store: Manifest) -> list[Condition]:
    """Return the conditions of a store, in the order in which they were written."""
    return [
        Condition(
            one["type"],
            one["status"],
            one.get("reason", ""),
            one.get("message", ""),
            one.get("observedGeneration"),
        )
        for one in store.get("status", {}).get("conditions", [])
    ]


def condition(store: Manifest, kind: str) -> Condition | None:
    """Return one condition of a store, or None where it is not told."""
    return next((one for one in conditions(store) if one.type == kind), None)


def full_name(live: Manifest) -> str:
    """Return namespace and name of an object."""
    metadata = live["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else name(live)


def name(live: Manifest) -> str:
    """Return the name of an object."""
    return str(live["metadata"]["name"])


def is_behind(store: Manifest) -> bool:
    """Return whether the operator has not judged the last edit of a store yet."""
    seen = store.get("status", {}).get("observedGeneration", 0)
    return bool(seen < store["metadata"].get("generation", 0))


def strings(node: Any) -> Iterator[str]:
    """Yield every text that a manifest holds."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)
