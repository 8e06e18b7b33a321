"""Probes: alive is the process alone, ready is the process with its database."""

import threading
import time
from dataclasses import dataclass, field

from flask import Blueprint, Response, current_app
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bookstore.core.config import Settings
from bookstore.core.db import build_engine, tls_arguments

CACHED_SECONDS = 1.0
PROBE_TIMEOUT_SECONDS = 2

blueprint = Blueprint("health", __name__)


@dataclass
class Readiness:
    """Answer whether the shop can serve, asking the database once a second at most."""

    engine: Engine
    draining: bool = False
    _checked: float = field(default=float("-inf"))
    _ready: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

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
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True


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
