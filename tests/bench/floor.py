"""A loop that does nothing but put two objects back: `python -m tests.bench.floor KUBECONFIG`.

It is what any repair costs at least: one watch of each kind, and one apply. The objects are read
from standard input, as a list in JSON, and were applied before. A line is printed for each once
nothing that happens to it can be missed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.bench.api import Api
from tests.cluster.support.kube import Manifest


def differs(wanted: Manifest, live: Manifest) -> bool:
    """Return whether a part that is wanted is not there as it is wanted."""
    return any(
        differs(value, live.get(key) or {}) if isinstance(value, dict) else live.get(key) != value
        for key, value in wanted.items()
        if not isinstance(value, list)
    )


async def keep(api: Api, wanted: Manifest) -> None:
    meta = wanted["metadata"]
    _, events = await api.watch(wanted["kind"], meta["namespace"])
    print("watching", wanted["kind"], flush=True)
    async for event in events:
        live = event["object"]
        if live["metadata"]["name"] != meta["name"]:
            continue
        named = {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"]} | live
        if event["type"] == "DELETED" or differs(wanted, named):
            await api.apply(wanted)


async def main(kubeconfig: Path, manifests: list[Manifest]) -> None:
    async with Api(kubeconfig) as api, asyncio.TaskGroup() as group:
        for manifest in manifests:
            group.create_task(keep(api, manifest))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), json.load(sys.stdin)))
