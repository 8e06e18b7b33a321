"""Many stores beside each other: one that hangs, fails or goes takes nothing from the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bookstore_operator.components.exposure.load_balancer import LoadBalancerExposure
from bookstore_operator.engine.verdict import Verdict
from bookstore_operator.engine.view import View
from bookstore_operator.store import Store
from tests.component.operator.stage import Stage, controlling

ENGINE = "bookstore_operator.engine.controller"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one pass run at a time, and give one that hangs up soon."""
    monkeypatch.setattr(f"{ENGINE}.WORKERS", 1)
    monkeypatch.setattr("bookstore_operator.kube.client.HANGS_AFTER", 0.03)
    monkeypatch.setattr(f"{ENGINE}.DEADLINE", 0.3)


async def hang(stage: Stage, *names: str) -> None:
    """Make stores in a namespace whose webhook never answers."""
    stage.server.hangs.append("^(POST|PATCH) .*/namespaces/stuck/.*deployments")
    await stage.secret(namespace="stuck")
    for name in names:
        await stage.store(name, namespace="stuck")
    await stage.until(lambda: stage.server.hanging == len(names))


@pytest.mark.usefixtures("impatient")
async def test_a_store_that_hangs_takes_no_turn_of_another(bare: Stage) -> None:
    async with controlling(bare):
        await hang(bare, "a", "b")
        await bare.secret()
        await bare.store()
        await bare.until_ready()
        await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.find("bookstores", "shop") is None)
        assert bare.condition("Ready", "a", "stuck")[0] != "True"
        bare.server.release()
        await bare.until_ready("a", "stuck")
        await bare.until_ready("b", "stuck")


@pytest.mark.usefixtures("impatient")
async def test_a_store_that_is_deleted_while_its_pass_hangs_goes(bare: Stage) -> None:
    async with controlling(bare):
        await hang(bare, "a")
        await bare.delete("bookstores", "a", "stuck")
        await bare.until(lambda: bare.find("bookstores", "a", "stuck") is None)


async def test_what_happens_during_a_pass_is_answered_after_it(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        bare.server.hangs.append("^PATCH .*/bookstores/shop/status")
        notes = {"loadBalancer": {"annotations": {"example.com/a": "b"}}}
        await bare.edit("bookstores", "shop", {"spec": {"exposure": notes}})
        await bare.until(lambda: bare.server.hanging == 1)
        await bare.edit("deployments", "shop", {"spec": {"replicas": 7}})
        await bare.until(lambda: bare.get("deployments", "shop")["status"]["replicas"] == 7)
        bare.server.release()
        await bare.until(lambda: bare.get("deployments", "shop")["spec"]["replicas"] == 2)


@asynccontextmanager
async def before_the_status_is_written(stage: Stage) -> AsyncIterator[None]:
    """Edit a store, and hold its pass back at the last write: the answer has what came before."""
    stage.server.hangs.append("^PATCH .*/bookstores/shop/status")
    notes = {"loadBalancer": {"annotations": {"example.com/a": "b"}}}
    await stage.edit("bookstores", "shop", {"spec": {"exposure": notes}})
    await stage.until(lambda: stage.server.hanging == 1)
    yield
    await stage.cluster.tell()
    stage.server.release()


async def test_a_deletion_before_the_status_is_written_is_seen(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        async with before_the_status_is_written(bare):
            await bare.delete("bookstores", "shop")
        await bare.until(lambda: bare.find("bookstores", "shop") is None)


async def test_an_edit_before_the_status_is_written_is_seen(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        async with before_the_status_is_written(bare):
            await bare.edit("bookstores", "shop", {"spec": {"replicas": 3}})
        await bare.until(lambda: bare.get("deployments", "shop")["spec"]["replicas"] == 3)


async def test_an_annotation_before_the_status_is_written_is_seen(bare: Stage) -> None:
    async with controlling(bare):
        await bare.made()
        async with before_the_status_is_written(bare):
            before = bare.passes
            await bare.edit("bookstores", "shop", {"metadata": {"annotations": {"a.dev/b": "c"}}})
        await bare.until(lambda: bare.passes > before + 1)


@pytest.mark.usefixtures("impatient")
async def test_many_that_hang_leave_requests_to_the_others(
    bare: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = "bookstore_operator.kube.client"
    monkeypatch.setattr(f"{client}.TIMEOUT", aiohttp.ClientTimeout(total=3600))
    monkeypatch.setattr(f"{ENGINE}.DEADLINE", 3600.0)
    async with controlling(bare):
        await hang(bare, "a", "b")
        await bare.secret()
        await bare.store()
        await bare.until_ready()


async def test_a_fault_of_the_program_in_one_store_is_no_other_s(
    bare: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    judge = LoadBalancerExposure.judge

    def broken(self: LoadBalancerExposure, root: Store, view: View) -> Verdict:
        if root.name == "shop":
            raise ZeroDivisionError
        return judge(self, root, view)

    monkeypatch.setattr(LoadBalancerExposure, "judge", broken)
    async with controlling(bare):
        await bare.secret()
        await bare.store()
        await bare.store("other", storage={"efs": {"fileSystemId": "fs-76543210"}})
        await bare.until_ready("other")
        await bare.until(lambda: "failed unexpectedly" in caplog.text)
        monkeypatch.setattr(LoadBalancerExposure, "judge", judge)
        await bare.until_ready()
