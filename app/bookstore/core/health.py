"""Probes: alive is the process alone, ready is the process with its database."""

import mmap
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from flask import Blueprint, Response, current_app
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bookstore.core.config import Settings
from bookstore.core.db import build_engine
from bookstore.core.mysql import tls_arguments

CACHED_SECONDS = 1.0
REVISIONS = Path(__file__).parent.parent / "migrations" / "versions"
PREVIOUS = re.compile(r'^down_revision = "(.+)"$', re.MULTILINE)
PROBE_TIMEOUT_SECONDS = 2

blueprint = Blueprint("health", __name__)


@dataclass
class Readiness:
    """Answer whether the shop can serve, asking the database once a second at most.

    Its schema must be there: a pod may start beside the first migration. Whether it drains is
    kept in memory that forked workers share, so that the first process tells them all.
    """

    engine: Engine
    older_revisions: frozenset[str] = field(default_factory=lambda: frozenset(revisions()[:-1]))
    _draining: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 1))
    _checked: float = field(default=float("-inf"))
    _ready: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def draining(self) -> bool:
        """Tell whether this server is about to end and wants no new requests."""
        return self._draining[0] != 0

    def drain(self) -> None:
        """Be unready from now on, in all workers."""
        self._draining[0] = 1

    def ready(self) -> bool:
        """Return whether the process is not draining and its database answers."""
        if self.draining:
            return False
        with self._lock:
            if time.monotonic() - self._checked > CACHED_SECONDS:
                self._ready = self._database_answers()
                self._checked = time.monotonic()
            return self._ready

    def _database_answers(self) -> bool:
        try:
            with self.engine.connect() as connection:
                revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
        except SQLAlchemyError:
            return False
        # A revision that we do not know is newer: migrations work with the version before.
        return revision is not None and revision not in self.older_revisions


def revisions() -> list[str]:
    """Return the revisions of this version, oldest first; each file is named as its revision.

    Their order is the one in which each names the one before, whatever their numbers.
    """
    following: dict[str, str] = {}
    for path in REVISIONS.glob("[0-9]*.py"):
        before = PREVIOUS.search(path.read_text(encoding="utf-8"))
        following[before[1] if before else ""] = path.stem
    ordered: list[str] = []
    while (revision := following.get(ordered[-1] if ordered else "")) is not None:
        ordered.append(revision)
    return ordered


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
    """Answer 200 when requests can be served, 503 while the database is away or we drain."""
    readiness: Readiness = current_app.extensions["bookstore.readiness"]
    if readiness.ready():
        return Response("ready\n", mimetype="text/plain")
    reason = "draining\n" if readiness.draining else "database unreachable\n"
    return Response(reason, status=503, mimetype="text/plain")
