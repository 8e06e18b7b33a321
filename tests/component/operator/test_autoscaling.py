"""Who says how many pods there are, as autoscaling comes and goes (faults.md, row 12)."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.kube.client import MANAGER
from bookstore_operator.kube.objects import Manifest
from tests.component.operator.stage import Stage, controlling

ON: dict[str, Any] = {"autoscaling": {"minReplicas": 2, "maxReplicas": 9}, "replicas": None}
OFF: dict[str, Any] = {"autoscaling": None}


def replicas(stage: Stage) -> int:
    return int(stage.get("deployments", "shop")["spec"]["replicas"])


def seen(stage: Stage) -> list[int]:
    """Return every number of pods that the Deployment was to have, in order."""
    numbers = [
        int(change.live["spec"]["replicas"])
        for change in stage.cluster.journal
        if change.plural == "deployments"
    ]
    return [one for one, before in zip(numbers, [0, *numbers], strict=False) if one != before]


def owns_replicas(live: Manifest) -> bool:
    return any(
        "f:replicas" in entry["fieldsV1"].get("f:spec", {})
        for entry in live["metadata"]["managedFields"]
        if entry["manager"] == MANAGER
    )


async def edit(stage: Stage, **spec: object) -> None:
    await stage.edit("bookstores", "shop", {"spec": spec})
    await stage.until_ready()
    await stage.until_quiet()


async def scale(stage: Stage, number: int) -> None:
    """Scale as the autoscaler does."""
    where = ("deployments", "books", "shop")
    stage.cluster.merge(where, {"spec": {"replicas": number}}, "kube-controller-manager")
    await stage.cluster.tell()
    await stage.until_quiet()


async def test_the_number_of_pods_jumps_neither_when_autoscaling_comes_nor_when_it_goes(
    stage: Stage,
) -> None:
    async with controlling(stage):
        await stage.made(replicas=5)
        await edit(stage, **ON)
        assert not owns_replicas(stage.get("deployments", "shop"))
        await scale(stage, 7)
        assert stage.get("bookstores", "shop")["status"]["replicaSummary"] == "7/7"
        await edit(stage, **OFF, replicas=7)
        assert stage.find("horizontalpodautoscalers", "shop") is None
        assert seen(stage) == [5, 7]
        await scale(stage, 9)
        await stage.until(lambda: replicas(stage) == 7)


@pytest.mark.fault(row=12)
async def test_with_autoscaling_whoever_scales_is_left_alone(stage: Stage) -> None:
    async with controlling(stage):
        await stage.made(**ON)
        await scale(stage, 6)
        await stage.edit("deployments", "shop", {"spec": {"replicas": 4}})
        await stage.until_quiet()
        # A rollout is applied meanwhile, and says nothing of the number.
        await edit(stage, image="bookstore/app:2")
        assert seen(stage) == [2, 6, 4]


async def test_with_autoscaling_a_deployment_without_pods_gets_some(stage: Stage) -> None:
    async with controlling(stage):
        await stage.made(replicas=0)
        await edit(stage, **ON)
        assert replicas(stage) == 2
        assert not owns_replicas(stage.get("deployments", "shop"))


async def test_an_edited_autoscaler_is_reverted_and_a_deleted_one_made_again(stage: Stage) -> None:
    async with controlling(stage):
        await stage.made(**ON)
        await stage.edit("horizontalpodautoscalers", "shop", {"spec": {"maxReplicas": 50}})
        await stage.until(
            lambda: stage.get("horizontalpodautoscalers", "shop")["spec"]["maxReplicas"] == 9
        )
        await stage.delete("horizontalpodautoscalers", "shop")
        await stage.until(lambda: stage.find("horizontalpodautoscalers", "shop") is not None)


async def test_an_autoscaler_of_somebody_else_is_not_taken_over(stage: Stage) -> None:
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {},
        "spec": {"maxReplicas": 3, "metrics": []},
    }
    stage.cluster.apply(("horizontalpodautoscalers", "books", "shop"), body, "somebody")
    async with controlling(stage):
        await stage.secret()
        await stage.store(**ON)
        await stage.until_told("Conflict")
        assert stage.get("horizontalpodautoscalers", "shop")["spec"]["maxReplicas"] == 3


async def test_a_store_that_hibernates_has_no_autoscaler_and_wakes_with_the_least(
    stage: Stage,
) -> None:
    async with controlling(stage):
        await stage.made(**ON)
        await scale(stage, 6)
        await stage.edit("bookstores", "shop", {"spec": {"state": "Hibernated"}})
        await stage.until(lambda: replicas(stage) == 0)
        await stage.until_quiet()
        assert stage.find("horizontalpodautoscalers", "shop") is None
        await edit(stage, state="Running")
        assert stage.find("horizontalpodautoscalers", "shop") is not None
        assert seen(stage) == [2, 6, 0, 2]
