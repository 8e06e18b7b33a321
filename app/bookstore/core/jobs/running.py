"""Run jobs: one that was leased, or all that are due."""

import logging
import traceback
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from bookstore.core.errors import ServiceUnavailable
from bookstore.core.jobs.kinds import GiveUp, Job, TryLater
from bookstore.core.jobs.leases import Leases
from bookstore.core.jobs.queue import Queue
from bookstore.core.observability import trace
from bookstore.core.observability.trace import Kind

KILLED = "The process that ran it ended before it did, at its last attempt too."

log = logging.getLogger("bookstore.jobs")

Context = Callable[[], AbstractContextManager[object]]


def run(queue: Queue, job: Job, context: Context) -> None:
    """Run a leased job and write down its end.

    :param context: what the handler runs in, such as the application's context.
    :raise SQLAlchemyError: when the end cannot be written; then the job is run again once its
        lease has expired.
    """
    about = {"bookstore.job": job.id, "bookstore.attempt": job.attempts}
    before = trace.begin(job.traceparent, f"{queue.domain} job {job.kind}", Kind.CONSUMER, about)
    try:
        _run(queue, job, context)
    finally:
        trace.end(before)


def _run(queue: Queue, job: Job, context: Context) -> None:
    leases = Leases(queue)
    kind = queue.kinds[job.kind]
    about = {"domain": queue.domain, "kind": job.kind, "job": job.id, "attempt": job.attempts}
    if job.attempts > kind.attempts:
        log.error("job failed", extra={**about, "error": KILLED})
        leases.fail(job, KILLED)
        return
    try:
        with context():
            kind.run(job)
    except (TryLater, ServiceUnavailable) as later:
        trace.fail(type(later).__name__)
        log.warning("job put off", extra={**about, "error": str(later)})
        kept = leases.put_off(job, str(later))
    except GiveUp as given_up:
        trace.fail("GiveUp")
        log.error("job failed", extra={**about, "error": str(given_up)})  # noqa: TRY400
        kept = leases.fail(job, str(given_up))
    except Exception as error:  # noqa: BLE001 - a bug in one job is no reason to end all others
        trace.fail(type(error).__name__)
        # Without its words, which may name people.
        stack = "".join(traceback.format_tb(error.__traceback__))
        log.error(  # noqa: TRY400
            "job put off", extra={**about, "error": _described(error), "stack": stack}
        )
        kept = leases.put_off(job, _described(error))
    else:
        kept = leases.done(job)
    if not kept:
        log.warning("job took longer than its lease", extra=about)


def run_due(queues: Iterable[Queue], context: Context, moment: datetime | None = None) -> int:
    """Run all jobs that are due, and those that they add, until there is none; return how many.

    :param moment: what is due by then; by default now. A job that is put off is due later.
    """
    everything = tuple(queues)
    count = 0
    while True:
        before = count
        for queue in everything:
            while (job := Leases(queue).take(queue.kinds, moment)) is not None:
                run(queue, job, context)
                count += 1
        if count == before:
            return count


def _described(error: Exception) -> str:
    """Return an exception's name and place, never its words."""
    *_, frame = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
