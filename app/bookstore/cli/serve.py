"""``bookstore serve``."""

import ctypes
import os
import tempfile
from pathlib import Path

import click

from bookstore.core import logging as shop_logging
from bookstore.core.config import Settings, load_settings

GRACEFUL_SECONDS = 30
SILENT_WORKER_SECONDS = 60
KEEPALIVE_SECONDS = 5
# glibc's M_MMAP_THRESHOLD of malloc.h, and the size from which a block is a mapping of its own.
MMAP_THRESHOLD, LARGE_BLOCK_BYTES = -3, 1024 * 1024
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


@click.command()
@click.option("--bind", help="Address and port; by default all addresses and PORT.")
def serve(bind: str | None) -> None:
    """Serve the shop with gunicorn.

    On SQLite, the database of a developer, it brings the schema up to date first; elsewhere
    bookstore migrate does that, once for all replicas.
    """
    settings = load_settings()
    give_back_large_blocks()
    shop_logging.configure(settings.log_level)
    if settings.on_sqlite:
        from bookstore.core.migrate import migrate

        migrate(settings)
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
        "bind": bind or f"0.0.0.0:{settings.port}",
        "workers": settings.web_concurrency,
        "worker_class": "bookstore.cli.worker.FairWorker",
        "threads": settings.web_threads,
        "graceful_timeout": GRACEFUL_SECONDS,
        "timeout": SILENT_WORKER_SECONDS,
        "keepalive": KEEPALIVE_SECONDS,
        "preload_app": True,
        "control_socket_disable": True,
        "worker_tmp_dir": _worker_folder(),
        "proc_name": "bookstore",
    }


def give_back_large_blocks() -> None:
    """Have large blocks of memory go back to the system as soon as they are free.

    Once a block of 19 MiB for a password's hash was freed, glibc takes the next ones from the
    heaps of the threads, and each thread that ever hashed keeps one: 150 MiB for eight of them.
    Other C libraries have no such setting and are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def _worker_folder() -> str:
    # On a slow disk the heartbeat is late, and gunicorn kills workers that are well.
    if SHARED_MEMORY.is_dir() and os.access(SHARED_MEMORY, os.W_OK):
        return str(SHARED_MEMORY)
    return tempfile.gettempdir()
