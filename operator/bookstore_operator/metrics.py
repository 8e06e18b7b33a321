"""What the operator counts, for Prometheus to scrape."""

from collections import Counter as Tally

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from bookstore_operator.api.conditions import Condition

RECONCILES = Counter("bookstore_reconciles", "Passes over a store, by result.", ["result"])
DURATION = Histogram(
    "bookstore_reconcile_seconds",
    "Seconds that a pass over a store took.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
ERRORS = Counter("bookstore_errors", "Failed passes and parts, by reason.", ["reason"])
WRITES = Counter("bookstore_writes", "Writes to the API server.", ["kind", "verb"])
STORES = Gauge("bookstore_stores", "Stores by condition and status.", ["condition", "status"])


class RootGauge:
    """Keep the gauge of stores by condition in step with the conditions of each."""

    def __init__(self) -> None:
        self._known: dict[object, frozenset[tuple[str, str]]] = {}
        self._counts: Tally[tuple[str, str]] = Tally()

    def set(self, key: object, conditions: list[Condition]) -> None:
        """Take in the conditions of a root; an empty list takes the root out."""
        pairs = frozenset((condition.type, condition.status) for condition in conditions)
        before = self._known.pop(key, frozenset())
        if pairs:
            self._known[key] = pairs
        self._counts.subtract(before - pairs)
        self._counts.update(pairs - before)
        for pair in before ^ pairs:
            STORES.labels(*pair).set(self._counts[pair])


def serve(port: int) -> None:
    """Serve the metrics in a thread of their own, on all addresses."""
    start_http_server(port)
