"""Metrics: one sum over all workers, on a port of their own, gone with the server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.poll import eventually
from tests.support.ports import free_port

GIVE_UP_SECONDS = 60


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    shop: str
    metrics: str


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    port, metrics_port = free_port(), free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "INSTANCE_DIR": str(tmp_path),
        "METRICS_PORT": str(metrics_port),
        "WEB_CONCURRENCY": "2",
        "DRAIN_SECONDS": "0.2",
    }
    command = [sys.executable, "-m", "bookstore", "serve", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    served = Served(process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics")

    def is_ready() -> None:
        assert httpx.get(f"{served.shop}/readyz").status_code == 200

    eventually(is_ready, within=GIVE_UP_SECONDS, every=0.1)
    yield served
    process.terminate()
    process.wait(GIVE_UP_SECONDS)


def test_workers_are_counted_together_and_shoppers_do_not_see_it(served: Served) -> None:
    for _ in range(40):
        answer = httpx.get(f"{served.shop}/")
        assert answer.status_code == 200
        assert answer.headers["X-Request-ID"]
    assert httpx.get(f"{served.shop}/metrics").status_code == 404
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


def test_the_port_is_free_once_the_server_ended(served: Served) -> None:
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(GIVE_UP_SECONDS) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(served.metrics)
