"""What the operator counts, for Prometheus to scrape."""

import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bookstore_operator.api.conditions import SUMMARIES, Condition

RECONCILES = Counter("bookstore_reconciles", "Passes over a store, by result.", ["result"])
DURATION = Histogram(
    "bookstore_reconcile_seconds",
    "Seconds that a pass over a store took.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
ERRORS = Counter("bookstore_errors", "Failed passes and parts, by reason.", ["reason"])
WRITES = Counter("bookstore_writes", "Writes to the API server.", ["kind", "verb"])
LEADER = Gauge("bookstore_leader", "1 in the operator's pod that acts, 0 in one that waits.")
QUEUE_WAIT = Histogram(
    "bookstore_queue_wait_seconds",
    "Seconds that a store waited in the work queue for its pass.",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300),
)

Key = tuple[str, str]
"""A root's namespace and name."""

VALUES = {"True": 1.0, "False": 0.0, "Unknown": -1.0}


@dataclass
class Roots:
    """What is known of each root: kept small, and told only when Prometheus asks.

    Attributes:
        conditions: The conditions of each.
        succeeded: When the last pass over each came to its end without an error, as Unix time.
        told: The conditions that each is told by; of the others there are counts alone.
    """

    conditions: dict[Key, tuple[Condition, ...]] = field(default_factory=dict)
    succeeded: dict[Key, float] = field(default_factory=dict)
    told: set[str] = field(default_factory=lambda: set(map(str, SUMMARIES)))

    def tell(self, conditions: Iterable[str]) -> None:
        """Tell each root by these conditions too."""
        self.told.update(map(str, conditions))

    def judged(self, key: Key, conditions: list[Condition]) -> None:
        """Take in the conditions of a root."""
        self.conditions[key] = tuple(conditions)

    def passed(self, key: Key) -> None:
        """Take in that a pass came to its end."""
        self.succeeded[key] = time.time()

    def forget(self, key: Key) -> None:
        """Take out a root that is gone."""
        self.conditions.pop(key, None)
        self.succeeded.pop(key, None)

    def families(self) -> Iterator[GaugeMetricFamily]:
        """Yield what there is to tell, without values that are not there."""
        by_condition = GaugeMetricFamily(
            "bookstore_stores", "Stores by condition and status.", labels=["condition", "status"]
        )
        of_each = GaugeMetricFamily(
            "bookstore_store_condition",
            "Ready, Available, Progressing and Degraded of a store, BackedUp and BackedUpOffSite "
            "where it has them: 1 true, 0 false, -1 unknown.",
            labels=["namespace", "store", "condition", "reason"],
        )
        counts: Tally[tuple[str, str]] = Tally()
        for key, conditions in list(self.conditions.items()):
            for one in conditions:
                counts[one.type, one.status] += 1
                if one.type in self.told:
                    of_each.add_metric([*key, one.type, one.reason], VALUES[one.status])
        for pair, count in sorted(counts.items()):
            by_condition.add_metric(pair, count)
        last = GaugeMetricFamily(
            "bookstore_store_last_success_timestamp_seconds",
            "When the last pass over a store came to its end without an error.",
            labels=["namespace", "store"],
        )
        for key, when in list(self.succeeded.items()):
            last.add_metric(key, when)
        yield from (by_condition, of_each, last)


@dataclass
class Watches:
    """When each watch was last heard of, by the plural of its kind and what it selects."""

    heard: dict[tuple[str, str], float] = field(default_factory=dict)

    def hear(self, plural: str, selected: str) -> None:
        """Take in a list, an event or a bookmark."""
        self.heard[plural, selected] = time.monotonic()

    def forget(self, plural: str, selected: str) -> None:
        """Take out a kind that the cluster does not serve."""
        self.heard.pop((plural, selected), None)

    def families(self) -> Iterator[GaugeMetricFamily]:
        """Yield the silence of the watches of each kind, that of the most silent one."""
        silence = GaugeMetricFamily(
            "bookstore_watch_silence_seconds",
            "Seconds since a watch of a kind was last heard of; a bookmark comes each minute.",
            labels=["resource"],
        )
        now, longest = time.monotonic(), dict[str, float]()
        for (plural, _), when in list(self.heard.items()):
            longest[plural] = max(now - when, longest.get(plural, 0.0))
        for plural, seconds in sorted(longest.items()):
            silence.add_metric([plural], seconds)
        yield silence


class _Told(Collector):
    """What is computed when Prometheus asks."""

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families without asking anything, for who lists the metrics."""
        return self.collect()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what there is to tell."""
        yield from ROOTS.families()
        yield from WATCHES.families()


ROOTS, WATCHES = Roots(), Watches()
REGISTRY.register(_Told())


def serve(port: int) -> None:
    """Serve the metrics in a thread of their own, on all addresses."""
    start_http_server(port)
