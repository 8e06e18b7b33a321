"""The shop for a browser, whole or as three services behind NGINX, on SQLite with sample books."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bookstore.core.rpc import keys
from tests.support.keys import SECRET_KEY
from tests.support.nginx import leading_to
from tests.support.poll import eventually
from tests.support.ports import free_port

MONOLITH, MICROSERVICES = "Monolith", "Microservices"
SERVICES = ("auth", "catalogue", "orders")
BOOKS = 30
START_SECONDS = 60
BOOKSTORE = (sys.executable, "-m", "bookstore")


@dataclass(frozen=True)
class Running:
    """A shop that runs.

    :ivar folder: holds its outbox and its uploads.
    :ivar accounts: the environment of commands about accounts.
    :ivar databases: the URI of each domain's database.
    """

    url: str
    folder: Path
    accounts: Mapping[str, str]
    databases: Mapping[str, str]

    def bookstore(self, *arguments: str) -> str:
        """Run a command about accounts, and return what it prints."""
        return _bookstore(self.accounts, *arguments)


@contextmanager
def monolith(folder: Path) -> Iterator[Running]:
    """Run the whole shop as one process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = _environment(folder, url)
    _bookstore(environment, "migrate")
    _bookstore(environment, "seed", "--books", str(BOOKS))
    with ExitStack() as ends:
        _serve(ends, [(environment, port)])
        yield Running(url, folder, environment, dict.fromkeys(SERVICES, _database(folder)))


@contextmanager
def microservices(folder: Path) -> Iterator[Running]:
    """Run the shop as three services, led to by the NGINX that compose has."""
    with ExitStack() as ends:
        ports = {name: free_port() for name in SERVICES}
        internal = {name: free_port() for name in SERVICES}
        url = ends.enter_context(leading_to(ports, folder))
        whole = _environment(folder, url)
        urls = {
            f"{name.upper()}_INTERNAL_URL": f"http://127.0.0.1:{port}"
            for name, port in internal.items()
        }
        environments = {}
        for name in SERVICES:
            own = folder / name
            own.mkdir()
            keys.create(own / "key.pem")
            environments[name] = {
                **whole,
                **urls,
                "SERVICE": name,
                "INSTANCE_DIR": str(own),
                "INTERNAL_PORT": str(internal[name]),
                "SERVICE_KEY_FILE": str(own / "key.pem"),
                "FORWARDED_HOPS": "1",
                "WEB_CONCURRENCY": "1",
            }
        for each in environments.values():
            _bookstore(each, "migrate")
        sellers = _bookstore(environments["auth"], "seed").splitlines()
        by = [f"--seller={each}" for each in sellers]
        _bookstore(environments["catalogue"], "seed", "--books", str(BOOKS), *by)
        _serve(ends, [(environments[name], ports[name]) for name in SERVICES])
        databases = {name: _database(folder / name) for name in SERVICES}
        yield Running(url, folder, environments["auth"], databases)


def _database(folder: Path) -> str:
    return f"sqlite:///{folder / 'bookstore.sqlite3'}"


def _environment(folder: Path, url: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "INSTANCE_DIR": str(folder),
        "UPLOADS_DIR": str(folder / "uploads"),
        "OUTBOX_DIR": str(folder / "outbox"),
        "PAGE_CACHE_SECONDS": "0",
        "SECRET_KEY": SECRET_KEY,
        # Links in mail lead there.
        "PUBLIC_URL": url,
    }


def _bookstore(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [*BOOKSTORE, *arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def _serve(ends: ExitStack, servers: Sequence[tuple[Mapping[str, str], int]]) -> None:
    started = [_start(ends, environment, port) for environment, port in servers]
    for process, (_, port) in zip(started, servers, strict=True):

        def is_ready(process: subprocess.Popen[bytes] = process, port: int = port) -> None:
            if process.poll() is not None:
                raise RuntimeError("the shop ended at its start")
            answer = httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False)
            assert answer.status_code == 200

        eventually(is_ready, within=START_SECONDS, every=0.1)


def _start(ends: ExitStack, environment: Mapping[str, str], port: int) -> subprocess.Popen[bytes]:
    command = [*BOOKSTORE, "serve", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, env=environment)
    ends.callback(process.wait)
    ends.callback(process.terminate)
    return process
