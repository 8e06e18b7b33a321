"""The gunicorn that serves the shop, set up in code so that no file needs to be written."""

import logging
import os
import signal
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database
from bookstore.core.jobs.registry import Jobs
from bookstore.core.jobs.worker import Worker as JobWorker
from bookstore.core.observability.health import Readiness
from bookstore.core.observability.logging import without_tokens
from bookstore.core.observability.metrics import MetricsServer, count_jobs
from bookstore.core.services import service
from bookstore.standalone import make_shop

if TYPE_CHECKING:
    from bookstore.core.observability.otlp import Exporter

JOB_SECONDS = 20


class ShopLogger(Logger):
    """gunicorn's logger, whose own messages go the way of all others, as JSON."""

    def setup(self, cfg: Any) -> None:
        """Drop gunicorn's handlers and level; the root logger has ours."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.NOTSET)
        self.error_log.addFilter(_hide_tokens)


def _hide_tokens(record: logging.LogRecord) -> bool:
    # It repeats the address of a request that it cannot read.
    record.msg, record.args = without_tokens(record.getMessage()), ()
    return True


class ShopArbiter(Arbiter):
    """Drain before it stops: a worker that stops resets what waits in the listener's queue.

    On the first SIGTERM ``/readyz`` turns to 503 while everything else is served, so that a load
    balancer goes elsewhere; after the drain's seconds, or on a second SIGTERM, it stops.
    """

    def __init__(self, app: BaseApplication, drain_seconds: float) -> None:
        super().__init__(app)
        self._drain_seconds = drain_seconds

    def handle_term(self) -> None:
        """Begin to drain, or stop."""
        shop: Any = self.app.wsgi()
        readiness = service(Readiness, shop)
        if readiness.draining or not self._drain_seconds:
            readiness.drain()
            # It raises StopIteration, which ends the arbiter's loop.
            super().handle_term()
        readiness.drain()
        again = threading.Timer(self._drain_seconds, os.kill, (os.getpid(), signal.SIGTERM))
        again.daemon = True
        again.start()


class ShopServer(BaseApplication):
    """Run the shop under gunicorn; the app is made before the workers fork and share it."""

    def __init__(self, settings: Settings, options: Mapping[str, object]) -> None:
        self._settings = settings
        self.turns = settings.web_threads
        self.internal_port = settings.internal_port if settings.service else None
        self._options = options
        port = settings.metrics_port
        self._metrics = MetricsServer(port, settings.service) if port else None
        self._jobs: JobWorker | None = None
        self._exporter: Exporter | None = None
        super().__init__()

    def load_config(self) -> None:
        """Set the options, and the hooks that workers need."""
        for name, value in self._options.items():
            self.cfg.set(name, value)
        self.cfg.set("logger_class", ShopLogger)
        self.cfg.set("post_fork", self._leave_the_parents)
        self.cfg.set("post_worker_init", self._begin_work)
        self.cfg.set("worker_exit", self._end_work)
        self.cfg.set("when_ready", self._open)
        if self._metrics is not None:
            self.cfg.set("child_exit", self._metrics.forget)
            self.cfg.set("on_exit", self._metrics.stop)

    def run(self) -> None:
        """Serve until a signal ends it."""
        ShopArbiter(self, self._settings.drain_seconds).run()

    def _open(self, arbiter: Any) -> None:
        if self._metrics is not None:
            self._metrics.start(arbiter)
        if self._settings.on_sqlite:
            places = ", ".join(str(listener) for listener in arbiter.LISTENERS)
            click.echo(f"The shop is open at {places}", err=True)

    def _leave_the_parents(self, arbiter: object, worker: Any) -> None:
        leave_the_parents_connections(arbiter, worker)
        if self._metrics is not None:
            self._metrics.leave()

    def _begin_work(self, worker: Any) -> None:
        if endpoint := self._settings.otel_exporter_otlp_endpoint:
            from bookstore.core.observability.otlp import Exporter

            self._exporter = Exporter(endpoint, self._settings.service or "bookstore")
        jobs = service(Jobs, worker.app.wsgi())
        board = jobs.board()
        self._jobs = jobs.worker(
            serving=lambda: bool(worker.alive),
            report=(lambda: count_jobs(board)) if self._metrics else (lambda: None),
        )
        self._jobs.start()

    def _end_work(self, _arbiter: object, _worker: object) -> None:
        # A job that takes longer is begun again by another process.
        if self._jobs is not None:
            self._jobs.stop(JOB_SECONDS)
        if self._exporter is not None:
            self._exporter.stop()

    def load(self) -> Any:
        """Make the app, and let the workers share what they need to trace."""
        if self._settings.otel_exporter_otlp_endpoint:
            from bookstore.core.observability import otlp  # noqa: F401
        return make_shop(self._settings)


def leave_the_parents_connections(_arbiter: object, worker: Any) -> None:
    """Give a new worker a pool of its own: two processes on one connection mix their answers."""
    app: Flask = worker.app.wsgi()
    service(Database, app).dispose(close=False)
