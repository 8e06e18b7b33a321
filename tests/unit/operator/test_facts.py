"""Questions about the world outside of the API server, answered beside the passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from bookstore_operator.components.database import probe
from bookstore_operator.components.database.probe import Readiness
from bookstore_operator.engine import facts as module
from bookstore_operator.engine.facts import Facts
from bookstore_operator.kube.objects import Ref
from bookstore_operator.store import BOOKSTORE

A, B = Ref(BOOKSTORE, "books", "a"), Ref(BOOKSTORE, "books", "b")
ANSWERS: dict[str, Any] = {}
ASKED: list[str] = []


@dataclass(frozen=True)
class Question:
    """Ask what stands in ``ANSWERS``."""

    name: str

    async def ask(self) -> Any:
        ASKED.append(self.name)
        answer = ANSWERS[self.name]
        if isinstance(answer, Exception):
            raise answer
        return answer


X, Y = Question("x"), Question("y")


class Stage:
    def __init__(self) -> None:
        self.told: list[Ref] = []
        self.facts = Facts(self.told.append)

    async def until(self, check: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not check():  # noqa: ASYNC110 - what is polled has no event
                await asyncio.sleep(0)


@pytest_asyncio.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(module, "INTERVAL", 0.001)
    ANSWERS.clear()
    ASKED.clear()
    ANSWERS.update(x="well", y="so")
    stage = Stage()
    yield stage
    await stage.facts.close()


async def test_who_asks_is_told_when_the_answer_changes_and_not_otherwise(stage: Stage) -> None:
    stage.facts.ask(A, frozenset({X}))
    await stage.until(lambda: stage.facts.answers.get(X) == "well")
    await stage.until(lambda: len(ASKED) > 3)
    assert stage.told == [A]
    ANSWERS["x"] = "ill"
    await stage.until(lambda: stage.facts.answers.get(X) == "ill")
    assert stage.told == [A, A]


async def test_equal_questions_are_asked_once_for_all(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 3600.0)
    stage.facts.ask(A, frozenset({X}))
    stage.facts.ask(B, frozenset({Question("x"), Y}))
    stage.facts.ask(B, frozenset({Question("x"), Y}))
    await stage.until(lambda: len(stage.facts.answers) == 2)
    assert sorted(ASKED) == ["x", "y"]
    assert sorted(ref.name for ref in stage.told) == ["a", "b", "b"]


async def test_what_nobody_asks_any_more_is_forgotten(stage: Stage) -> None:
    stage.facts.ask(A, frozenset({X, Y}))
    stage.facts.ask(B, frozenset({Y}))
    await stage.until(lambda: len(stage.facts.answers) == 2)
    stage.facts.ask(A, frozenset())
    assert set(stage.facts.answers) == {Y}
    asked = ASKED.count("y")
    await stage.until(lambda: ASKED.count("y") > asked + 2)
    assert X not in stage.facts.answers


async def test_a_question_that_fails_has_no_answer_and_is_asked_again(stage: Stage) -> None:
    ANSWERS["x"] = RuntimeError("no way")
    stage.facts.ask(A, frozenset({X}))
    await stage.until(lambda: len(ASKED) > 2)
    assert stage.facts.answers.get(X) is None
    ANSWERS["x"] = "well"
    await stage.until(lambda: stage.facts.answers.get(X) == "well")


@pytest_asyncio.fixture
async def pod(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Let a pod of the shop answer that its database is away."""

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(status=503, text="database unreachable\n")

    app = web.Application()
    app.router.add_get("/readyz", readyz)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setattr(probe, "PORT", runner.addresses[0][1])
    yield
    await runner.cleanup()


@pytest.mark.usefixtures("pod")
async def test_a_pod_says_why_it_is_not_ready() -> None:
    assert await Readiness("127.0.0.1").ask() == "database unreachable"


async def test_a_pod_that_is_not_reached_says_nothing(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr(probe, "PORT", unused_tcp_port)
    assert await Readiness("127.0.0.1").ask() is None
    assert await Readiness("::1").ask() is None
