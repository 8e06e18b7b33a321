"""Metrics: one sum over all workers, on a port of their own, gone with the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY

from bookstore.core.config.settings import load_settings
from bookstore.factory import create_app
from tests.support.keys import SECRET_KEY
from tests.support.ports import free_port
from tests.support.replicas import GIVE_UP_SECONDS, Replica


@dataclass
class Served:
    replica: Replica
    metrics: str


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    port = free_port()
    replica = Replica(
        f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        tmp_path,
        METRICS_PORT=str(port),
        DRAIN_SECONDS="0.2",
        PAGE_CACHE_SECONDS="2",
    )
    replica.start()
    try:
        replica.wait_ready()
        yield Served(replica, f"http://127.0.0.1:{port}/metrics")
    finally:
        replica.stop()


def test_workers_are_counted_together_and_shoppers_do_not_see_it(served: Served) -> None:
    for _ in range(40):
        answer = httpx.get(served.replica.url)
        assert answer.status_code == 200
        assert answer.headers["X-Request-ID"]
    assert httpx.get(f"{served.replica.url}metrics").status_code == 404
    text = httpx.get(served.metrics).text
    counted = re.search(
        r'^bookstore_http_requests_total\{endpoint="catalogue.index",method="GET",status="200"\}'
        r" (\S+)$",
        text,
        re.MULTILINE,
    )
    assert counted is not None, text
    assert float(counted[1]) == 40
    assert "bookstore_http_request_seconds_bucket" in text
    assert re.search(r"^bookstore_database_connections_in_use 0\.0$", text, re.MULTILINE)


@pytest.mark.parametrize(("processes", "kept", "most"), [(2, 4, 16), (3, 1, 6)])
def test_a_replica_tells_how_many_connections_it_may_open(
    processes: int, kept: int, most: int
) -> None:
    create_app(
        load_settings(
            db_host="db",
            db_name="shop",
            db_user="shop",
            db_password="secret",
            secret_key=SECRET_KEY,
            metrics_port=9100,
            web_concurrency=processes,
            db_pool_size=kept,
        )
    )
    assert REGISTRY.get_sample_value("bookstore_database_connections_limit") == most


def test_the_port_is_free_once_the_server_ended(served: Served) -> None:
    served.replica.drain()
    assert served.replica.process.wait(GIVE_UP_SECONDS) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(served.metrics)
