"""How long a deleted and an edited child are away, beside a loop that only puts them back.

Both are watched by the same client, from the request that takes a child away to the event that
it is back. Each trial takes another store, in turn with one trial of the floor.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster.steps import Step
from tests.bench.api import Api
from tests.bench.figures import Row, median, percentile
from tests.bench.population import Key
from tests.bench.raw import BASELINE, Child
from tests.bench.replay import MANAGER, renamed
from tests.cluster.support.kube import Manifest

PATIENCE = 60.0
FLOOR = ("floor", "floor")
EDITED = {"spec": {"selector": {"app.kubernetes.io/component": "edited"}}}
KINDS = ("ConfigMap", "Service")
INSTANCE = "app.kubernetes.io/instance"
Seen = tuple[float, Manifest]


class Sight:
    """Watch the children of both kinds, and hand their events over with their time."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._events: asyncio.Queue[Seen] = asyncio.Queue()

    async def follow(self, kind: str) -> asyncio.Task[None]:
        """Begin to watch a kind, and return the task that does."""
        _, events = await self._api.watch(kind, labels=INSTANCE)

        async def keep() -> None:
            async for event in events:
                self._events.put_nowait((time.monotonic(), event))

        return asyncio.create_task(keep())

    def forget(self) -> None:
        while not self._events.empty():
            self._events.get_nowait()

    async def until(self, name: Key, kind: str, *, edited: bool) -> float:
        """Return when an object was added again, or was seen as it was before an edit."""
        async with asyncio.timeout(PATIENCE):
            while True:
                at, event = await self._events.get()
                live = event["object"]
                about = (live["metadata"]["namespace"], live["metadata"]["name"])
                if about != name or ("selector" in live.get("spec", {})) != (kind == "Service"):
                    continue
                if not edited and event["type"] == "ADDED":
                    return at
                if edited and event["type"] == "MODIFIED" and not is_edited(live):
                    return at


def is_edited(live: Manifest) -> bool:
    key, value = next(iter(EDITED["spec"]["selector"].items()))
    return bool(live["spec"]["selector"].get(key) == value)


async def measure(
    api: Api, floor_config: Path, model: list[Child], keys: Sequence[Key], step: Step
) -> list[Row]:
    """Take a ConfigMap and a Service away from each of these stores, one after the other."""
    wanted = floor_objects(model)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FLOOR[0]}}
    await api.apply(namespace)
    for manifest in wanted:
        await api.apply(manifest)
    names = {kind: await names_of(api, kind) for kind in KINDS}
    took: dict[tuple[str, str], list[float]] = {}
    sight = Sight(api)
    with floor_process(floor_config, wanted):
        watches = [await sight.follow(kind) for kind in KINDS]
        for kind in KINDS:  # The first trials of a new process would cost it more than others.
            await trial(api, sight, kind, FLOOR)
        # One kind after the other: a store that was hit a moment ago is still at its Event.
        for kind in KINDS:
            for number, key in enumerate(keys):
                step.note(f"{kind} {number + 1} of {len(keys)}")
                for who, owner in (("operator", key), ("floor", FLOOR)):
                    seconds = await trial(api, sight, kind, names[kind][owner])
                    took.setdefault((who, kind), []).append(seconds)
        for watch in watches:
            watch.cancel()
    return [
        row("a deleted child is back", took["operator", "ConfigMap"], took["floor", "ConfigMap"]),
        row("an edited child is back", took["operator", "Service"], took["floor", "Service"]),
    ]


async def trial(api: Api, sight: Sight, kind: str, name: Key) -> float:
    sight.forget()
    start = time.monotonic()
    if kind == "ConfigMap":
        await api.delete(kind, *name)
    else:
        await api.merge(kind, *name, EDITED)
    return await sight.until(name, kind, edited=kind == "Service") - start


async def names_of(api: Api, kind: str) -> dict[Key, Key]:
    """Return each store's first child of a kind, and the floor's."""
    found: dict[Key, Key] = {}
    for live in await api.list(kind, labels=INSTANCE):
        meta = live["metadata"]
        owner = (meta["namespace"], meta["labels"][INSTANCE])
        found.setdefault(owner, (meta["namespace"], meta["name"]))
    return found


def floor_objects(model: list[Child]) -> list[Manifest]:
    """Return the model store's ConfigMap and Service, under the floor's name."""
    manifests = [
        next(child.manifest for child in model if child.manifest["kind"] == kind) for kind in KINDS
    ]
    copies = renamed(manifests, {MANAGER: BASELINE})
    for copy in copies:
        copy["metadata"].update(namespace=FLOOR[0], name=FLOOR[1])
        copy["metadata"]["labels"][INSTANCE] = FLOOR[1]
    return copies


@contextmanager
def floor_process(kubeconfig: Path, wanted: list[Manifest]) -> Iterator[None]:
    """Run the floor in a process of its own, so that it does not wait for the one that watches."""
    command = [sys.executable, "-m", "tests.bench.floor", str(kubeconfig)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(wanted).encode())
    process.stdin.close()
    for _ in wanted:
        assert process.stdout.readline(), "the floor ended before it began"
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def row(what: str, operator: list[float], floor: list[float]) -> Row:
    ratio = median(operator) / median(floor)
    return Row(
        what,
        f"p50 {ms(median(operator))}, p95 {ms(percentile(operator, 0.95))} (n={len(operator)})",
        f"a bare watch and apply: p50 {ms(median(floor))}, p95 {ms(percentile(floor, 0.95))}",
        f"{ratio:.1f}",
        "p50 < 20 ms, p95 < 50 ms",
    )


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
