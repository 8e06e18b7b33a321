"""``bookstore serve``."""

import logging
import os
import tempfile
from pathlib import Path

import click

from bookstore.cli.chosen import service_option, settings_of
from bookstore.cli.worker import CLIENTS
from bookstore.core.config.checks import cautions
from bookstore.core.config.settings import Settings
from bookstore.core.observability import logging as shop_logging

GRACEFUL_SECONDS = 30
SILENT_WORKER_SECONDS = 60
log = logging.getLogger("bookstore.serve")

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


@click.command()
@click.option("--bind", help="Address and port; by default all addresses and PORT.")
@service_option
def serve(bind: str | None, service: str | None) -> None:
    """Serve the shop, or one of its services, with gunicorn.

    On SQLite, the database of a developer, it brings the schema up to date first; elsewhere
    bookstore migrate does that, once for all replicas.
    """
    settings = settings_of(service)
    shop_logging.configure(settings.log_level)
    for caution in cautions(settings):
        log.warning(caution)
    if settings.on_sqlite:
        from bookstore.core.db.migrate import migrate

        migrate(settings, domains=settings.domains)
    if settings.metrics_port:
        # The name is set before anything imports prometheus_client, which reads it then.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(
            prefix="bookstore-metrics-", dir=_worker_folder()
        )
    from bookstore.cli.server import ShopServer

    ShopServer(settings, server_options(settings, bind)).run()


def server_options(settings: Settings, bind: str | None = None) -> dict[str, object]:
    """Return what gunicorn is told, by the names of its own settings."""
    return {
        "bind": _addresses(settings, bind or f"0.0.0.0:{settings.port}"),
        "workers": settings.web_concurrency,
        "worker_class": "bookstore.cli.worker.ShopWorker",
        "threads": CLIENTS,
        "graceful_timeout": GRACEFUL_SECONDS,
        "timeout": SILENT_WORKER_SECONDS,
        "keepalive": settings.keepalive_seconds,
        "preload_app": True,
        "control_socket_disable": True,
        "worker_tmp_dir": _worker_folder(),
        "proc_name": "bookstore",
    }


def _addresses(settings: Settings, main: str) -> list[str]:
    host = main.rpartition(":")[0]
    further = [settings.https_port, settings.internal_port if settings.service else None]
    return [main, *(f"{host}:{port}" for port in further if port)]


def _worker_folder() -> str:
    # On a slow disk the heartbeat is late, and gunicorn kills workers that are well.
    if SHARED_MEMORY.is_dir() and os.access(SHARED_MEMORY, os.W_OK):
        return str(SHARED_MEMORY)
    return tempfile.gettempdir()
