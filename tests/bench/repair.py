"""How long a deleted child is away, beside a loop that does nothing but make it again.

Both are watched by the same client, from the deletion to the event that the child is back.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

from tests.bench.figures import heading, line, median, percentile
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import MySQL
from tests.cluster.support.namespaces import opened, wait_all_gone

TIMES = 50
WATCH_SECONDS = 300


def run(kube: Kube, images: dict[str, str]) -> None:
    """Delete a settled store's ConfigMap over and over, in turn with one of our own."""
    heading("Repair: a deleted child is back")
    with opened(kube, "mysql") as place, opened(kube, "repair") as namespace:
        mysql = MySQL(kube, place)
        mysql.start(images["MYSQL_IMAGE"])
        lab = Lab(kube, namespace, images, mysql)
        lab.external().wait_ready()
        own = kube.get("ConfigMap", namespace, "shop-config")
        floor = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "floor", "namespace": namespace},
            "data": own["data"],
        }
        kube.apply(floor)
        over = threading.Event()
        seen: queue.Queue[tuple[str, str, float]] = queue.Queue()
        events = kube.watch("ConfigMap", namespace, WATCH_SECONDS)
        threading.Thread(target=watch, args=(events, floor, seen, over), daemon=True).start()
        took: dict[str, list[float]] = {"shop-config": [], "floor": []}
        for _ in range(TIMES):
            for name, seconds in took.items():
                seconds.append(once(kube, namespace, name, seen))
        over.set()
    for name, who in (("shop-config", "operator"), ("floor", "floor: a bare watch and apply")):
        ms = [second * 1000 for second in took[name]]
        line(who, f"p50 {median(ms):.0f} ms, p95 {percentile(ms, 0.95):.0f} ms (n={len(ms)})")
    line("ratio of p50", f"{median(took['shop-config']) / median(took['floor']):.1f}")
    wait_all_gone(kube)


def once(kube: Kube, namespace: str, name: str, seen: queue.Queue[tuple[str, str, float]]) -> float:
    """Delete a ConfigMap and return the seconds until it was added again."""
    start = time.monotonic()
    kube.delete("ConfigMap", namespace, name)
    while True:
        kind, about, at = seen.get(timeout=60)
        if (kind, about) == ("ADDED", name):
            return at - start


def watch(
    events: Iterator[Manifest],
    floor: Manifest,
    seen: queue.Queue[tuple[str, str, float]],
    over: threading.Event,
) -> None:
    """Note every event with its time, and be the floor: put our own ConfigMap back at once."""
    kube = Kube()
    for event in events:
        if over.is_set():
            return
        name = event["object"]["metadata"]["name"]
        seen.put((event["type"], name, time.monotonic()))
        if (event["type"], name) == ("DELETED", "floor"):
            kube.apply(floor)
