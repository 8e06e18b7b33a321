"""A MariaDB of the tests' own: `python -m tests.support.mariadb` installs the server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine

from bookstore.core.db.migrate import wait_for_database
from tests.support.ports import free_port

START_SECONDS = 60
# Neither brings a service that would start by itself.
PACKAGES = ("mariadb-server-core", "mariadb-client-core")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
ABSENT = (
    "there is no MariaDB server here: install mariadb-server, or on Debian as root "
    "run python -m tests.support.mariadb"
)


def find() -> tuple[str, str] | None:
    """Return the paths of the server and of the program that makes its data; None without."""
    server = shutil.which("mariadbd", path=PATH)
    prepare = shutil.which("mariadb-install-db", path=PATH)
    return (server, prepare) if server and prepare else None


@contextmanager
def running(programs: tuple[str, str]) -> Iterator[str]:
    """Run a server with data of its own, and give its URL."""
    server, prepare = programs
    port = free_port()
    who = [f"--user={os.environ.get('USER', 'root')}"] if os.geteuid() == 0 else []
    # A socket's path has 107 characters at most, which a test's folder may pass.
    with tempfile.TemporaryDirectory(prefix="mariadb-") as folder:
        log = Path(folder, "log")
        data = ["--no-defaults", f"--datadir={folder}/data", "--innodb-log-file-size=32M", *who]
        with log.open("wb") as out:
            subprocess.run(
                [prepare, *data, "--auth-root-authentication-method=normal", "--skip-test-db"],
                stdout=out,
                stderr=out,
                check=True,
            )
            process = subprocess.Popen(
                [
                    *(server, *data, f"--socket={folder}/socket", f"--port={port}"),
                    *("--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=2"),
                ],
                stdout=out,
                stderr=out,
            )
        url = f"mariadb+pymysql://root@127.0.0.1:{port}/mysql"
        try:
            engine = create_engine(url)
            wait_for_database(engine, START_SECONDS)
            engine.dispose()
            yield url
        finally:
            process.kill()
            process.wait()


def main() -> int:
    """Leave a MariaDB server behind where that can be done; say what is missing where not."""
    if find():
        return 0
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"==> tests on MariaDB will be skipped: {ABSENT}", flush=True)
        return 0
    print("==> installing a MariaDB server for the component tests", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        wanted = ["apt-get", "-qq", *command]
        if subprocess.run(wanted, check=False, env=quiet, stdout=subprocess.DEVNULL).returncode:
            print(f"==> apt-get {command[0]} failed; tests on MariaDB will be skipped", flush=True)
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
