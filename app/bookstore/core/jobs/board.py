"""What people see of jobs that failed or are late, and what they do about them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update

from bookstore.core.db.database import changed_rows, now
from bookstore.core.jobs.kinds import Lane
from bookstore.core.jobs.models import JobColumns
from bookstore.core.jobs.queue import Queue

# Jobs run within seconds, so that one which is due for minutes waits for something.
LATE_AFTER = timedelta(minutes=5)
MOST_SHOWN = 100


class JobState(StrEnum):
    """How a job stands that is not done.

    A late one was due minutes ago, or is tried again after a failure.
    """

    WAITING = "waiting"
    LATE = "late"
    FAILED = "failed"


@dataclass(frozen=True)
class JobRecord:
    """A job as people see it; its error names nobody."""

    domain: str
    id: int
    kind: str
    state: JobState
    attempts: int
    created_at: datetime
    run_at: datetime
    error: str | None


class Board:
    """The jobs of all domains that are served here."""

    def __init__(self, queues: Sequence[Queue]) -> None:
        self._queues = queues

    def troubled(self) -> list[JobRecord]:
        """Return failed and late jobs, the newest of each domain, failed ones first."""
        return [record for queue in self._queues for record in _troubled(queue)]

    def counts(self) -> dict[tuple[str, JobState], int]:
        """Return how many jobs are not done, by domain and state; nought where there is none."""
        found: Counter[tuple[str, JobState]] = Counter()
        for queue in self._queues:
            table = queue.table
            state = _state(table)
            query = select(state, func.count()).where(table.done_at.is_(None)).group_by(state)
            with queue.database.reading() as db:
                for name, number in db.execute(query):
                    found[queue.domain, JobState(name)] = number
        return {(queue.domain, state): found[queue.domain, state]
                for queue in self._queues for state in JobState}  # fmt: skip

    def oldest_seconds(self) -> dict[str, float]:
        """Return how long the oldest job of each domain has not been done; nought without one.

        Those that failed, and those that are for later and were not tried yet, do not count.
        """
        return {queue.domain: _oldest_seconds(queue) for queue in self._queues}

    def retry(self, domain: str, job_id: int) -> bool:
        """Retry a failed or waiting job at once, with all of its attempts.

        :return: False when there is no such job, or it is done or being run.
        """
        return any(
            self._retry(queue, queue.table.id == job_id)
            for queue in self._queues
            if queue.domain == domain
        )

    def retry_failed(self) -> int:
        """Retry all failed jobs; return how many."""
        return sum(self._retry(queue, queue.table.failed_at.is_not(None)) for queue in self._queues)

    def dismiss(self, domain: str, job_id: int) -> bool:
        """Set a failed job aside, as one that nobody can or need do; its reason is kept with it.

        :return: False when there is no such job, or it has not failed.
        """
        return any(self._dismiss(queue, job_id) for queue in self._queues if queue.domain == domain)

    @staticmethod
    def _dismiss(queue: Queue, job_id: int) -> bool:
        table = queue.table
        failed = (table.id == job_id, table.failed_at.is_not(None), table.done_at.is_(None))
        aside = update(table).where(*failed).values(done_at=now())
        return queue.database.transaction(lambda db: changed_rows(db, aside)) == 1

    @staticmethod
    def _retry(queue: Queue, chosen: ColumnElement[bool]) -> int:
        table = queue.table
        idle = or_(table.leased_until.is_(None), table.leased_until < now())
        again = (
            update(table)
            .where(chosen, table.done_at.is_(None), idle)
            .values(failed_at=None, attempts=0, run_at=now(), lease=None, leased_until=None)
        )
        count = queue.database.transaction(lambda db: changed_rows(db, again))
        if count:
            for lane in Lane:
                queue.wake(lane)
        return count


def _oldest_seconds(queue: Queue) -> float:
    table, moment = queue.table, now()
    query = select(func.min(table.created_at)).where(
        table.done_at.is_(None),
        table.failed_at.is_(None),
        or_(table.run_at <= moment, table.attempts > 0),
    )
    with queue.database.reading() as db:
        oldest = db.scalar(query)
    return (moment - oldest).total_seconds() if oldest else 0


def _state(table: type[JobColumns]) -> ColumnElement[str]:
    late = or_(table.error.is_not(None), table.run_at < now() - LATE_AFTER)
    return case(
        (table.failed_at.is_not(None), JobState.FAILED),
        (and_(late, table.leased_until.is_(None)), JobState.LATE),
        else_=JobState.WAITING,
    )


def _troubled(queue: Queue) -> Iterable[JobRecord]:
    table = queue.table
    state = _state(table)
    query = (
        select(
            table.id,
            table.kind,
            state.label("state"),
            table.attempts,
            table.created_at,
            table.run_at,
            table.error,
        )
        .where(table.done_at.is_(None), state.in_([JobState.FAILED, JobState.LATE]))
        .order_by(table.failed_at.is_(None), table.id.desc())
        .limit(MOST_SHOWN)
    )
    with queue.database.reading() as db:
        return [
            JobRecord(queue.domain, row.id, row.kind, JobState(row.state), *row[3:])
            for row in db.execute(query)
        ]
