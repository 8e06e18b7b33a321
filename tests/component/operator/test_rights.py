"""Least privilege: each right that the operator is granted is used, and missed by its name.

The rights are those of ``manifests/operator``, evaluated as the API server does. Stories use them,
and tell themselves which. Each is then told again without a right that it used: what the operator
lacks must be told where the person who owns the store looks, or in the operator's log where nothing
else is left to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bookstore_operator.backups import backups, restores
from bookstore_operator.components.exposure.change import Resolution
from bookstore_operator.kube.objects import Manifest
from tests.component.operator.cluster import Place
from tests.component.operator.conftest import operating, reached
from tests.component.operator.rights import GRANTED, Guard, Right
from tests.component.operator.server import Fault, Server
from tests.component.operator.specs import INGRESS, PART_OF, SPECS, children, made
from tests.component.operator.stage import Stage, controlling, hurry, playing
from tests.component.operator.tasks import back_up, end, phase, restore
from tests.component.operator.topologies import MICROSERVICES, MONOLITH, kubelets, until_moved
from tests.component.operator.topologies import ask as ask_for
from tests.component.operator.topologies import made as made_as

Story = Callable[[Stage], Coroutine[Any, Any, None]]

PARTS = {"bookstores", "bookstorebackups", "bookstorerestores"}
LABEL = {"metadata": {"labels": {PART_OF: None}}}

BY_LOG = {
    *(Right("bookstore.dev", f"{plural}/status", "patch") for plural in PARTS),
    *(Right("bookstore.dev", plural, verb) for plural in PARTS for verb in ("list", "watch")),
    *(Right("coordination.k8s.io", "leases", verb) for verb in ("get", "create", "patch")),
    Right("events.k8s.io", "events", "create"),
}
"""Rights without which nothing can be told of a store, or no store can be seen."""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait: not for DNS, nor for pods that need a while."""

    async def ask(self: Resolution) -> frozenset[str]:
        return frozenset({self.host})

    hurry(monkeypatch)
    monkeypatch.setattr(Resolution, "ask", ask)
    monkeypatch.setattr("bookstore_operator.engine.facts.INTERVAL", 0.05)
    for module in ("taskjobs", "make_backup", "restore", "standstill"):
        monkeypatch.setattr(f"bookstore_operator.components.{module}.SOON", 0.02)


def labelled(spec: Manifest) -> Story:
    """Tell how a label of ours is taken off everything."""

    async def story(stage: Stage) -> None:
        await made(stage, spec)
        before = children(stage)
        for place in before:
            stage.cluster.merge(place, LABEL, "kubectl-edit")
        await stage.cluster.tell()
        await stage.until(lambda: set(before) <= set(children(stage)))

    return story


def unheard(spec: Manifest) -> Story:
    """Tell how the answer to each creation is lost."""

    async def story(stage: Stage) -> None:
        kinds = "configmaps|secrets|serviceaccounts|jobs|[a-z]+policies|[a-z]+budgets|[a-z]+volumes"
        plurals = f"{kinds}|persistentvolumeclaims|ingresses|dbinstances|[a-z]+clusters"
        for plural in plurals.split("|"):
            stage.server.faults.append(Fault("POST", f"/{plural}\\?", 0, times=3))
        await made(stage, spec)

    return story


def changed(spec: Manifest, *patches: Manifest, gone: tuple[str, ...]) -> Story:
    """Tell how a store is edited, and what it had goes."""

    async def story(stage: Stage) -> None:
        await made(stage, spec)
        before = [place for place in children(stage) if place[0] in gone]
        assert {place[0] for place in before} == set(gone)
        for patch in patches:
            await stage.edit("bookstores", "shop", {"spec": patch})
            await stage.until_ready()
        await stage.until(lambda: any(place not in stage.cluster.objects for place in before))
        for plural in gone:
            places = [place for place in before if place[0] == plural]
            await stage.until(partial(is_some_gone, stage, places))

    return story


def is_some_gone(stage: Stage, places: list[Place]) -> bool:
    return not set(places) <= set(stage.cluster.objects)


def ended(spec: Manifest) -> Story:
    """Tell how a store goes with its data."""

    async def story(stage: Stage) -> None:
        await made(stage, spec | {"deletionPolicy": "Delete"})
        await stage.delete("bookstores", "shop")
        await stage.until(lambda: stage.find("bookstores", "shop") is None)

    return story


async def never_ready(stage: Stage) -> None:
    """Tell how pods do not come, nor an address."""
    stage.held = {"deployments", "services"}
    await stage.secret()
    await stage.store()
    await stage.until(lambda: any("/pods" in line for line in stage.server.requests))
    await stage.until(lambda: "GET /apis/events.k8s.io/v1/namespaces/books/events" in asked(stage))


def asked(stage: Stage) -> set[str]:
    return set(stage.server.requests)


async def done_once(stage: Stage) -> None:
    """Tell how a backup is made and restored, and both go."""
    await made(stage, {})
    stage.held.add("jobs")
    await back_up(stage, "now", deletionPolicy="Delete")
    await end(stage, "now-backup")
    await stage.until(lambda: phase(stage, "now", "bookstorebackups") == "Complete")
    await restore(stage, "back", backup={"bookStoreBackup": "now"})
    for job in ("back-verify", "back-restore"):
        await end(stage, job)
    await stage.until(lambda: phase(stage) == "Complete")
    await stage.until_ready()
    await stage.delete("bookstorerestores", "back")
    await stage.delete("bookstorebackups", "now")
    await end(stage, "now-discard")
    await stage.until(lambda: stage.find("bookstorebackups", "now") is None)


async def moved(stage: Stage) -> None:
    """Tell how a store moves to services."""
    async with kubelets(stage):
        await made_as(stage, MONOLITH)
        await ask_for(stage, MICROSERVICES)
        await until_moved(stage, MICROSERVICES)
        await stage.until_ready()


STORIES: dict[str, Story] = {
    "to services": moved,
    **{f"{name}, labels": labelled(spec) for name, spec in SPECS.items()},
    **{f"{name}, unheard of": unheard(spec) for name, spec in SPECS.items()},
    **{f"{name}, ended": ended(spec) for name, spec in SPECS.items()},
    "never ready": never_ready,
    "done once": done_once,
    "one pod": changed(SPECS["plain"], {"replicas": 1}, gone=("poddisruptionbudgets",)),
    "no backups": changed(SPECS["plain"], {"backup": None}, gone=("cronjobs",)),
    "no policies": changed(
        SPECS["plain"], {"networkPolicies": {"enabled": False}}, gone=("networkpolicies",)
    ),
    "new settings": changed(
        SPECS["plain"],
        *({"env": [{"name": "GREETING", "value": str(n)}]} for n in range(4)),
        gone=("configmaps", "secrets"),
    ),
    "new image": changed(SPECS["plain"], {"image": "bookstore/app:2"}, gone=("jobs",)),
    "no autoscaling": changed(
        SPECS["busy"], {"autoscaling": None, "replicas": 2}, gone=("horizontalpodautoscalers",)
    ),
    "by a load balancer": changed(
        SPECS["busy"],
        {"exposure": {"ingress": None, "loadBalancer": {}}},
        gone=("ingresses", "certificates"),
    ),
    "from a gateway to a load balancer": changed(
        SPECS["rds"], {"exposure": {"gateway": None, "loadBalancer": {}}}, gone=("httproutes",)
    ),
    "by an ingress": changed(
        SPECS["plain"], {"exposure": {"loadBalancer": None, **INGRESS}}, gone=("services",)
    ),
}


@asynccontextmanager
async def guarded(without: Right | None = None) -> AsyncIterator[tuple[Stage, Guard]]:
    """Run the operator with its account's rights, but for one."""
    async with playing(Server()) as stage:
        guard = Guard(server=stage.server, without=without)
        async with AsyncExitStack() as stack:
            for resource in (None, backups(), restores()):
                await stack.enter_async_context(controlling(stage, resource=resource, server=guard))
            yield stage, guard


def told(stage: Stage, right: Right) -> bool:
    """Return whether some store, backup or restore said in Degraded what right is lacking."""
    return any(
        condition["type"] == "Degraded"
        and condition["status"] == "True"
        and condition["reason"] == "Forbidden"
        and right.refusal in condition["message"]
        for change in stage.cluster.journal
        if change.plural in PARTS
        for condition in change.live.get("status", {}).get("conditions", [])
    )


WHERE = {
    **dict.fromkeys(
        ("statefulsets", "horizontalpodautoscalers", "ingresses", "certificates"), "busy"
    ),
    **dict.fromkeys(("dbinstances", "gateways", "httproutes"), "rds"),
    "perconaxtradbclusters": "percona",
}
"""The store that has a kind; the plain one where none is named."""

GOES = {
    "poddisruptionbudgets": "one pod",
    "cronjobs": "no backups",
    "networkpolicies": "no policies",
    "configmaps": "new settings",
    "secrets": "new settings",
    "jobs": "new image",
    "horizontalpodautoscalers": "no autoscaling",
    "ingresses": "by a load balancer",
    "certificates": "by a load balancer",
    "httproutes": "from a gateway to a load balancer",
    "services": "by an ingress",
}
"""How a kind goes; with its store where none is named."""


def story_of(right: Right) -> str:
    """Return the story that cannot go on without a right."""
    kind = right.resource.partition("/")[0]
    where = WHERE.get(kind, "plain")
    if kind == "endpointslices":
        return "to services"
    if kind == "replicasets":
        return "new settings"
    if kind in {"pods", "events"} and right.verb == "list":
        return "never ready"
    if kind in {"bookstorebackups", "bookstorerestores"}:
        return "done once"
    if (kind, right.verb) == ("bookstores", "get"):
        return "plain, ended"
    if right.verb == "delete":
        return GOES.get(kind, f"{where}, ended")
    return f"{where}, unheard of" if right.verb == "get" else f"{where}, labels"


@pytest.mark.parametrize("story", STORIES)
async def test_no_story_needs_more_than_is_granted(story: str) -> None:
    async with guarded() as (stage, guard):
        await STORIES[story](stage)
    assert guard.refused == []


@pytest.mark.fault(row=9)
@pytest.mark.parametrize("right", sorted(GRANTED - BY_LOG), ids=str)
async def test_a_right_that_was_removed_is_told_by_its_name(right: Right) -> None:
    async with guarded(without=right) as (stage, _):
        story = asyncio.create_task(STORIES[story_of(right)](stage))
        naming = asyncio.create_task(stage.until(lambda: told(stage, right)))
        await asyncio.wait([story, naming], return_when=asyncio.FIRST_COMPLETED)
        for task in (story, naming):
            task.cancel()
        await asyncio.gather(story, naming, return_exceptions=True)
        assert told(stage, right), "all went well without it, or it was missed in silence"


@pytest.mark.fault(row=9)
@pytest.mark.parametrize("right", sorted(BY_LOG), ids=str)
async def test_a_right_without_which_no_store_can_tell_is_named_in_the_log(
    right: Right, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole operator runs here: kopf follows the stores, and a Lease lets it act."""
    guard = Guard(server=Server(), without=right)
    story = STORIES[story_of(right)]
    async with (
        reached(guard, tmp_path, monkeypatch),
        playing(guard.server) as stage,
        operating(stage),
    ):
        telling = asyncio.create_task(story(stage))
        await stage.until(lambda: right.refusal in caplog.text)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
