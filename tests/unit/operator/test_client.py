"""How requests are sent, repeated and given up."""

from __future__ import annotations

import pytest

from bookstore_operator.bookstore import BookStores
from bookstore_operator.engine.resource import rights
from bookstore_operator.kube import client
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.errors import (
    AlreadyExistsError,
    ForbiddenError,
    RefusedError,
    TransientApiError,
)
from bookstore_operator.kube.kinds import CONFIG_MAP, POD, SERVICE
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.kube.thirdparty import GATEWAY
from tests.component.operator.memory import MemoryConnection
from tests.component.operator.server import Fault, Server

CONFIG = Ref(CONFIG_MAP, "books", "c")


def config(name: str = "c", **data: str) -> Manifest:
    metadata = {"name": name, "namespace": "books"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


class Stage:
    def __init__(self) -> None:
        self.server = Server()
        self.kube = Kube(MemoryConnection(self.server), rights(BookStores()))

    def fail(self, method: str, status: int, times: int, **more: str) -> Fault:
        fault = Fault(method, "/configmaps", status, times, headers=more)
        self.server.faults.append(fault)
        return fault


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(client, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(client, "LONGEST_RETRY_AFTER", 0.0)
    return Stage()


@pytest.mark.parametrize("status", [401, 409, 429, 500, 503])
async def test_what_fails_in_passing_is_repeated(stage: Stage, status: int) -> None:
    fault = stage.fail("POST", status, 3)
    await stage.kube.create(CONFIG_MAP, config(a="1"))
    assert fault.times == 0
    assert stage.server.cluster.get(("configmaps", "books", "c"))["data"] == {"a": "1"}


async def test_repeating_has_an_end(stage: Stage) -> None:
    fault = stage.fail("GET", 503, 100, **{"Retry-After": "7"})
    with pytest.raises(TransientApiError) as told:
        await stage.kube.get(CONFIG)
    assert fault.times == 96
    assert told.value.retry_after == 7.0
    assert str(told.value) == "cannot get ConfigMap books/c: injected; the operator tries again"


async def test_a_time_to_wait_that_is_no_number_is_passed_over(stage: Stage) -> None:
    stage.fail("GET", 429, 100, **{"Retry-After": "Sun, 29 Nov 2026 12:00:00 GMT"})
    with pytest.raises(TransientApiError) as told:
        await stage.kube.get(CONFIG)
    assert told.value.retry_after is None


async def test_what_does_not_pass_is_not_repeated(stage: Stage) -> None:
    fault = stage.fail("POST", 422, 100)
    with pytest.raises(RefusedError, match="correct the spec"):
        await stage.kube.create(CONFIG_MAP, config())
    assert fault.times == 99


async def test_a_name_that_is_taken_is_told_at_once(stage: Stage) -> None:
    await stage.kube.create(CONFIG_MAP, config())
    asked = len(stage.server.requests)
    with pytest.raises(AlreadyExistsError):
        await stage.kube.create(CONFIG_MAP, config())
    assert len(stage.server.requests) == asked + 1


async def test_an_answer_that_is_lost_is_a_failure_that_passes(stage: Stage) -> None:
    stage.fail("GET", 0, 4)
    with pytest.raises(TransientApiError, match=r"does not answer \(ServerDisconnectedError\)"):
        await stage.kube.get(CONFIG)


async def test_what_is_gone_already_can_be_deleted(stage: Stage) -> None:
    await stage.kube.delete(CONFIG, "uid")
    assert await stage.kube.get(CONFIG) is None
    assert not await stage.kube.is_there(CONFIG)


async def test_another_object_of_the_name_is_not_deleted(stage: Stage) -> None:
    await stage.kube.create(CONFIG_MAP, config())
    with pytest.raises(TransientApiError, match="precondition"):
        await stage.kube.delete(CONFIG, "uid of the one before")
    assert await stage.kube.is_there(CONFIG)


async def test_a_list_is_read_page_by_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    for name in "abcde":
        await stage.kube.create(CONFIG_MAP, config(name))
    found = await stage.kube.select(CONFIG_MAP, "books", "")
    assert [live["metadata"]["name"] for live in found] == list("abcde")
    assert {live["kind"] for live in found} == {"ConfigMap"}
    pages = [page async for page in stage.kube.pages(CONFIG_MAP, "", "", metadata_only=True)]
    assert [len(heads) for heads, _ in pages] == [2, 2, 1]
    assert not [live for heads, _ in pages for live in heads if "data" in live]
    assert {version for _, version in pages} == {str(stage.server.cluster.version)}


async def test_a_list_of_the_metadata_of_nothing_is_empty(stage: Stage) -> None:
    ((found, version),) = [
        page async for page in stage.kube.pages(GATEWAY, "", "", metadata_only=True)
    ]
    assert (found, version) == ([], str(stage.server.cluster.version))


async def test_a_call_that_no_component_declares_is_a_fault_of_the_program(stage: Stage) -> None:
    with pytest.raises(PermissionError, match="no component declares delete on pods"):
        await stage.kube.delete(Ref(POD, "books", "p"), "uid")
    assert stage.server.requests == []


async def test_a_watch_that_is_refused_says_so(stage: Stage) -> None:
    message = 'User "o" cannot watch resource "services" in API group ""'
    stage.server.faults.append(Fault("GET", "watch=true", 403, message=message))
    with pytest.raises(ForbiddenError, match="grant it in the ClusterRole"):
        async with stage.kube.watch(SERVICE, "books", "", "0", 1.0):
            pass


async def test_texts_of_all_languages_arrive_as_they_are(stage: Stage) -> None:
    await stage.kube.apply(CONFIG_MAP, config(título="día 📚"))
    live = await stage.kube.get(CONFIG)
    assert live
    assert live["data"] == {"título": "día 📚"}


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_an_answer_that_is_no_object_is_an_empty_one(body: bytes) -> None:
    assert client._parsed(body) == {}
