"""Prometheus metrics of the shop, summed over gunicorn's workers and served on their own port."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bookstore.core.jobs.board import Board
from bookstore.core.web.http import Answer

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
COUNTED = "bookstore.counted"

REQUESTS = Counter(
    "bookstore_http_requests", "Requests answered.", ["endpoint", "method", "status"]
)
LATENCY = Histogram("bookstore_http_request_seconds", "Seconds to an answer.", ["endpoint"])
ORDERS = Counter("bookstore_orders", "Orders that came to a state, by the state.", ["state"])
PURCHASES = Counter(
    "bookstore_purchases", "Purchases whose payment ended, by what became of it.", ["state"]
)
CONNECTIONS = Gauge(
    "bookstore_database_connections_in_use",
    "Connections of the pools that are in use.",
    multiprocess_mode="livesum",
)
# Told before workers are forked, for all of them.
CONNECTIONS_LIMIT = Gauge(
    "bookstore_database_connections_limit",
    "Connections that the pools may open.",
    multiprocess_mode="max",
)
LATE_READS = Counter(
    "bookstore_late_reads",
    "Reads that may be a moment late, by who was asked in the end: reader, or primary while the "
    "reader is away.",
    ["server"],
)
# The newest count of any process; all replicas count the same tables.
JOBS = Gauge(
    "bookstore_jobs",
    "Jobs that are not done, by domain and state: waiting, late or failed.",
    ["domain", "state"],
    multiprocess_mode="livemostrecent",
)
OLDEST_JOB = Gauge(
    "bookstore_oldest_job_seconds",
    "How long the oldest job that is not done has waited, by domain; failed ones left out.",
    ["domain"],
    multiprocess_mode="livemostrecent",
)
CALLS = Counter(
    "bookstore_calls",
    "Calls of another service by what became of them: answered, refused as the contract has it, "
    "or failed. The label service is the one that called.",
    ["called", "method", "outcome"],
)
CALL_LATENCY = Histogram(
    "bookstore_call_seconds",
    "Seconds that a call of another service took, its repetitions included.",
    ["called", "method"],
)
CIRCUIT = Gauge(
    "bookstore_circuit_open",
    "1 while any process calls a service no more, since calls have failed; 0 else.",
    ["called"],
    multiprocess_mode="livemax",
)


class CallMetrics:
    """Counts the calls of other services."""

    def called(self, domain: str, method: str, outcome: str, seconds: float) -> None:
        """Count a call that has ended."""
        CALLS.labels(domain, method, outcome).inc()
        CALL_LATENCY.labels(domain, method).observe(seconds)

    def circuit(self, domain: str, *, is_open: bool) -> None:
        """Tell whether the circuit to a service is open."""
        CIRCUIT.labels(domain).set(is_open)


# Who compared last is right: what another one found before may have been mended since.
DIFFERENCES = Gauge(
    "bookstore_reconciliation_differences",
    "What stock, orders and payments do not agree on, by kind, when they were compared last.",
    ["kind"],
    multiprocess_mode="livemostrecent",
)
RECONCILED = Gauge(
    "bookstore_reconciliation_timestamp_seconds",
    "When this pod compared stock, orders and payments last.",
    multiprocess_mode="livemostrecent",
)


def count_differences(counts: Mapping[str, int]) -> None:
    """Tell what stock, orders and payments do not agree on now, by kind."""
    for kind, number in counts.items():
        DIFFERENCES.labels(kind).set(number)
    RECONCILED.set_to_current_time()


def count(answer: Answer) -> None:
    """Count an answered request."""
    # Endpoints and known methods only: a stranger's words would be labels without end.
    endpoint = answer.endpoint or "none"
    method = answer.method if answer.method in METHODS else "other"
    REQUESTS.labels(endpoint, method, str(answer.status)).inc()
    LATENCY.labels(endpoint).observe(answer.seconds)


def count_jobs(board: Board) -> None:
    """Count the jobs that are not done, and tell how old they are."""
    for (domain, state), number in board.counts().items():
        JOBS.labels(domain, state).set(number)
    for domain, seconds in board.oldest_seconds().items():
        OLDEST_JOB.labels(domain).set(seconds)


def watch_pools(engines: Iterable[Engine], most: int | None) -> None:
    """Count the connections of the pools that are in use, and tell how many there may be of all.

    :param most: the most that all processes of this replica may open; None where nothing limits it.
    """
    if most is not None:
        CONNECTIONS_LIMIT.set(most)
    for engine in engines:
        event.listen(engine, "checkout", _checkout)
        event.listen(engine, "checkin", _checkin)


def count_late_read(answered: bool) -> None:
    """Count a read that may be late, which the reader answered or the primary is asked for."""
    LATE_READS.labels("reader" if answered else "primary").inc()


def _checkout(_connection: Any, record: Any, _proxy: Any) -> None:
    record.record_info[COUNTED] = True
    CONNECTIONS.inc()


def _checkin(_connection: Any, record: Any) -> None:
    # A connection that failed on its way out is checked in without having been counted.
    if record.record_info.pop(COUNTED, False):
        CONNECTIONS.dec()


class Labelled(Collector):
    """Metrics of one service of the shop, each sample labelled with its name."""

    def __init__(self, collector: Collector, name: str) -> None:
        self._collector = collector
        self._name = name

    def collect(self) -> Iterable[Metric]:
        """Return the metrics with their new label."""
        for metric in self._collector.collect():
            metric.samples = [
                sample._replace(labels={**sample.labels, "service": self._name})
                for sample in metric.samples
            ]
            yield metric


class MetricsServer:
    """Serve the sum of all workers' metrics from gunicorn's first process."""

    def __init__(self, port: int, name: str | None = None) -> None:
        """Make it.

        :param name: the service that is run here, a label of all metrics; None for the whole shop.
        """
        self._port = port
        self._name = name
        self._server: Any = None

    def start(self, _arbiter: object) -> None:
        """Serve on all addresses, in a thread."""
        registry = CollectorRegistry()
        if self._name is None:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(Labelled(MultiProcessCollector(None), self._name))  # type: ignore[no-untyped-call]
        self._server, _ = start_http_server(self._port, registry=registry)

    def leave(self) -> None:
        """Close a new worker's copy of the socket, which would hold the port after the server."""
        if self._server is not None:
            self._server.socket.close()

    def forget(self, _arbiter: object, worker: Any) -> None:
        """Drop the gauges of a worker that ended; what it counted stays."""
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]

    def stop(self, _arbiter: object) -> None:
        """Remove the folder of the numbers."""
        shutil.rmtree(Path(os.environ[FOLDER]), ignore_errors=True)
