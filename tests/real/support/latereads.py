"""Reads that may be a moment late: who answers those of a store."""

from __future__ import annotations

import re
import uuid
from collections import Counter

import httpx

from tests.cluster.support.operator import samples
from tests.cluster.support.store import Store

SAMPLE = re.compile(r'bookstore_late_reads_total{.*server="(?P<server>\w+)"')
METRICS = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:9100/metrics").read().decode(), end="")
"""


def read_anew(store: Store, times: int = 1) -> None:
    """Read pages as somebody of whom the shop knows nothing, which no process has kept."""
    for _ in range(times):
        page = httpx.get(f"{store.url()}/", params={"q": uuid.uuid4().hex}, trust_env=False)
        assert page.status_code == httpx.codes.OK, page.text


def counted(store: Store, component: str = "web") -> Counter[str]:
    """Return how many late reads the pods of a part have counted, by who answered."""
    found: Counter[str] = Counter()
    for pod in store.pods(component):
        for name, value in samples(store.exec(pod, "python3", "-c", METRICS)).items():
            if told := SAMPLE.match(name):
                found[told["server"]] += int(value)
    return found


def assert_from_replicas(store: Store, component: str = "web") -> None:
    """Assert that the replicas answer all of some pages, which pods of a part serve."""
    before = counted(store, component)
    read_anew(store, 20)
    told = counted(store, component) - before
    assert (told["reader"] >= 20, told["primary"]) == (True, 0), told
