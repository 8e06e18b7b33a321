"""Kinds that cannot be followed for a while, and what happened meanwhile."""

from __future__ import annotations

from contextlib import suppress

import kopf
import pytest

from bookstore_operator import handlers
from bookstore_operator.config import Config
from tests.component.operator.conftest import operating
from tests.component.operator.server import Fault
from tests.component.operator.stage import Stage, controlling

EVER = 10**6


def forbid(stage: Stage, plural: str) -> Fault:
    """Take away the right to list and watch a kind."""
    message = f'{plural} is forbidden: User "o" cannot watch resource "{plural}" in API group ""'
    fault = Fault("GET", rf"/{plural}\?", 403, times=EVER, message=message)
    stage.server.faults.append(fault)
    return fault


@pytest.mark.fault(row=9)
async def test_a_lost_right_to_follow_a_kind_is_told_and_heals(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        fault = forbid(bare, "services")
        await bare.server.end_watches("cut")
        await bare.until_told("Forbidden")
        assert 'cannot watch resource "services"' in bare.message("Degraded")
        assert "ClusterRole" in bare.message("Degraded")
        assert bare.condition("WebReady")[0] == "True", "other parts are not touched by it"
        fault.times = 0
        await bare.until_ready()


async def test_a_kind_that_the_cluster_lacks_is_told_of_its_component_and_noticed_when_it_comes(
    bare: Stage,
) -> None:
    fault = Fault("*", "/poddisruptionbudgets", 404, times=EVER)
    bare.server.faults.append(fault)
    async with controlling(bare):
        await bare.secret()
        await bare.store()
        await bare.until_told("KindMissing")
        assert "does not serve poddisruptionbudgets.policy in version" in bare.message("Degraded")
        await bare.until(lambda: bare.condition("Exposed")[0] == "True")
        await bare.until(lambda: bare.condition("WebReady")[0] == "True")
        fault.times = 0
        await bare.until_ready()
        assert bare.find("poddisruptionbudgets", "shop")


async def test_a_watch_that_ends_by_a_fault_of_the_operator_is_logged_with_its_cause(
    bare: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise LookupError("a fault of the operator")

    with suppress(AssertionError):  # of the stage, which wants no task to end
        async with controlling(bare) as controller:
            await bare.made()
            monkeypatch.setattr(controller.cache, "changed", stumble)
            await bare.edit("services", "shop-svc", {"metadata": {"labels": {"team": "red"}}})
            await bare.until(lambda: controller.dead() == ["informer of services"])
    (told,) = [record for record in caplog.records if record.levelname == "CRITICAL"]
    assert told.getMessage() == "informer of services ended: a fault of the operator"
    assert told.exc_info


async def test_no_probe_restarts_an_operator_that_lacks_a_right(stage: Stage) -> None:
    memo = kopf.Memo(config=Config())
    async with operating(stage, memo):
        await stage.made()
        forbid(stage, "services")
        await stage.server.end_watches("cut")
        await stage.until_told("Forbidden")
        handlers.alive(memo)


async def test_many_namespaces_are_followed_at_once(stage: Stage) -> None:
    names = tuple(f"books-{number}" for number in range(40))
    async with operating(stage, kopf.Memo(config=Config(namespaces=names))):
        for name in (names[0], names[-1]):
            await stage.secret(namespace=name)
            await stage.store(namespace=name)
            await stage.until_ready(namespace=name)
        assert stage.server.watches > 100, "more than a pool of connections usually holds"


@pytest.mark.fault(row=4)
async def test_what_went_while_the_watch_was_too_old_is_made_again(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        config, env = bare.named("configmaps", "shop-"), bare.named("secrets", "shop-env")
        await bare.server.end_watches("expire")
        bare.cluster.delete(("configmaps", "books", config))
        bare.cluster.delete(("secrets", "books", env))
        assert bare.cluster.select("configmaps", "books") == []
        await bare.cluster.tell()
        await bare.until(lambda: bare.find("configmaps", config) is not None)
        await bare.until(lambda: bare.find("secrets", env) is not None)
        await bare.until_ready()
        await bare.until(lambda: "made again" in "".join(bare.notes("Restored")))


@pytest.mark.fault(row=4)
async def test_a_list_whose_pages_expire_is_begun_anew(
    bare: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore_operator.kube.client.PAGE", 1)
    fault = Fault("GET", "continue=", 410, times=3)
    async with controlling(bare):
        await bare.made("a")
        await bare.made("b", storage={"efs": {"fileSystemId": "fs-76543210"}})
        bare.server.faults.append(fault)
        await bare.server.end_watches("expire")
        await bare.until(lambda: fault.times == 0)
        await bare.edit("services", "b-svc", {"spec": {"selector": {"tier": "nowhere"}}})
        wanted = bare.get("services", "a-svc")["spec"]["selector"] | {
            "app.kubernetes.io/instance": "b"
        }
        await bare.until(lambda: bare.get("services", "b-svc")["spec"]["selector"] == wanted)


async def test_a_silent_watch_is_connected_anew(
    bare: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore_operator.kube.informer.SILENCE", 0.05)
    async with controlling(bare):
        await bare.made_soon()
        asked = bare.server.requests.count("GET /api/v1/services")
        await bare.until(lambda: bare.server.requests.count("GET /api/v1/services") > asked + 2)
        await bare.edit("services", "shop-svc", {"spec": {"selector": {"tier": "nowhere"}}})
        await bare.until(lambda: "tier" not in bare.get("services", "shop-svc")["spec"]["selector"])


async def test_an_api_server_that_is_not_there_at_the_start_is_waited_for(bare: Stage) -> None:
    fault = Fault("GET", r"\?", 503, times=200)
    bare.server.faults.append(fault)
    async with controlling(bare):
        await bare.secret()
        await bare.store()
        await bare.until_ready()
