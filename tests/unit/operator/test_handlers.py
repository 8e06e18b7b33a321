"""What kopf is told, and what the probe answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import kopf
import pytest
import pytest_asyncio

from bookstore_operator import handlers

PROBE: Any = handlers.probe
"""kopf types its handlers as it calls them, with more than a test has to give."""

WATCHER = "watcher for bookstores.v1.bookstore.dev@None"


class Controller:
    """Stand for a controller some of whose tasks may have ended."""

    def __init__(self, *dead: str) -> None:
        self._dead = list(dead)

    def dead(self) -> list[str]:
        return self._dead


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
    memo = kopf.Memo(starting=await started(), controller=Controller())
    assert await PROBE(memo=memo) == "alive"


@pytest.mark.usefixtures("watcher")
async def test_an_operator_that_still_starts_is_alive() -> None:
    starting = asyncio.create_task(asyncio.Event().wait())
    memo = kopf.Memo(starting=starting, controller=Controller())
    assert await PROBE(memo=memo) == "alive"
    starting.cancel()


async def test_an_operator_that_watches_nothing_is_to_be_restarted() -> None:
    memo = kopf.Memo(starting=await started(), controller=Controller())
    with pytest.raises(RuntimeError, match="nothing watches bookstores; see that the CRD"):
        await PROBE(memo=memo)


@pytest.mark.usefixtures("watcher")
async def test_an_operator_that_did_not_start_is_to_be_restarted() -> None:
    memo = kopf.Memo(starting=await started(ValueError("no token")), controller=Controller())
    with pytest.raises(RuntimeError, match="did not start: no token"):
        await PROBE(memo=memo)


@pytest.mark.usefixtures("watcher")
async def test_an_operator_that_lost_a_task_is_to_be_restarted() -> None:
    memo = kopf.Memo(starting=await started(), controller=Controller("informer of jobs"))
    with pytest.raises(RuntimeError, match="informer of jobs ended"):
        await PROBE(memo=memo)


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
