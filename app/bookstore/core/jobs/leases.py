"""How a worker takes a job, and what becomes of it.

A lease is one conditional UPDATE, which only one of many workers at once can win. It names the
worker's attempt, so that whoever took longer than the lease changes nothing of the next one's.
"""

import json
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, or_, select, update

from bookstore.core.db.database import changed_rows, now
from bookstore.core.jobs.kinds import Job
from bookstore.core.jobs.models import LONGEST_ERROR
from bookstore.core.jobs.queue import TRACED, Queue

# The first ones may have been taken by others meanwhile.
CANDIDATES = 16
KEPT_DONE = timedelta(days=30)
PURGED_AT_ONCE = 500


class Leases:
    """Take jobs of a queue, and write down their ends."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._table = queue.table
        self._database = queue.database

    def take(self, kinds: Collection[str], moment: datetime | None = None) -> Job | None:
        """Lease one job that is due, or return None.

        :param kinds: the kinds to choose among; a newer replica's are none of ours.
        :param moment: what is due by then; by default now.
        """
        moment = moment or now()
        table = self._table
        due = (
            select(table.id, table.kind, table.key, table.payload, table.created_at, table.attempts)
            .where(table.kind.in_(tuple(kinds)), *self._due(moment))
            .order_by(table.run_at)
            .limit(CANDIDATES)
        )
        with self._database.reading() as db:
            found = db.execute(due).all()
        for row in found:
            lease = uuid.uuid4().hex
            if self._lease(row, lease, moment):
                payload, attempts = json.loads(row.payload), row.attempts + 1
                added_in = payload.pop(TRACED, None)
                about = (row.id, row.kind, row.key, payload, row.created_at, attempts, lease)
                return Job(*about, added_in)
        return None

    def done(self, job: Job) -> bool:
        """Mark a job as done; False when its lease has gone to another."""
        return self._end(job, done_at=now(), error=None)

    def put_off(self, job: Job, error: str) -> bool:
        """Put a job off by its kind's pause, or fail it once its attempts are used up."""
        kind = self._queue.kinds[job.kind]
        if job.attempts >= kind.attempts:
            return self.fail(job, error)
        return self._end(job, run_at=now() + kind.pause(job.attempts), error=error[:LONGEST_ERROR])

    def fail(self, job: Job, error: str) -> bool:
        """Mark a job as failed: it is not tried again unless a person wants it."""
        return self._end(job, failed_at=now(), error=error[:LONGEST_ERROR])

    def purge(self) -> int:
        """Remove jobs that were done a month ago; return how many."""
        table = self._table
        old = select(table.id).where(table.done_at < now() - KEPT_DONE).limit(PURGED_AT_ONCE)
        removed = 0
        while True:
            with self._database.reading() as db:
                ids = db.scalars(old).all()
            if not ids:
                return removed
            self._remove(ids)
            removed += len(ids)

    def _remove(self, ids: Sequence[int]) -> None:
        gone = delete(self._table).where(self._table.id.in_(ids))
        self._database.transaction(lambda db: db.execute(gone).close())

    def _due(self, moment: datetime) -> tuple[ColumnElement[bool], ...]:
        table = self._table
        return (
            table.done_at.is_(None),
            table.failed_at.is_(None),
            table.run_at <= moment,
            or_(table.leased_until.is_(None), table.leased_until < moment),
        )

    def _lease(self, row: Row[*tuple[Any, ...]], lease: str, moment: datetime) -> bool:
        table = self._table
        until = moment + timedelta(seconds=self._queue.kinds[row.kind].lease_seconds)
        statement = (
            update(table)
            .where(table.id == row.id, table.attempts == row.attempts, *self._due(moment))
            .values(lease=lease, leased_until=until, attempts=row.attempts + 1)
        )
        return self._database.transaction(lambda db: changed_rows(db, statement) == 1)

    def _end(self, job: Job, **values: Any) -> bool:
        table = self._table
        statement = (
            update(table)
            .where(table.id == job.id, table.lease == job.lease, table.done_at.is_(None))
            .values(lease=None, leased_until=None, **values)
        )
        return self._database.transaction(lambda db: changed_rows(db, statement) == 1)
