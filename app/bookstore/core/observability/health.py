"""Probes: alive is the process alone, ready is the process with its database."""

import mmap
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from flask import Blueprint, Response
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bookstore.core.config.settings import Settings
from bookstore.core.db.engine import build_engine, tls_arguments
from bookstore.core.db.obstacles import Obstacle, is_read_only, obstacle_of
from bookstore.core.db.schema import DOMAINS, read_schema, revisions
from bookstore.core.services import service

CACHED_SECONDS = 1.0
PROBE_TIMEOUT_SECONDS = 2

blueprint = Blueprint("health", __name__)


@dataclass
class Readiness:
    """Whether the shop can serve; the database is asked once a second at most.

    The schema of each served domain must be there, for a pod may start beside the first
    migration, and may be newer than ours if it says that we work with it, as during the rollout
    of the next version. Whether it drains is kept in memory that forked workers share, so that
    the first process tells them all.
    """

    engine: Engine
    domains: Collection[str] = DOMAINS
    _draining: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 1))
    _checked: float = field(default=float("-inf"))
    _obstacle: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def draining(self) -> bool:
        """Whether this server is about to end and wants no new requests."""
        return self._draining[0] != 0

    def drain(self) -> None:
        """Make all workers unready for good."""
        self._draining[0] = 1

    def obstacle(self) -> str | None:
        """Return in a few words why the shop cannot serve, or None when it can."""
        if self.draining:
            return "draining"
        with self._lock:
            if time.monotonic() - self._checked > CACHED_SECONDS:
                self._obstacle = self._obstacle_of_database()
                self._checked = time.monotonic()
            return self._obstacle

    def _obstacle_of_database(self) -> str | None:
        try:
            with self.engine.connect() as connection:
                if is_read_only(connection):
                    return Obstacle.READ_ONLY.value
                found = [_obstacle_of_schema(connection, domain) for domain in self.domains]
        except SQLAlchemyError as error:
            return obstacle_of(error).value
        return next(filter(None, found), None)


def _obstacle_of_schema(connection: Connection, domain: str) -> str | None:
    schema, known = read_schema(connection, domain), revisions(domain)
    if schema is None or schema.revision in known[:-1]:
        return "schema too old"
    return None if schema.works_with(known) else "schema too new"


def probe_engine(settings: Settings) -> Engine:
    """Build an engine for the probe alone: a busy pool is no outage, a slow server is one."""
    if settings.on_sqlite:
        return build_engine(settings)
    return create_engine(
        settings.database_url,
        poolclass=NullPool,
        connect_args={
            "connect_timeout": PROBE_TIMEOUT_SECONDS,
            "read_timeout": PROBE_TIMEOUT_SECONDS,
            "write_timeout": PROBE_TIMEOUT_SECONDS,
            **tls_arguments(settings),
        },
    )


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer 200 as long as the process lives; an outage of the database never restarts it."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200 when requests can be served, else 503 and why: its database, or we drain."""
    readiness = service(Readiness)
    obstacle = readiness.obstacle()
    if obstacle is None:
        return Response("ready\n", mimetype="text/plain")
    return Response(f"{obstacle}\n", status=503, mimetype="text/plain")
