"""Make requests as fast as a server answers: by wrk where it is installed, else by threads of ours.

Ours costs the machine more than wrk does, and so takes from the server: compare only figures of
one generator.
"""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.bench.figures import median, percentile

CONNECTIONS = 16
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
LATENCY = r"^\s+{}%\s+([\d.]+)(us|ms|s|m)\s*$"
BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.+)")


@dataclass(frozen=True)
class Load:
    """What a server did: requests a second, and milliseconds that half and 99 of 100 stay below."""

    rate: float
    p50: float
    p99: float


def get(url: str, seconds: float, headers: Mapping[str, str] | None = None) -> Load:
    """Ask for one address over kept connections; raises AssertionError when any answer is bad."""
    if wrk := shutil.which("wrk"):
        return _by_wrk(wrk, url, seconds, headers or {})
    host, _, path = url.removeprefix("http://").partition("/")

    def client() -> Callable[[], None]:
        connection = http.client.HTTPConnection(host, timeout=30)

        def ask() -> None:
            connection.request("GET", f"/{path}", headers=dict(headers or {}))
            answer = connection.getresponse()
            answer.read()
            assert answer.status < 400, answer.status

        return ask

    return by_threads(client, seconds)


def by_threads(client: Callable[[], Callable[[], None]], seconds: float) -> Load:
    """Let as many clients as there are connections do what each does, until the time is over."""
    begin = threading.Barrier(CONNECTIONS + 1)

    def work(_: int) -> list[float]:
        ask = client()
        took: list[float] = []
        begin.wait()
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            ask()
            took.append((time.perf_counter() - start) * 1000)
        return took

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        working = pool.map(work, range(CONNECTIONS))
        begin.wait()
        took = [one for client_took in working for one in client_took]
    return Load(len(took) / seconds, median(took), percentile(took, 0.99))


def _by_wrk(wrk: str, url: str, seconds: float, headers: Mapping[str, str]) -> Load:
    said = subprocess.run(
        [
            *(wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--timeout", "30s", "--latency"),
            *(part for name, value in headers.items() for part in ("-H", f"{name}: {value}")),
            url,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert not BAD.search(said), said
    rate = RATE.search(said)
    assert rate is not None, said
    return Load(float(rate[1]), _latency(said, 50), _latency(said, 99))


def _latency(said: str, share: int) -> float:
    found = re.search(LATENCY.format(share), said, re.MULTILINE)
    assert found is not None, said
    return float(found[1]) * UNITS[found[2]]
