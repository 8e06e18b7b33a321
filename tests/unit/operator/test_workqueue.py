"""Which root is reconciled next, and when."""

from __future__ import annotations

import asyncio

import pytest

from bookstore_operator.engine import backoff, workqueue
from bookstore_operator.engine.backoff import Backoff
from bookstore_operator.engine.workqueue import WorkQueue
from bookstore_operator.kube.objects import Ref
from bookstore_operator.store import BOOKSTORE
from tests.support.clock import Clock


def key(name: str) -> Ref:
    return Ref(BOOKSTORE, "books", name)


A, B, C = key("a"), key("b"), key("c")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(backoff, "time", clock)
    return clock


async def taken(queue: WorkQueue) -> list[Ref]:
    """Return all keys that can be had at once, each given back."""
    keys = []
    while len(queue):
        keys.append(await queue.get())
        queue.done(keys[-1])
    return keys


async def test_the_urgent_go_first_and_then_who_came_first() -> None:
    queue = WorkQueue()
    queue.add(A, urgent=False)
    queue.add(B)
    queue.add(C)
    assert await taken(queue) == [B, C, A]


async def test_a_key_that_becomes_urgent_goes_before_the_others() -> None:
    queue = WorkQueue()
    queue.add(A, urgent=False)
    queue.add(B, urgent=False)
    queue.add(B)
    assert await taken(queue) == [B, A]


async def test_a_key_is_asked_for_once() -> None:
    queue = WorkQueue()
    for urgent in (True, True, False):
        queue.add(A, urgent=urgent)
    assert await taken(queue) == [A]


async def test_a_key_under_way_is_given_to_nobody_else_and_once_again_after_it(
    clock: Clock,
) -> None:
    queue = WorkQueue()
    queue.add(A)
    assert await queue.get() == A
    queue.settled(A)
    queue.add(A)
    queue.add(A, urgent=False)
    assert len(queue) == 0
    queue.done(A)
    assert await taken(queue) == [A]


async def test_who_waits_gets_the_key_that_comes() -> None:
    queue = WorkQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.add(A)
    assert await waiting == A


async def test_a_worker_that_gives_up_takes_no_key_with_it() -> None:
    queue = WorkQueue()
    given_up, kept = (asyncio.create_task(queue.get()) for _ in range(2))
    await asyncio.sleep(0)
    given_up.cancel()
    queue.add(A)
    assert await kept == A


async def test_a_settled_key_is_had_at_once_and_one_that_is_not_after_a_pause(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workqueue, "FIRST_SPACING", 60.0)
    monkeypatch.setattr(workqueue, "LONGEST_SPACING", 60.0)
    queue = WorkQueue()
    queue.add(A)
    await taken(queue)
    queue.add(A)
    assert len(queue) == 0, "its events do not end; it waits"
    queue.settled(A)
    queue.add(A)
    assert await taken(queue) == [A]


async def test_what_is_not_urgent_is_not_spaced(clock: Clock) -> None:
    queue = WorkQueue()
    queue.add(A)
    await taken(queue)
    queue.add(A, urgent=False)
    assert await taken(queue) == [A]


async def test_a_key_comes_back_after_a_time() -> None:
    queue = WorkQueue()
    queue.add_after(A, 0.001)
    assert len(queue) == 0
    assert await queue.get() == A


async def test_the_earlier_of_two_times_counts() -> None:
    queue = WorkQueue()
    queue.add_after(A, 3600)
    queue.add_after(A, 0.001)
    queue.add_after(A, 3600)
    assert await queue.get() == A


async def test_a_pass_makes_the_time_that_was_asked_for_moot() -> None:
    queue = WorkQueue()
    queue.add_after(A, 0.0)
    queue.add(A)
    assert await queue.get() == A
    await asyncio.sleep(0)
    queue.done(A)
    assert len(queue) == 0


async def test_a_time_that_comes_during_a_pass_asks_for_another() -> None:
    queue = WorkQueue()
    queue.add(A)
    await queue.get()
    queue.add_after(A, 0.0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    queue.done(A)
    assert await taken(queue) == [A]


async def test_a_time_that_comes_while_the_key_is_queued_changes_nothing() -> None:
    queue = WorkQueue()
    queue.add(A, urgent=False)
    queue.add_after(A, 0.0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await taken(queue) == [A]


async def test_a_root_that_is_gone_is_forgotten() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.add(B)
    queue.add_after(A, 0.0)
    queue.forget(A)
    await asyncio.sleep(0)
    assert await taken(queue) == [B]


def test_pauses_double_up_to_the_longest(clock: Clock) -> None:
    wait = Backoff(1.0, 5.0, free=2)
    pauses = []
    for _ in range(6):
        wait.strike()
        pauses.append(wait.left())
    assert pauses == [0.0, 0.0, 1.0, 2.0, 4.0, 5.0]
    clock.now += 3.0
    assert wait.left() == 2.0
    wait.reset()
    assert wait.left() == 0.0


def test_pauses_fade_with_time(clock: Clock) -> None:
    wait = Backoff(1.0, 5.0)
    for _ in range(4):
        wait.strike()
    clock.now += 5.0 + backoff.FADES_AFTER + 1.0
    assert wait.left() == 0.0
    wait.strike()
    assert wait.left() == 1.0


def test_a_thousand_failures_in_a_row_are_counted_without_harm(clock: Clock) -> None:
    wait = Backoff(2.0, 30.0)
    for _ in range(2000):
        wait.strike()
    assert wait.pause() == 30.0
