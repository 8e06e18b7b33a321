"""What kopf is told, and what the probes answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import kopf
import pytest
import pytest_asyncio

from bookstore_operator import handlers, health
from tests.support.ports import free_port

WATCHER = "watcher for bookstores.v1.bookstore.dev@None"


class Controller:
    """Stand for a controller some of whose tasks may have ended."""

    def __init__(self, *dead: str) -> None:
        self._dead = list(dead)

    def dead(self) -> list[str]:
        return self._dead


def controllers(*dead: str) -> dict[str, Controller]:
    """Return the controllers by what they watch."""
    return {"bookstores": Controller(*dead)}


async def started(error: Exception | None = None) -> asyncio.Task[None]:
    """Return the task of a start that has ended, well or not."""

    async def start() -> None:
        if error is not None:
            raise error

    task = asyncio.create_task(start())
    await asyncio.wait([task])
    return task


@pytest_asyncio.fixture
async def watcher() -> AsyncIterator[None]:
    """Let a task be there that watches the stores, as kopf names it."""
    task = asyncio.create_task(asyncio.Event().wait(), name=WATCHER)
    yield
    task.cancel()


@pytest.mark.usefixtures("watcher")
async def test_an_operator_that_watches_and_works_is_alive() -> None:
    memo = kopf.Memo(operating=await started(), controllers=controllers())
    handlers.alive(memo)


@pytest.mark.usefixtures("watcher")
async def test_an_operator_that_still_starts_is_alive() -> None:
    operating = asyncio.create_task(asyncio.Event().wait())
    memo = kopf.Memo(operating=operating, controllers=controllers())
    handlers.alive(memo)
    operating.cancel()


@pytest.mark.fault(row=5)
async def test_an_operator_that_watches_nothing_is_to_be_restarted() -> None:
    memo = kopf.Memo(operating=await started(), controllers=controllers())
    with pytest.raises(RuntimeError, match="nothing watches bookstores; see that the CRD"):
        handlers.alive(memo)


@pytest.mark.usefixtures("watcher")
async def test_an_operator_that_did_not_start_is_to_be_restarted() -> None:
    memo = kopf.Memo(operating=await started(ValueError("no token")), controllers=controllers())
    with pytest.raises(RuntimeError, match="does not run: no token"):
        handlers.alive(memo)


@pytest.mark.fault(row=5)
@pytest.mark.usefixtures("watcher")
async def test_an_operator_that_lost_a_task_is_to_be_restarted() -> None:
    memo = kopf.Memo(operating=await started(), controllers=controllers("informer of jobs"))
    with pytest.raises(RuntimeError, match="informer of jobs ended"):
        handlers.alive(memo)


@pytest.mark.usefixtures("watcher")
async def test_an_operator_is_ready_once_its_cache_is_filled() -> None:
    memo = kopf.Memo(operating=await started(), controllers=controllers())
    with pytest.raises(RuntimeError, match="not filled yet"):
        handlers.ready(memo)
    memo.warm = True
    handlers.ready(memo)


async def test_the_kubelet_is_answered_with_what_is_wrong() -> None:
    def ill() -> None:
        raise RuntimeError("nothing watches bookstores")

    port = free_port()
    async with (
        health.served(port, {"/healthz": ill, "/readyz": lambda: None}),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        async with session.get("/healthz") as answer:
            assert (answer.status, await answer.text()) == (500, "nothing watches bookstores\n")
        async with session.get("/readyz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")


def test_kopf_keeps_nothing_on_a_store() -> None:
    settings = kopf.OperatorSettings()
    handlers.configure(settings)
    progress, diffs = settings.persistence.progress_storage, settings.persistence.diffbase_storage
    body, patch = kopf.Body({"spec": {"a": 1}}), kopf.Patch()
    record: kopf.ProgressRecord = {}
    progress.store(key=kopf.HandlerId("x"), record=record, body=body, patch=patch)
    progress.purge(key=kopf.HandlerId("x"), body=body, patch=patch)
    progress.touch(body=body, patch=patch, value="now")
    diffs.store(body=body, patch=patch, essence=diffs.build(body=body))
    assert not patch
    assert progress.fetch(key=kopf.HandlerId("x"), body=body) is None
    assert diffs.fetch(body=body) is None
    essence = kopf.BodyEssence({"spec": {"a": 1}})
    assert progress.clear(essence=essence) == essence
