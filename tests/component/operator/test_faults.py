"""The whole operator on an API server that fails."""

from __future__ import annotations

from itertools import takewhile

import pytest

from tests.component.operator.conftest import controlled, operated, operating
from tests.component.operator.server import Fault
from tests.component.operator.stage import Stage

pytestmark = pytest.mark.asyncio


async def made(stage: Stage) -> None:
    await stage.secret()
    await stage.store()
    await stage.until_ready()
    await stage.until_quiet()


@operated
async def test_a_store_becomes_ready_and_then_costs_nothing(stage: Stage) -> None:
    await made(stage)
    assert stage.get("bookstores", "shop")["status"]["url"] == "http://192.0.2.1"
    assert ("Normal", "Reconciled") in stage.events()
    before = len(stage.server.requests)
    await stage.until_quiet()
    assert len(stage.server.requests) == before


@controlled
async def test_a_store_is_made_with_one_write_for_each_object(bare: Stage) -> None:
    await made(bare)
    patched = [w for w in bare.server.writes() if "/bookstores/" not in w and "/events" not in w]
    assert len(patched) == len(set(patched)) == 13


@pytest.mark.fault(row=6)
@pytest.mark.fault(row=7)
@pytest.mark.parametrize("status", [409, 429, 500, 503, 504])
@controlled
async def test_an_api_server_that_fails_for_a_while(bare: Stage, status: int) -> None:
    await made(bare)
    fault = Fault("PATCH", "/deployments/", status, times=9)
    bare.server.faults.append(fault)
    begun = len(bare.cluster.journal)
    await bare.edit("bookstores", "shop", {"spec": {"replicas": 3}})
    await bare.until(lambda: fault.times == 0)
    await bare.until(lambda: bare.get("deployments", "shop")["spec"]["replicas"] == 3)
    # The write that succeeds ends the failures; from there on a third pod is truly awaited.
    while_it_failed = takewhile(
        lambda change: change.plural != "deployments", bare.cluster.journal[begun:]
    )
    ready = {
        change.live["status"]["conditions"][0]["status"]
        for change in while_it_failed
        if change.plural == "bookstores"
    }
    await bare.until_ready()
    assert ready == {"True"}, "failures of the API server do not flip Ready"


@pytest.mark.fault(row=6)
@controlled
async def test_a_status_that_cannot_be_written_is_written_later(bare: Stage) -> None:
    bare.server.faults.append(Fault("PATCH", "/bookstores/shop/status", 409, times=6))
    await made(bare)


@pytest.mark.fault(row=4)
@pytest.mark.parametrize("how", ["cut", "expire"])
@operated
async def test_no_state_is_missed_when_watches_end(stage: Stage, how: str) -> None:
    await made(stage)
    watches = stage.server.watches
    config = stage.named("configmaps", "shop-config-")
    await stage.server.end_watches(how)
    await stage.delete("configmaps", config)
    await stage.edit("deployments", "shop", {"spec": {"replicas": 7}})
    await stage.until(lambda: stage.find("configmaps", config) is not None)
    await stage.until(lambda: stage.get("deployments", "shop")["spec"]["replicas"] == 2)
    await stage.until_ready()
    await stage.until(lambda: stage.server.watches == watches)


@pytest.mark.fault(row=8)
@pytest.mark.fault(row=9)
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("exceeded quota: small, requested: count/services=1", "QuotaExceeded"),
        ('User "o" cannot patch resource "services" in API group ""', "Forbidden"),
    ],
)
@controlled
async def test_a_refused_write_is_told_and_heals(bare: Stage, message: str, reason: str) -> None:
    fault = Fault("PATCH", "/services/", 403, times=10**6, message=message)
    bare.server.faults.append(fault)
    await bare.secret()
    await bare.store()
    await bare.until_told(reason)
    assert message in bare.message("Degraded")
    assert bare.find("deployments", "shop"), "the other parts go on"
    fault.times = 0
    await bare.until_ready()
    assert bare.events().count(("Warning", reason)) == 1


@pytest.mark.fault(row=9)
@controlled
async def test_one_store_in_trouble_is_no_other_store_s(bare: Stage) -> None:
    bare.server.faults.append(Fault("PATCH", "/deployments/shop", 403, times=10**6))
    await bare.secret()
    await bare.store("shop")
    await bare.store("other", storage={"efs": {"fileSystemId": "fs-76543210"}})
    await bare.until_ready("other")
    await bare.until_told("Invalid")


@controlled
async def test_credentials_that_come_late_and_change(bare: Stage) -> None:
    await bare.store()
    await bare.until_told("SecretNotFound")
    await bare.until(lambda: ("Warning", "SecretNotFound") in bare.events())
    await bare.secret(username="c2hvcA==")
    await bare.until_told("SecretKeyMissing")
    await bare.secret()
    await bare.until_ready()
    before = bare.get("deployments", "shop")["metadata"]["generation"]
    await bare.edit("secrets", "login", {"metadata": {"labels": {"team": "red"}}})
    await bare.until_quiet()
    assert bare.get("deployments", "shop")["metadata"]["generation"] == before
    await bare.secret(username="c2hvcA==", password="bmV3")
    await bare.until(
        lambda: bare.get("deployments", "shop")["metadata"]["generation"] == before + 1
    )
    await bare.until_ready()


@pytest.mark.fault(row=17)
@operated
async def test_an_object_of_somebody_else_is_never_touched(stage: Stage) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"labels": {"team": "red"}},
        "spec": {"ports": [{"name": "http", "port": 1}]},
    }
    theirs = stage.cluster.apply(("services", "books", "shop-svc"), foreign, "somebody")
    await stage.secret()
    await stage.store()
    await stage.until_told("Conflict")
    assert stage.get("services", "shop-svc") == theirs
    await stage.delete("services", "shop-svc")
    await stage.until_ready()


async def test_a_restart_writes_nothing_to_a_settled_store(stage: Stage) -> None:
    async with operating(stage):
        await made(stage)
    before = len(stage.server.writes())
    async with operating(stage):
        await stage.until_quiet()
    assert stage.server.writes()[before:] == []


@pytest.mark.fault(row=3)
async def test_what_happened_while_the_operator_was_away_is_made_good(stage: Stage) -> None:
    async with operating(stage):
        await made(stage)
    config = stage.named("configmaps", "shop-config-")
    await stage.delete("configmaps", config)
    await stage.edit("bookstores", "shop", {"spec": {"replicas": 5}})
    async with operating(stage):
        await stage.until(lambda: stage.get("deployments", "shop")["spec"]["replicas"] == 5)
        await stage.until(lambda: stage.find("configmaps", config) is not None)
        await stage.until_ready()
