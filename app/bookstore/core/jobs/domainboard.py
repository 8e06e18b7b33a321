"""The jobs of one domain, as they stand in its own table."""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update

from bookstore.core.db.database import changed_rows, now
from bookstore.core.interfaces.jobs import JobRecord, JobState
from bookstore.core.jobs.kinds import Lane
from bookstore.core.jobs.models import JobColumns
from bookstore.core.jobs.queue import Queue

# Jobs run within seconds, so that one which is due for minutes waits for something.
LATE_AFTER = timedelta(minutes=5)
MOST_SHOWN = 100


class DomainBoard:
    """The jobs of a domain that is served here; see ``JobsService``."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._table = queue.table
        self._database = queue.database

    def troubled_jobs(self) -> list[JobRecord]:
        """Return failed and late jobs, the newest, failed ones first."""
        table = self._table
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
        with self._database.reading() as db:
            return [
                JobRecord(self._queue.domain, row.id, row.kind, JobState(row.state), *row[3:])
                for row in db.execute(query)
            ]

    def retry_job(self, job_id: int) -> bool:
        """Retry a failed or waiting job at once, with all of its attempts.

        :return: False when there is no such job, or it is done or being run.
        """
        return self._retry(self._table.id == job_id) == 1

    def retry_failed_jobs(self) -> int:
        """Retry all failed jobs; return how many."""
        return self._retry(self._table.failed_at.is_not(None))

    def dismiss_job(self, job_id: int) -> bool:
        """Set a failed job aside, as one that nobody can or need do; its reason is kept with it.

        :return: False when there is no such job, or it has not failed.
        """
        table = self._table
        failed = (table.id == job_id, table.failed_at.is_not(None), table.done_at.is_(None))
        aside = update(table).where(*failed).values(done_at=now())
        return self._database.transaction(lambda db: changed_rows(db, aside)) == 1

    def counts(self) -> dict[JobState, int]:
        """Return how many jobs are not done, by state; nought where there is none."""
        state = _state(self._table)
        query = select(state, func.count()).where(self._table.done_at.is_(None)).group_by(state)
        with self._database.reading() as db:
            found = {JobState(name): number for name, number in db.execute(query)}
        return {state: found.get(state, 0) for state in JobState}

    def oldest_seconds(self) -> float:
        """Return how long the oldest job has not been done; nought without one.

        Those that failed, and those that are for later and were not tried yet, do not count.
        """
        table, moment = self._table, now()
        query = select(func.min(table.created_at)).where(
            table.done_at.is_(None),
            table.failed_at.is_(None),
            or_(table.run_at <= moment, table.attempts > 0),
        )
        with self._database.reading() as db:
            oldest = db.scalar(query)
        return (moment - oldest).total_seconds() if oldest else 0

    def _retry(self, chosen: ColumnElement[bool]) -> int:
        table = self._table
        idle = or_(table.leased_until.is_(None), table.leased_until < now())
        again = (
            update(table)
            .where(chosen, table.done_at.is_(None), idle)
            .values(failed_at=None, attempts=0, run_at=now(), lease=None, leased_until=None)
        )
        count = self._database.transaction(lambda db: changed_rows(db, again))
        if count:
            for lane in Lane:
                self._queue.wake(lane)
        return count


def _state(table: type[JobColumns]) -> ColumnElement[str]:
    late = or_(table.error.is_not(None), table.run_at < now() - LATE_AFTER)
    return case(
        (table.failed_at.is_not(None), JobState.FAILED),
        (and_(late, table.leased_until.is_(None)), JobState.LATE),
        else_=JobState.WAITING,
    )
