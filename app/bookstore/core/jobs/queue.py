"""A domain's queue of jobs: the domain registers handlers, adds jobs and publishes events."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Insert
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.orm import Session

from bookstore.core.db.database import ON_MYSQL, Database, now, once_committed
from bookstore.core.jobs.kinds import LONGEST_PAUSE_SECONDS, Job, Kind, Lane
from bookstore.core.jobs.models import JobColumns
from bookstore.core.observability import trace

# The key of a payload under which a recorded trace goes on, where a job was added in one.
TRACED = "traceparent"


class UnknownKind(Exception):
    """A job was added whose kind has no handler, or a kind was registered twice."""


class Queue:
    """The jobs of one domain."""

    def __init__(self, domain: str, database: Database, table: type[JobColumns]) -> None:
        self.domain = domain
        self.database = database
        self.table = table
        self.kinds: dict[str, Kind] = {}
        self._subscribers: dict[str, list[str]] = {}
        self._listeners: list[Callable[[Lane], None]] = []

    def handle(
        self,
        kind: str,
        run: Callable[[Job], object],
        *,
        attempts: int = 12,
        first_pause_seconds: float = 5,
        longest_pause_seconds: float = LONGEST_PAUSE_SECONDS,
        lease_seconds: float = 120,
        every_seconds: float | None = None,
        lane: Lane = Lane.STEPS,
    ) -> None:
        """Register what runs the jobs of a kind.

        :param run: runs a job, outside of any transaction. It raises TryLater for what is away
            and GiveUp for what can never be done; anything else that it raises is a bug, and the
            job is tried again all the same. It may begin twice for a job, never at once.
        :param attempts: how often it is begun before the job has failed; with the defaults that
            is after some hours.
        :param first_pause_seconds: the pause after the first attempt; each is twice the last, up to
            ``longest_pause_seconds``.
        :param lease_seconds: more than the handler can take. When a process was killed, another
            takes its jobs over after that time.
        :param every_seconds: add such a job by itself once in each period.
        :raise UnknownKind: when the kind has a handler already.
        """
        if kind in self.kinds:
            raise UnknownKind(f"{kind} has a handler already")
        self.kinds[kind] = Kind(
            kind,
            run,
            attempts,
            first_pause_seconds,
            longest_pause_seconds,
            lease_seconds,
            every_seconds,
            lane,
        )

    def add(
        self,
        db: Session,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None = None,
        run_at: datetime | None = None,
    ) -> None:
        """Add a job in the caller's transaction; it is run soon after the commit.

        :param payload: what the handler needs, as JSON: ids and parameters, never a secret, an
            address or a name of a person.
        :param key: names the job among its kind, 100 characters at most. What was added before
            under the same kind and key is kept as it is, also when it is done.
        :param run_at: when to run it first; by default at once.
        :raise UnknownKind: when the kind has no handler.
        """
        if kind not in self.kinds:
            raise UnknownKind(f"{kind} has no handler in the jobs of {self.domain}")
        place = trace.recorded_place()
        traced = {TRACED: place.header()} if place else {}
        values = {
            "kind": kind,
            "key": key or uuid.uuid4().hex,
            "payload": json.dumps({**payload, **traced}, separators=(",", ":")),
            "created_at": now(),
            "run_at": run_at or now(),
            "attempts": 0,
        }
        db.execute(self._insert(db, values))
        once_committed(db, partial(self.wake, self.kinds[kind].lane))

    def subscribe(self, event: str, subscriber: str, run: Callable[[Job], object]) -> None:
        """Subscribe another domain to an event, by a job of its own.

        :param subscriber: the domain that is told.
        :param run: tells it; see ``handle``.
        """
        kind = f"{event}:{subscriber}"
        self.handle(kind, run)
        self.follow(event, kind)

    def follow(self, event: str, kind: str) -> None:
        """Add a job of a kind at each event, such as a mail; the kind has a handler."""
        self._subscribers.setdefault(event, []).append(kind)

    def is_followed(self, event: str) -> bool:
        """Return whether any job follows an event."""
        return event in self._subscribers

    def publish(self, db: Session, event: str, payload: Mapping[str, Any], *, key: str) -> None:
        """Add the jobs that follow an event, in the caller's transaction; see ``add``."""
        for kind in self._subscribers.get(event, []):
            self.add(db, kind, payload, key=key)

    def on_added(self, listener: Callable[[Lane], None]) -> None:
        """Call a listener with the lane after each commit in this process that added a job."""
        self._listeners.append(listener)

    def wake(self, lane: Lane) -> None:
        """Wake this process's worker for jobs of a lane."""
        for listener in self._listeners:
            listener(lane)

    def _insert(self, db: Session, values: Mapping[str, Any]) -> Insert:
        if db.get_bind().dialect.name in ON_MYSQL:
            added = mysql.insert(self.table).values(values)
            # Nothing changes; INSERT IGNORE would swallow other errors too.
            return added.on_duplicate_key_update(kind=added.inserted.kind)
        return sqlite.insert(self.table).values(values).on_conflict_do_nothing()
