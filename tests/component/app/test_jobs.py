"""Jobs: added with their cause, run once by one worker, tried again, and failed in the open."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from bookstore.auth.models import AuthJob
from bookstore.catalogue.models import CatalogueJob
from bookstore.core.db.database import Database, now
from bookstore.core.jobs.kinds import GiveUp, Job, Lane, TryLater
from bookstore.core.jobs.leases import KEPT_DONE, Leases
from bookstore.core.jobs.queue import Queue, UnknownKind
from bookstore.core.jobs.registry import Jobs
from bookstore.core.jobs.running import KILLED, run_due
from bookstore.core.jobs.worker import Worker
from bookstore.core.services import service
from bookstore.orders.models import OrdersJob
from tests.component.app.databases import counted, on_sqlite
from tests.support.poll import eventually

GIVE_UP_SECONDS = 30
SOON = timedelta(seconds=1)


@pytest.fixture
def queue(database: Database) -> Queue:
    """Give a queue without handlers."""
    return Queue("orders", database, OrdersJob)


def add(queue: Queue, kind: str, *keys: str, **payload: object) -> None:
    def work(db):
        for key in keys:
            queue.add(db, kind, payload, key=key)

    queue.database.transaction(work)


def row(queue: Queue, key: str) -> OrdersJob:
    with queue.database.reading() as db:
        return db.scalars(select(OrdersJob).where(OrdersJob.key == key)).one()


def work_off(queue: Queue, moment=None) -> int:
    return run_due([queue], nullcontext, moment)


@contextmanager
def at_work(*queues: Queue, count: int = 1, poll: float = 0.01) -> Iterator[list[Worker]]:
    """Let workers run meanwhile, as the threads of several processes would."""
    workers = [Worker(queues, nullcontext, poll_seconds=poll) for _ in range(count)]
    for worker in workers:
        worker.start()
    yield workers
    for worker in workers:
        assert worker.stop(GIVE_UP_SECONDS)


def test_a_job_is_run_once_with_what_it_was_given(queue: Queue) -> None:
    seen: list[Job] = []
    queue.handle("greet", seen.append)
    add(queue, "greet", "a", order=7)
    add(queue, "greet", "a", order=8)
    assert work_off(queue) == 1
    assert work_off(queue) == 0
    add(queue, "greet", "a", order=9)
    assert work_off(queue) == 0
    (job,) = seen
    assert (job.kind, job.key, job.payload, job.attempts) == ("greet", "a", {"order": 7}, 1)
    assert row(queue, "a").done_at is not None


def test_a_job_ends_with_the_transaction_that_it_was_added_in(queue: Queue) -> None:
    queue.handle("greet", lambda _job: None)

    def work(db):
        queue.add(db, "greet", {}, key="a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        queue.database.transaction(work)
    assert work_off(queue) == 0


def test_a_job_waits_for_its_moment(queue: Queue) -> None:
    queue.handle("greet", lambda _job: None)
    later = now() + timedelta(minutes=10)
    queue.database.transaction(lambda db: queue.add(db, "greet", {}, run_at=later))
    assert work_off(queue) == 0
    assert work_off(queue, later + SOON) == 1


@on_sqlite
def test_a_kind_needs_one_handler(queue: Queue) -> None:
    with pytest.raises(UnknownKind, match="sing has no handler in the jobs of orders"):
        add(queue, "sing", "a")
    queue.handle("sing", lambda _job: None)
    with pytest.raises(UnknownKind, match="sing has a handler already"):
        queue.handle("sing", lambda _job: None)


def test_many_workers_run_each_job_once_and_never_at_once(queue: Queue) -> None:
    begun: Counter[str] = Counter()
    everything_begun = threading.Event()
    jobs = [str(number) for number in range(40)]

    def run(job: Job) -> None:
        begun[job.key] += 1
        if len(begun) == len(jobs):
            everything_begun.set()

    queue.handle("count", run)
    add(queue, "count", *jobs)
    with at_work(queue, count=4):
        assert everything_begun.wait(GIVE_UP_SECONDS)
    assert begun == Counter(jobs)


def test_a_commit_has_its_queue_asked_and_no_other(queue: Queue, database: Database) -> None:
    """Looking for nothing in three queues costs more than the mail of a purchase."""
    other = Queue("catalogue", database, CatalogueJob)
    other.handle("rest", lambda _job: None)
    queue.handle("greet", lambda _job: None)

    def run(key: str) -> None:
        def done() -> None:
            assert row(queue, key).done_at is not None

        add(queue, "greet", key)
        eventually(done, within=GIVE_UP_SECONDS)

    with at_work(queue, other, poll=10 * GIVE_UP_SECONDS):
        # The first look is at all of them.
        run("a")
        run("b")
        with counted(database) as asked:
            run("c")
    assert [statement for statement in asked if "catalogue_jobs" in statement] == []


def test_one_of_many_gets_the_lease(queue: Queue) -> None:
    queue.handle("count", lambda _job: None)
    add(queue, "count", "a")
    start = threading.Barrier(6)
    taken: list[Job | None] = []

    def take() -> None:
        start.wait()
        taken.append(Leases(queue).take(["count"]))

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job is None for job in taken) == [False, True, True, True, True, True]


def test_the_job_of_a_killed_worker_is_taken_over_once_its_lease_has_expired(queue: Queue) -> None:
    done: list[int] = []
    queue.handle("count", lambda job: done.append(job.attempts), lease_seconds=60)
    add(queue, "count", "a")
    killed = Leases(queue).take(["count"])
    assert killed is not None
    assert work_off(queue, now() + timedelta(seconds=50)) == 0
    assert work_off(queue, now() + timedelta(seconds=70)) == 1
    assert done == [2]
    # Whoever was not dead after all changes nothing any more.
    assert not Leases(queue).put_off(killed, "late")
    assert row(queue, "a").error is None


def test_who_took_longer_than_the_lease_leaves_the_job_to_whoever_took_it_over(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    begun: list[int] = []

    def outlive_the_lease(job: Job) -> None:
        begun.append(job.attempts)
        if job.attempts == 1:
            assert work_off(queue, now() + timedelta(seconds=70)) == 1
            raise TryLater("nobody hears this")

    queue.handle("count", outlive_the_lease, lease_seconds=60)
    add(queue, "count", "a")
    assert work_off(queue) == 1
    assert begun == [1, 2]
    kept = row(queue, "a")
    assert (kept.done_at is not None, kept.error) == (True, None)
    assert "job took longer than its lease" in caplog.messages


def test_a_job_that_kills_its_worker_fails_in_the_end(queue: Queue) -> None:
    queue.handle("count", lambda _job: None, attempts=3, lease_seconds=1)
    add(queue, "count", "a")
    moment = now()
    for _ in range(3):
        assert Leases(queue).take(["count"], moment) is not None
        moment += timedelta(seconds=2)
    work_off(queue, moment)
    assert row(queue, "a").error == KILLED
    assert row(queue, "a").failed_at is not None


def test_each_pause_is_longer_until_the_attempts_are_used_up(queue: Queue) -> None:
    def refuse(_job: Job) -> None:
        raise TryLater("the gateway does not answer")

    queue.handle("pay", refuse, attempts=5, first_pause_seconds=10)
    add(queue, "pay", "a")
    pauses: list[timedelta] = []
    moment = now() + SOON
    for _ in range(4):
        before = now()
        assert work_off(queue, moment) == 1
        pauses.append(row(queue, "a").run_at - before)
        moment = row(queue, "a").run_at + SOON
        assert work_off(queue, row(queue, "a").run_at - SOON) == 0
    assert pauses == sorted(pauses)
    assert pauses[-1] > 3 * pauses[0]
    assert row(queue, "a").failed_at is None
    assert work_off(queue, moment) == 1
    failed = row(queue, "a")
    assert failed.failed_at is not None
    assert failed.error == "the gateway does not answer"
    assert work_off(queue, moment + timedelta(days=1)) == 0


def test_what_can_never_be_done_fails_at_once(queue: Queue) -> None:
    def give_up(_job: Job) -> None:
        raise GiveUp("no such order")

    queue.handle("pay", give_up)
    add(queue, "pay", "a")
    assert work_off(queue) == 1
    assert (row(queue, "a").error, row(queue, "a").attempts) == ("no such order", 1)
    assert row(queue, "a").failed_at is not None


@on_sqlite
def test_a_bug_is_told_without_its_words(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    def stumble(job: Job) -> None:
        raise ValueError(f"{job.key}@example.com is wrong")

    queue.handle("greet", stumble)
    add(queue, "greet", "ana")
    work_off(queue)
    error = row(queue, "ana").error
    assert error is not None
    assert error.startswith("ValueError in test_jobs.py, line ")
    (record,) = caplog.records
    assert record.__dict__["kind"] == "greet"
    assert "stumble" in record.__dict__["stack"]
    assert "ana@" not in f"{record.__dict__} {error}"


def test_jobs_that_fail_for_ever_keep_no_other_waiting(queue: Queue) -> None:
    done = threading.Event()
    refused: Counter[str] = Counter()

    def refuse(job: Job) -> None:
        refused[job.key] += 1
        raise TryLater("refused")

    queue.handle("refund", refuse, attempts=1000, first_pause_seconds=0.001)
    queue.handle("mail", lambda _job: done.set())
    add(queue, "refund", *map(str, range(20)))
    with at_work(queue):
        add(queue, "mail", "a")
        assert done.wait(GIVE_UP_SECONDS)
    assert row(queue, "a").done_at is not None


def test_a_slow_mail_holds_up_no_step(queue: Queue) -> None:
    settled, sent = threading.Event(), threading.Event()

    def send(_job: Job) -> None:
        if settled.wait(GIVE_UP_SECONDS):
            sent.set()

    queue.handle("mail.sale", send, lane=Lane.MAIL)
    queue.handle("settle", lambda _job: settled.set())
    with at_work(queue):
        add(queue, "mail.sale", "a")
        add(queue, "settle", "b")
        assert sent.wait(GIVE_UP_SECONDS)


def test_a_commit_wakes_the_worker_of_its_process(queue: Queue) -> None:
    done = threading.Event()
    queue.handle("greet", lambda _job: done.set())
    with at_work(queue, poll=10 * GIVE_UP_SECONDS):
        add(queue, "greet", "a")
        assert done.wait(GIVE_UP_SECONDS)


def test_a_worker_that_ends_waits_for_the_job_that_runs_and_begins_no_other(queue: Queue) -> None:
    running, end = threading.Event(), threading.Event()

    def run(_job: Job) -> None:
        running.set()
        assert end.wait(GIVE_UP_SECONDS)

    queue.handle("greet", run)
    add(queue, "greet", "a", "b")
    worker = Worker([queue], nullcontext, poll_seconds=0.01)
    worker.start()
    assert running.wait(GIVE_UP_SECONDS)
    assert not worker.stop(0)
    end.set()
    assert worker.stop(GIVE_UP_SECONDS)
    assert sorted(row(queue, key).done_at is None for key in "ab") == [False, True]


def test_a_periodic_job_is_run_once_in_its_period_by_all_workers(queue: Queue) -> None:
    runs: list[str] = []
    done = threading.Event()

    def sweep(job: Job) -> None:
        runs.append(job.key)
        done.set()

    queue.handle("sweep", sweep, every_seconds=365 * 24 * 3600)
    queue.handle("greet", lambda _job: None)
    with at_work(queue, count=3):
        assert done.wait(GIVE_UP_SECONDS)
        add(queue, "greet", "a")
    assert len(runs) == 1


def test_an_event_is_a_job_for_each_subscriber(queue: Queue) -> None:
    told: list[tuple[str, object]] = []

    def tell(who: str) -> Callable[[Job], None]:
        return lambda job: told.append((who, job.payload["order"]))

    queue.subscribe("order.paid", "catalogue", tell("catalogue"))
    queue.subscribe("order.paid", "auth", tell("auth"))
    for _ in range(2):
        queue.database.transaction(
            lambda db: queue.publish(db, "order.paid", {"order": 7}, key="7")
        )
    work_off(queue)
    assert sorted(told) == [("auth", 7), ("catalogue", 7)]


def test_what_was_done_long_ago_is_forgotten(queue: Queue) -> None:
    queue.handle("greet", lambda _job: None)
    add(queue, "greet", "old", "new")
    work_off(queue)
    long_ago = now() - KEPT_DONE - SOON
    aged = update(OrdersJob).where(OrdersJob.key == "old").values(done_at=long_ago)
    queue.database.transaction(lambda db: db.execute(aged).close())
    assert Leases(queue).purge() == 1
    assert row(queue, "new").done_at is not None


@on_sqlite
def test_a_handler_runs_in_the_given_context(queue: Queue) -> None:
    inside: list[bool] = []
    seen: list[bool] = []

    @contextmanager
    def context() -> Iterator[None]:
        inside.append(True)
        yield
        inside.clear()

    given: Callable[[], AbstractContextManager[None]] = context
    queue.handle("greet", lambda _job: seen.append(bool(inside)))
    add(queue, "greet", "a")
    run_due([queue], given)
    assert seen == [True]


@on_sqlite
def test_each_domain_of_the_shop_has_its_own_jobs(app: Flask) -> None:
    queues = service(Jobs, app).queues
    tables: dict[str, object] = {queue.domain: queue.table for queue in queues}
    assert tables == {"auth": AuthJob, "catalogue": CatalogueJob, "orders": OrdersJob}
