"""Jobs that failed or are late: moderators see them, and have them tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from prometheus_client import REGISTRY
from sqlalchemy import update

from bookstore.cli.jobs import jobs as jobs_command
from bookstore.core.config.settings import Settings
from bookstore.core.db.database import changed_rows, now
from bookstore.core.interfaces.jobs import JobState
from bookstore.core.jobs.board import Board
from bookstore.core.jobs.domainboard import LATE_AFTER
from bookstore.core.jobs.kinds import GiveUp, Job, TryLater
from bookstore.core.jobs.queue import Queue
from bookstore.core.jobs.registry import Jobs
from bookstore.core.observability.metrics import count_jobs
from bookstore.core.services import service
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper

A_WHILE = timedelta(hours=2)
REFUSED = "The gateway refuses the refund."


class Refunds:
    """A kind of job whose outcome a test decides."""

    def __init__(self, app: Flask) -> None:
        self.jobs = service(Jobs, app)
        (self.queue,) = [queue for queue in self.jobs.queues if queue.domain == "orders"]
        self.outcome: Exception | None = None
        self.done: list[str] = []
        self.queue.handle("refund", self.run)

    def run(self, job: Job) -> None:
        if self.outcome is not None:
            raise self.outcome
        self.done.append(job.key)

    def add(self, key: str, late: timedelta = timedelta()) -> None:
        add(self.queue, "refund", key, late)

    def refuse(self, *keys: str) -> None:
        """Have refunds fail."""
        self.outcome = GiveUp(REFUSED)
        for key in keys:
            self.add(key)
        self.jobs.run_due()
        self.outcome = None


def add(queue: Queue, kind: str, key: str, late: timedelta = timedelta()) -> None:
    due = now() - late
    queue.database.transaction(lambda db: queue.add(db, kind, {}, key=key, run_at=due))


@pytest.fixture
def refunds(app: Flask) -> Refunds:
    """Give refunds to add."""
    return Refunds(app)


@pytest.fixture
def board(refunds: Refunds) -> Board:
    """Give what people see of the jobs."""
    return refunds.jobs.board()


@pytest.fixture
def command(settings: Settings) -> Callable[..., Result]:
    """Give the command line of jobs."""
    environment = {
        "SQLALCHEMY_DATABASE_URI": settings.database_url.render_as_string(hide_password=False),
        "INSTANCE_DIR": str(settings.instance_dir),
        "SECRET_KEY": settings.secret_key.get_secret_value() if settings.secret_key else "",
    }
    return lambda *words: CliRunner(env=environment).invoke(jobs_command, words)


def test_failed_jobs_and_late_ones_are_shown_and_others_are_not(
    refunds: Refunds, board: Board
) -> None:
    refunds.refuse("refused")
    refunds.add("done")
    refunds.jobs.run_due()
    refunds.add("fresh")
    refunds.add("late", 2 * LATE_AFTER)
    failed, late = board.troubled().jobs
    assert (failed.domain, failed.kind, failed.state) == ("orders", "refund", JobState.FAILED)
    assert (failed.error, failed.attempts) == (REFUSED, 1)
    assert (late.state, late.error, late.attempts) == (JobState.LATE, None, 0)
    counts = {name: number for name, number in board.counts().items() if number}
    assert counts == {
        ("orders", JobState.FAILED): 1,
        ("orders", JobState.LATE): 1,
        ("orders", JobState.WAITING): 1,
    }


def test_a_job_that_is_tried_again_and_again_is_late(refunds: Refunds, board: Board) -> None:
    refunds.outcome = TryLater("The gateway does not answer.")
    refunds.add("a")
    refunds.jobs.run_due()
    (late,) = board.troubled().jobs
    assert (late.state, late.error) == (JobState.LATE, "The gateway does not answer.")


def test_another_try_has_all_attempts_again(refunds: Refunds, board: Board) -> None:
    refunds.refuse("a")
    (failed,) = board.troubled().jobs
    assert board.retry("orders", failed.id)
    assert not board.retry("auth", failed.id)
    assert refunds.jobs.run_due() == 1
    assert refunds.done == ["a"]
    assert board.troubled().jobs == []
    assert not board.retry("orders", failed.id)


def test_a_failed_job_that_is_set_aside_is_shown_counted_and_tried_no_more(
    refunds: Refunds, board: Board
) -> None:
    refunds.refuse("a")
    (failed,) = board.troubled().jobs
    assert not board.dismiss("auth", failed.id)
    assert board.dismiss("orders", failed.id)
    assert board.troubled().jobs == []
    assert board.counts()["orders", JobState.FAILED] == 0
    assert not board.retry("orders", failed.id)
    assert not board.dismiss("orders", failed.id)
    assert refunds.jobs.run_due() == 0
    refunds.add("a")
    assert refunds.jobs.run_due() == 0


def test_a_job_that_is_late_is_not_set_aside(refunds: Refunds, board: Board) -> None:
    refunds.add("late", 2 * LATE_AFTER)
    (late,) = board.troubled().jobs
    assert not board.dismiss("orders", late.id)
    assert refunds.jobs.run_due() == 1


def test_the_metric_counts_jobs_by_domain_and_state(refunds: Refunds, board: Board) -> None:
    def counted(domain: str, state: str) -> float | None:
        labels = {"domain": domain, "state": state}
        return REGISTRY.get_sample_value("bookstore_jobs", labels)

    refunds.refuse("a", "b")
    count_jobs(board)
    assert (counted("orders", "failed"), counted("auth", "failed")) == (2, 0)


def test_the_metric_tells_the_age_of_the_oldest_job_that_waits(
    refunds: Refunds, board: Board
) -> None:
    def oldest() -> float | None:
        count_jobs(board)
        return REGISTRY.get_sample_value("bookstore_oldest_job_seconds", {"domain": "orders"})

    def grow_old(key: str) -> None:
        table = refunds.queue.table
        older = update(table).where(table.key == key).values(created_at=now() - A_WHILE)
        refunds.queue.database.transaction(lambda db: changed_rows(db, older))

    assert oldest() == 0
    refunds.refuse("failed")
    grow_old("failed")
    refunds.add("for later", -A_WHILE)
    grow_old("for later")
    assert oldest() == 0
    refunds.add("waiting")
    grow_old("waiting")
    assert oldest() == pytest.approx(A_WHILE.total_seconds(), rel=0.1)
    refunds.jobs.run_due()
    assert oldest() == 0
    refunds.outcome = TryLater("The gateway does not answer.")
    refunds.add("put off")
    grow_old("put off")
    refunds.jobs.run_due()
    assert oldest() == pytest.approx(A_WHILE.total_seconds(), rel=0.1)


@on_sqlite
def test_a_moderator_sees_failed_jobs_and_has_one_tried_again(
    refunds: Refunds, admin: Shopper
) -> None:
    assert "Every job is done or on its way." in admin.get("/admin/jobs").text
    refunds.refuse("a")
    page = admin.get("/admin/jobs").text
    assert REFUSED in page
    assert "1 attempt" in page
    (failed,) = refunds.jobs.board().troubled().jobs
    sent = {"domain": "orders", "job_id": str(failed.id)}
    again = admin.post("/admin/jobs", sent)
    assert again.location == "/admin/jobs"
    assert "The job is tried again." in admin.get("/admin/jobs").text
    refunds.jobs.run_due()
    assert refunds.done == ["a"]
    refused = admin.post("/admin/jobs", sent)
    assert refused.status_code == 409
    assert "This job is done, or it is being run now." in refused.text


@on_sqlite
def test_a_moderator_sets_a_failed_job_aside(refunds: Refunds, admin: Shopper) -> None:
    refunds.refuse("a")
    (failed,) = refunds.jobs.board().troubled().jobs
    sent = {"domain": "orders", "job_id": str(failed.id), "action": "dismiss"}
    assert admin.post("/admin/jobs", sent).location == "/admin/jobs"
    assert "The job is set aside." in admin.get("/admin/jobs").text
    assert "Every job is done or on its way." in admin.get("/admin/jobs").text
    refused = admin.post("/admin/jobs", sent)
    assert refused.status_code == 409
    assert "Only a job that failed can be set aside" in refused.text


@on_sqlite
def test_nobody_else_sees_jobs(buyer: Shopper, visitor: Shopper) -> None:
    for person in (buyer, visitor):
        assert person.get("/admin/jobs").status_code == 404


@on_sqlite
def test_a_program_of_a_moderator_does_the_same(
    refunds: Refunds, moderator: Client, client: Client
) -> None:
    refunds.refuse("a")
    (shown,) = moderator.get("/admin/jobs").json["items"]
    assert (shown["kind"], shown["state"], shown["error"]) == ("refund", "failed", REFUSED)
    sent = {"domain": shown["domain"], "job_id": shown["id"]}
    assert client.post("/admin/jobs/retry", sent).status_code == 404
    assert moderator.post("/admin/jobs/retry", sent).status_code == 204
    assert moderator.post("/admin/jobs/retry", {**sent, "job_id": 999}).status_code == 409
    assert moderator.post("/admin/jobs/dismiss", sent).status_code == 409
    refunds.jobs.run_due()
    refunds.refuse("b")
    (shown,) = moderator.get("/admin/jobs").json["items"]
    sent = {"domain": shown["domain"], "job_id": shown["id"]}
    assert client.post("/admin/jobs/dismiss", sent).status_code == 404
    assert moderator.post("/admin/jobs/dismiss", sent).status_code == 204
    assert moderator.get("/admin/jobs").json["items"] == []


@on_sqlite
def test_the_command_line_lists_jobs_and_has_them_tried_again(
    refunds: Refunds, command: Callable[..., Result]
) -> None:
    refunds.refuse("a", "b")
    listed = command("list")
    assert listed.exit_code == 0
    assert listed.stdout.count("refund  attempts 1") == 2
    assert REFUSED in listed.stdout
    assert "orders: 2 failed" in listed.stderr
    (first, _second) = refunds.jobs.board().troubled().jobs
    assert f"orders {first.id} is tried again." in command("retry", "orders", str(first.id)).output
    assert "1 jobs are tried again." in command("retry", "--all").output
    assert refunds.jobs.run_due() == 2
    refunds.refuse("c")
    (third,) = refunds.jobs.board().troubled().jobs
    assert f"orders {third.id} is set aside." in command("dismiss", "orders", str(third.id)).output
    again = command("dismiss", "orders", str(third.id))
    assert again.exit_code == 1
    assert f"There is no failed job {third.id} of orders to set aside" in again.output
    unknown = command("retry", "orders", "999")
    assert unknown.exit_code == 1
    assert "There is no job 999 of orders to try" in unknown.output
    assert "Name the domain and the id of a job, or --all alone." in command("retry").output


@on_sqlite
def test_the_command_line_runs_what_is_due(app: Flask, command: Callable[..., Result]) -> None:
    (queue, *_) = service(Jobs, app).queues
    add(queue, "jobs.purge", "now")
    assert command("run").output == "1 jobs were run.\n"
    assert command("run").output == "0 jobs were run.\n"
