"""A MySQL of the tests' own, in a container."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine

from bookstore.core.db.migrate import wait_for_database

START_SECONDS = 120


def docker(*arguments: str) -> str:
    """Run docker and return what it prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


@contextmanager
def running(*options: str) -> Iterator[str]:
    """Run a server, whose data is in memory, and give its URL."""
    container = docker(
        *("run", "--detach", "--rm", "--publish", "127.0.0.1::3306"),
        *("--env", "MYSQL_ALLOW_EMPTY_PASSWORD=yes", "--env", "MYSQL_ROOT_HOST=%"),
        *("--tmpfs", "/var/lib/mysql", os.environ.get("MYSQL_IMAGE", "mysql:8.4")),
        *("--innodb-flush-log-at-trx-commit=2", *options),
    )
    try:
        port = docker("port", container, "3306/tcp").splitlines()[0].rsplit(":", 1)[1]
        url = f"mysql+pymysql://root@127.0.0.1:{port}/mysql"
        server = create_engine(url)
        wait_for_database(server, START_SECONDS)
        server.dispose()
        yield url
    finally:
        docker("rm", "--force", "--volumes", container)
