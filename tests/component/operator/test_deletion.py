"""The end of a store, with and without its data."""

from __future__ import annotations

import pytest

from tests.component.operator.conftest import controlled, operated, operating
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


@controlled
async def test_retain_keeps_the_volume_and_lets_the_secret_go(bare: Stage) -> None:
    await made(bare)
    await bare.delete("bookstores", "shop")
    await gone(bare)
    assert bare.find(*VOLUME)
    assert bare.find(*CLAIM)
    await bare.until(lambda: bare.find("secrets", "shop-secret") is None)


@controlled
async def test_delete_takes_the_volume_too(bare: Stage) -> None:
    await made(bare, "Delete")
    await bare.delete("bookstores", "shop")
    await gone(bare)
    assert bare.find(*VOLUME) is None
    assert bare.find(*CLAIM) is None


@controlled
async def test_a_store_made_again_does_not_wait_for_the_secret_of_before(
    bare: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.component.operator.memory.OVERTAKEN", 200)
    await made(bare)
    # As the end of a namespace does it: the Secret goes as soon as it is let go.
    bare.cluster.delete(("bookstores", "books", "shop"))
    await bare.delete("secrets", "shop-secret")
    await gone(bare)
    await bare.until(lambda: bare.find("secrets", "shop-secret") is None)
    await bare.store()
    await bare.until_ready()


@operated
async def test_no_annotation_is_left_on_anything(stage: Stage) -> None:
    await made(stage)
    for (plural, _, _), live in stage.cluster.objects.items():
        names = live["metadata"].get("annotations", {})
        assert not [name for name in names if "kopf" in name], plural
    assert stage.get("bookstores", "shop")["metadata"].get("annotations") is None


@pytest.mark.fault(row=22)
async def test_a_store_deleted_while_the_operator_is_away_is_cleaned_up(stage: Stage) -> None:
    async with operating(stage):
        await made(stage, "Delete")
    await stage.delete("bookstores", "shop")
    assert stage.find("bookstores", "shop"), "the finalizer holds it"
    async with operating(stage):
        await gone(stage)
    assert stage.find(*VOLUME) is None


@controlled
async def test_a_clean_up_that_fails_is_repeated_until_it_succeeds(bare: Stage) -> None:
    await made(bare, "Delete")
    bare.server.faults.append(Fault("DELETE", "/persistentvolumes/", 500, times=6))
    await bare.delete("bookstores", "shop")
    await gone(bare)
    assert bare.find(*VOLUME) is None


@controlled
async def test_a_volume_of_somebody_else_is_not_deleted(bare: Stage) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"labels": {"team": "red"}},
        "spec": {"csi": {"volumeHandle": "fs-99999999"}},
    }
    theirs = bare.cluster.apply((VOLUME[0], "", VOLUME[1]), foreign, "somebody")
    await bare.secret()
    await bare.store(deletionPolicy="Delete")
    await bare.until_told("Conflict")
    await bare.delete("bookstores", "shop")
    await gone(bare)
    found = bare.get(*VOLUME)
    assert (found["metadata"]["uid"], found["spec"]) == (theirs["metadata"]["uid"], theirs["spec"])
    assert found["metadata"]["labels"] == {"team": "red"}


@pytest.mark.fault(row=23)
async def test_a_new_store_of_the_same_name_takes_the_volume_again(stage: Stage) -> None:
    async with operating(stage):
        await made(stage)
        volume = stage.get(*VOLUME)["metadata"]["uid"]
        await stage.delete("bookstores", "shop")
        await gone(stage)
        await stage.store()
        await stage.until_ready()
    assert stage.get(*VOLUME)["metadata"]["uid"] == volume


@controlled
async def test_a_paused_store_is_left_alone_and_can_be_deleted(bare: Stage) -> None:
    await made(bare)
    await bare.edit("bookstores", "shop", {"spec": {"state": "Paused"}})
    await bare.until(lambda: bare.condition("Ready") == ("True", "Paused"))
    await bare.edit("services", "shop-svc", {"spec": {"sessionAffinity": "ClientIP"}})
    await bare.until_quiet()
    assert bare.get("services", "shop-svc")["spec"]["sessionAffinity"] == "ClientIP"
    await bare.delete("bookstores", "shop")
    await gone(bare)


@controlled
async def test_delete_takes_the_embedded_database_and_its_data(bare: Stage) -> None:
    await bare.made(database={"embedded": {}}, deletionPolicy="Delete")
    volume = bare.get("persistentvolumeclaims", "shop-mysql-data")["spec"]["volumeName"]
    await bare.delete("bookstores", "shop")
    await gone(bare)
    for plural, name in (
        ("statefulsets", "shop-mysql"),
        ("persistentvolumeclaims", "shop-mysql-data"),
    ):
        assert bare.find(plural, name) is None
    await bare.until(lambda: bare.find("persistentvolumes", volume, "") is None)


@controlled
async def test_a_store_that_is_made_again_while_the_end_of_the_one_before_is_written(
    bare: Stage,
) -> None:
    await made(bare)
    lost = Fault("PATCH", "/bookstores/shop", 0)
    bare.server.faults.append(lost)
    await bare.delete("bookstores", "shop")
    await bare.until(lambda: lost.times == 0)
    await gone(bare)
    await bare.store()
    await bare.until_ready()
