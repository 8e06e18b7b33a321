"""Which events wake a store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bookstore_operator.kinds import BOOKSTORE, CONFIG_MAP, PERSISTENT_VOLUME, SECRET, Manifest, Ref
from bookstore_operator.memory import Memories
from bookstore_operator.store import StoreKey
from bookstore_operator.turns import Turns
from bookstore_operator.wakes import Wakes, owner_key

KEY = StoreKey("books", "shop")
STORE, CONFIG = Ref(BOOKSTORE, *KEY), Ref(CONFIG_MAP, "books", "shop-config")
OWNER = {"kind": "BookStore", "name": "shop", "uid": "u"}


def live(version: int, **metadata: Any) -> Manifest:
    found = {"uid": "x", "resourceVersion": str(version), "ownerReferences": [OWNER]}
    return {"metadata": found | metadata}


class Stage:
    def __init__(self) -> None:
        self.memories = Memories()
        self.wakes = Wakes(self.memories)
        self.waker = self.wakes.of(KEY)
        self.sightings = self.memories.of(KEY).sightings
        self.sightings.saw(CONFIG, live(7))

    async def is_awake(self) -> bool:
        try:
            await asyncio.wait_for(self.waker.wait(), 0.01)
        except TimeoutError:
            return False
        return True


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize(
    ("version", "kind", "woken"),
    [(7, "MODIFIED", False), (6, "MODIFIED", False), (8, "MODIFIED", True), (8, "DELETED", True)],
)
@pytest.mark.asyncio
async def test_only_news_wakes(stage: Stage, version: int, kind: str, woken: bool) -> None:
    stage.wakes.event(kind, CONFIG, live(version))
    assert await stage.is_awake() is woken


@pytest.mark.asyncio
async def test_an_object_that_no_pass_has_seen_wakes(stage: Stage) -> None:
    stage.wakes.event("ADDED", Ref(CONFIG_MAP, "books", "other"), live(1))
    assert await stage.is_awake()


@pytest.mark.asyncio
async def test_the_echo_of_a_write_of_ours_does_not_wake(stage: Stage) -> None:
    with stage.waker.at_work():
        stage.wakes.event("MODIFIED", CONFIG, live(9))
        stage.sightings.saw(CONFIG, live(9))
    assert not await stage.is_awake()


@pytest.mark.asyncio
async def test_news_that_comes_during_a_pass_wakes_after_it(stage: Stage) -> None:
    with stage.waker.at_work():
        stage.wakes.event("MODIFIED", CONFIG, live(9))
    assert await stage.is_awake()


@pytest.mark.asyncio
async def test_what_we_deleted_does_not_wake_until_it_is_seen_again(stage: Stage) -> None:
    stage.sightings.removed(CONFIG)
    stage.wakes.event("DELETED", CONFIG, live(9))
    assert not await stage.is_awake()
    stage.sightings.saw(CONFIG, live(10))
    stage.wakes.event("DELETED", CONFIG, live(11))
    assert await stage.is_awake()


@pytest.mark.asyncio
async def test_a_second_listing_wakes_all_since_deletions_may_be_missed(stage: Stage) -> None:
    stage.wakes.event(None, CONFIG, live(7))
    assert not await stage.is_awake()
    stage.wakes.event(None, CONFIG, live(7))
    assert await stage.is_awake()


@pytest.mark.asyncio
async def test_a_referenced_secret_wakes_and_another_does_not(stage: Stage) -> None:
    login = Ref(SECRET, "books", "login")
    stage.memories.of(KEY).references = frozenset({login})
    stage.sightings.saw(login, None)
    stage.wakes.referenced(Ref(SECRET, "books", "unrelated"), "50")
    assert not await stage.is_awake()
    stage.wakes.referenced(login, "50")
    assert await stage.is_awake()


@pytest.mark.parametrize(
    ("ref", "body", "key"),
    [
        (STORE, live(1), KEY),
        (CONFIG, live(1), KEY),
        (
            Ref(PERSISTENT_VOLUME, "", "books.shop.files"),
            live(
                1,
                ownerReferences=[],
                labels={
                    "app.kubernetes.io/instance": "shop",
                    "bookstore.dev/namespace": "books",
                },
            ),
            KEY,
        ),
    ],
)
def test_an_object_leads_to_its_store(ref: Ref, body: Manifest, key: StoreKey) -> None:
    assert owner_key(ref, body) == key


@pytest.mark.asyncio
async def test_the_urgent_go_first() -> None:
    turns, went = Turns(at_once=1), list[str]()

    async def go(name: str, *, urgent: bool) -> None:
        async with turns.turn(urgent=urgent):
            went.append(name)

    async with turns.turn(urgent=False):
        tasks = [
            asyncio.create_task(go("settled", urgent=False)),
            asyncio.create_task(go("broken", urgent=True)),
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert went == ["broken", "settled"]


@pytest.mark.asyncio
async def test_a_turn_that_is_given_up_goes_to_the_next() -> None:
    turns, went = Turns(at_once=1), list[str]()

    async def go(name: str) -> None:
        async with turns.turn(urgent=True):
            went.append(name)

    async with turns.turn(urgent=True):
        given_up, kept = asyncio.create_task(go("given up")), asyncio.create_task(go("kept"))
        await asyncio.sleep(0)
        given_up.cancel()
    await kept
    assert went == ["kept"]
