"""The end of a store, with and without its data."""

from __future__ import annotations

import pytest

from tests.component.operator.conftest import operated, operating
from tests.component.operator.server import Fault
from tests.component.operator.stage import Stage

pytestmark = pytest.mark.asyncio

VOLUME = ("persistentvolumes", "books.shop.files", "")
CLAIM = ("persistentvolumeclaims", "shop-files")


async def made(stage: Stage, deletion_policy: str = "Retain") -> None:
    await stage.secret()
    await stage.store(deletionPolicy=deletion_policy)
    await stage.until_ready()


async def gone(stage: Stage) -> None:
    await stage.until(lambda: stage.find("bookstores", "shop") is None)


@operated
async def test_retain_keeps_the_volume_and_lets_the_secret_go(stage: Stage) -> None:
    await made(stage)
    await stage.delete("bookstores", "shop")
    await gone(stage)
    assert stage.find(*VOLUME)
    assert stage.find(*CLAIM)
    await stage.until(lambda: stage.find("secrets", "shop-secret") is None)


@operated
async def test_delete_takes_the_volume_too(stage: Stage) -> None:
    await made(stage, "Delete")
    await stage.delete("bookstores", "shop")
    await gone(stage)
    assert stage.find(*VOLUME) is None
    assert stage.find(*CLAIM) is None


@operated
async def test_no_annotation_is_left_on_anything(stage: Stage) -> None:
    await made(stage)
    for (plural, _, _), live in stage.cluster.objects.items():
        names = live["metadata"].get("annotations", {})
        assert not [name for name in names if "kopf" in name], plural
    assert stage.get("bookstores", "shop")["metadata"].get("annotations") is None


async def test_a_store_deleted_while_the_operator_is_away_is_cleaned_up(stage: Stage) -> None:
    async with operating(stage):
        await made(stage, "Delete")
    await stage.delete("bookstores", "shop")
    assert stage.find("bookstores", "shop"), "the finalizer holds it"
    async with operating(stage):
        await gone(stage)
    assert stage.find(*VOLUME) is None


@operated
async def test_a_clean_up_that_fails_is_repeated_until_it_succeeds(stage: Stage) -> None:
    await made(stage, "Delete")
    stage.server.faults.append(Fault("DELETE", "/persistentvolumes/", 500, times=6))
    await stage.delete("bookstores", "shop")
    await gone(stage)
    assert stage.find(*VOLUME) is None


@operated
async def test_a_volume_of_somebody_else_is_not_deleted(stage: Stage) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"labels": {"team": "red"}},
        "spec": {"csi": {"volumeHandle": "fs-99999999"}},
    }
    theirs = stage.cluster.apply((VOLUME[0], "", VOLUME[1]), foreign, "somebody")
    await stage.secret()
    await stage.store(deletionPolicy="Delete")
    await stage.until_told("Conflict")
    await stage.delete("bookstores", "shop")
    await gone(stage)
    assert stage.find(*VOLUME) == theirs


async def test_a_new_store_of_the_same_name_takes_the_volume_again(stage: Stage) -> None:
    async with operating(stage):
        await made(stage)
        volume = stage.get(*VOLUME)["metadata"]["uid"]
        await stage.delete("bookstores", "shop")
        await gone(stage)
        await stage.store()
        await stage.until_ready()
    assert stage.get(*VOLUME)["metadata"]["uid"] == volume


@operated
async def test_a_paused_store_is_left_alone_and_can_be_deleted(stage: Stage) -> None:
    await made(stage)
    await stage.edit("bookstores", "shop", {"spec": {"state": "Paused"}})
    await stage.until(lambda: stage.condition("Ready") == ("True", "Paused"))
    await stage.edit("services", "shop-svc", {"spec": {"sessionAffinity": "ClientIP"}})
    await stage.until_quiet()
    assert stage.get("services", "shop-svc")["spec"]["sessionAffinity"] == "ClientIP"
    await stage.delete("bookstores", "shop")
    await gone(stage)
