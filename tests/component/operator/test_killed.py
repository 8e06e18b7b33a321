"""The operator is killed after each of its writes, and the next one goes on from there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import pytest

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.server import Answer, Request, Server
from tests.component.operator.specs import SPECS
from tests.component.operator.stage import Stage, controlling, hurry, playing

WITHOUT_CERTIFICATE = {"exposure": None}
"""When cert-manager issues one is its own affair, and pods that have begun by then roll."""

EMBEDDED = {**SPECS["busy"], **SPECS["plain"], **WITHOUT_CERTIFICATE}


@dataclass
class Mortal(Server):
    """The way to the server of an operator that is killed as soon as it has written so often.

    What it wrote last is done, and it hears of nothing any more.
    """

    server: Server = field(default_factory=Server)
    life: int = 0
    wrote: int = 0

    @property
    def is_dead(self) -> bool:
        return self.wrote >= self.life

    async def answer(self, request: Request) -> Answer:
        if self.is_dead:
            await asyncio.Event().wait()
        self.wrote += request.method != "GET"
        answer = await self.server.answer(request)
        if self.is_dead:
            await asyncio.Event().wait()
        return answer


class Made(NamedTuple):
    """What came of a story, apart from names that hold a digest and from uids.

    Attributes:
        births: How often an object of each kind was made.
        secrets: How many values the generated Secret had, one after the other.
        rollouts: How many pod templates each workload had, one after the other.
    """

    births: Counter[str]
    secrets: int
    rollouts: dict[str, int]


def made(stage: Stage) -> Made:
    """Return what was made for the store from the beginning of time."""
    journal = [one for one in stage.cluster.journal if one.plural not in {"events", "pods"}]
    births = [(one.plural, one.live["metadata"]["name"]) for one in journal if one.kind == "ADDED"]
    assert [born for born, times in Counter(births).items() if times > 1] == [], "made twice"
    passwords = {str(one.live["data"]) for one in journal if is_generated(one.live)}
    templates: dict[str, set[str]] = {}
    for one in journal:
        if one.plural in {"deployments", "statefulsets"}:
            templates.setdefault(one.plural, set()).add(str(one.live["spec"]["template"]))
    rollouts = {plural: len(found) for plural, found in templates.items()}
    return Made(Counter(plural for plural, _ in births), len(passwords), rollouts)


def is_generated(live: Manifest) -> bool:
    return bool(live["kind"] == "Secret" and live["metadata"]["name"] == "shop-secret")


async def settled(stage: Stage) -> None:
    await stage.until_ready()
    await stage.until_quiet()


async def nothing(stage: Stage) -> None:
    """Begin where there is no store."""
    await stage.secret()


async def a_store(stage: Stage) -> None:
    """Begin with a store that serves."""
    async with controlling(stage):
        await stage.made()


class Story(NamedTuple):
    """What people ask for, and what then comes to be.

    Attributes:
        before: What there is.
        ask: What they ask for.
        done: Waits for what comes of it.
    """

    before: Callable[[Stage], Coroutine[Any, Any, None]]
    ask: Callable[[Stage], Coroutine[Any, Any, None]]
    done: Callable[[Stage], Coroutine[Any, Any, None]] = settled

    async def told(self, life: int) -> tuple[Made, int]:
        """Tell it with an operator that dies after some writes, and return what came of it.

        The second is how often the first operator wrote.
        """
        async with playing(Server()) as stage:
            await self.before(stage)
            wire = Mortal(server=stage.server, life=life)
            async with controlling(stage, server=wire):
                await self.ask(stage)
                dead = asyncio.create_task(stage.until(lambda: wire.is_dead))
                done = asyncio.create_task(self.done(stage))
                await asyncio.wait([dead, done], return_when=asyncio.FIRST_COMPLETED)
                for task in (dead, done):
                    task.cancel()
                await asyncio.gather(dead, done, return_exceptions=True)
            if wire.is_dead:
                async with controlling(stage):
                    await self.done(stage)
            return made(stage), wire.wrote


async def gone(stage: Stage) -> None:
    await stage.until(lambda: stage.find("bookstores", "shop") is None)
    await stage.until_quiet()
    kept = {"persistentvolumes", "persistentvolumeclaims"}
    left = {place[0] for place in stage.cluster.objects} - {"events", "pods"}
    assert left == kept | {"secrets"}, "the volume stays, and the login of the person"


STORIES = {
    "a store on a database of its own": Story(nothing, lambda stage: stage.store(**EMBEDDED)),
    "a store on an external database": Story(nothing, lambda stage: stage.store(**SPECS["plain"])),
    "a new image": Story(
        a_store,
        lambda stage: stage.edit("bookstores", "shop", {"spec": {"image": "bookstore/app:2"}}),
    ),
    "the end of a store": Story(a_store, lambda stage: stage.delete("bookstores", "shop"), gone),
}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.mark.fault(row=1)
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_after_each_write_the_next_operator_makes_all_of_it_once(story: Story) -> None:
    whole, writes = await story.told(10**6)
    assert writes > 1
    for life in count(1):
        found, wrote = await story.told(life)
        assert found == whole, f"killed after write {life} of {writes}"
        if wrote < life:
            break
    assert life >= writes


@pytest.mark.fault(row=2)
async def test_a_migration_that_ended_while_nobody_acted_is_not_run_again() -> None:
    async with playing(Server()) as stage:
        async with controlling(stage):
            await stage.made()
            stage.held.add("jobs")
            await stage.edit("bookstores", "shop", {"spec": {"image": "bookstore/app:2"}})
            await stage.until(lambda: len(stage.cluster.select("jobs", "books")) == 2)
        stage.held.clear()
        await stage.until(lambda: all("status" in j for j in stage.cluster.select("jobs", "books")))
        async with controlling(stage):
            await stage.until(lambda: image(stage) == "bookstore/app:2")
            await settled(stage)
        assert made(stage).births["jobs"] == 2, "one for each image"


def image(stage: Stage) -> str:
    pod = stage.get("deployments", "shop")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])
