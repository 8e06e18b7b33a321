"""BookStoreBackup and BookStoreRestore on a stage: how they are asked for, and how Jobs end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from bookstore_operator.api.tasks import Phase
from bookstore_operator.backups import backups, restores
from bookstore_operator.components.jobs import UNKNOWN_COMMAND
from bookstore_operator.engine.conditions import timestamp
from bookstore_operator.kube.objects import Manifest
from tests.component.operator.stage import Stage, controlling

NAME = "20260101-031700-000000"
TOLD: Manifest = {"backup": NAME, "rows": 12, "uploads": 3, "bytes": 4096, "checksum": "0a" * 32}


@asynccontextmanager
async def operator(stage: Stage) -> AsyncIterator[None]:
    """Run the operator of all kinds of root while the block runs."""
    async with AsyncExitStack() as stack:
        for resource in (None, backups(), restores()):
            await stack.enter_async_context(controlling(stage, resource=resource))
        yield


@asynccontextmanager
async def opened(stage: Stage, **spec: Any) -> AsyncIterator[Stage]:
    """Run the operator and a store that serves; Jobs then end when the test says so."""
    async with operator(stage):
        await stage.made(**spec)
        stage.held.add("jobs")
        yield stage


async def ask(stage: Stage, kind: str, name: str, **spec: object) -> None:
    body: Manifest = {
        "apiVersion": "bookstore.dev/v1",
        "kind": kind,
        "metadata": {},
        "spec": {"store": "shop"} | spec,
    }
    stage.cluster.apply((f"{kind.lower()}s", "books", name), body, "somebody")
    await stage.cluster.tell()


async def back_up(stage: Stage, name: str = "now", **spec: object) -> None:
    await ask(stage, "BookStoreBackup", name, **spec)


async def restore(stage: Stage, name: str = "back", **spec: object) -> None:
    await ask(
        stage, "BookStoreRestore", name, **({"backup": {"name": NAME}, "replace": True} | spec)
    )


async def end(
    stage: Stage, job: str, how: str = "Complete", exit_code: int = 0, **word: object
) -> None:
    """Let a Job end, and its pod leave a last word."""
    await stage.until(lambda: stage.find("jobs", job) is not None)
    live, now = stage.get("jobs", job), timestamp(datetime.now(UTC))
    message = json.dumps(word or TOLD) if exit_code != UNKNOWN_COMMAND else ""
    told = {"terminated": {"finishedAt": now, "exitCode": exit_code, "message": message}}
    labels = {"batch.kubernetes.io/controller-uid": live["metadata"]["uid"]}
    pod: Manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": labels},
        "spec": {"containers": live["spec"]["template"]["spec"]["containers"]},
    }
    ended = {"containerStatuses": [{"name": "shop", "image": "x", "state": told}]}
    stage.cluster.apply(("pods", "books", job), pod, "job-controller")
    stage.cluster.merge(("pods", "books", job), {"status": ended}, "kubelet", "status")
    condition = {"type": how, "status": "True", "lastTransitionTime": now, "message": "limit"}
    status = {"conditions": [condition], "completionTime": now}
    stage.cluster.merge(("jobs", "books", job), {"status": status}, "controller", "status")
    await stage.cluster.tell()


def status(stage: Stage, plural: str, name: str) -> Manifest:
    found: Manifest = stage.get(plural, name).get("status", {})
    return found


def phase(stage: Stage, name: str = "back", plural: str = "bookstorerestores") -> str:
    return str(status(stage, plural, name).get("phase"))


async def until_phase(stage: Stage, wanted: Phase, name: str = "back") -> None:
    await stage.until(lambda: phase(stage, name) == wanted)


def condition(stage: Stage, plural: str, name: str, kind: str) -> tuple[str, str, str]:
    for one in status(stage, plural, name).get("conditions", []):
        if one["type"] == kind:
            return one["status"], one["reason"], one["message"]
    return "", "", ""


def history(stage: Stage, job: str, deployment: str = "shop") -> list[int]:
    """Return how many pods were wanted each time, and -1 for where the Job was made."""
    seen: list[int] = []
    for change in stage.cluster.journal:
        name = change.live["metadata"]["name"]
        if change.plural == "deployments" and name == deployment:
            seen.append(change.live["spec"]["replicas"])
        if (change.plural, name, change.kind) == ("jobs", job, "ADDED"):
            seen.append(-1)
    return [one for at, one in enumerate(seen) if at == 0 or seen[at - 1] != one]
