"""The shop as three services, each a server with a schema and a database user of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine, make_url

from bookstore.cli.gateway import DEFAULT, routes
from bookstore.core.rpc import keys
from tests.support.keys import SECRET_KEY
from tests.support.poll import eventually
from tests.support.ports import free_port
from tests.support.replicas import Replica
from tests.support.shopper import Page, Shopper

DOMAINS = ("auth", "catalogue", "orders")
GIVE_UP_SECONDS = 30
TODAY = os.pathsep.join(sys.path)
"""Where Python finds the code of this revision."""


class Front(httpx.BaseTransport):
    """Lead a request to the service of its path, as the NGINX of compose.microservices.yaml does.

    Where the service does not answer, another one tells what rests.
    """

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports
        self._routes = [(re.compile(pattern), name) for pattern, name in routes()]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        name = next((name for pattern, name in self._routes if pattern.match(path)), DEFAULT)
        try:
            return self._sent(request, name)
        except httpx.TransportError:
            api = "/api" if path.startswith("/api/") else ""
            other = httpx.Request(
                "GET", request.url.copy_with(path=f"{api}/resting/{name}"), headers=request.headers
            )
            other.headers.pop("Content-Length", None)
            return self._sent(other, "orders" if name == "catalogue" else "catalogue")

    def _sent(self, request: httpx.Request, name: str) -> httpx.Response:
        request.url = request.url.copy_with(port=self._ports[name])
        with httpx.HTTPTransport() as connection:
            response = connection.handle_request(request)
            response.read()
        return response


@dataclass
class Services:
    """Three servers, and their schemas as the database's root sees them."""

    servers: Mapping[str, Replica]
    internal: Mapping[str, int]
    schemas: Mapping[str, str]
    key_files: Mapping[str, Path]
    environments: Mapping[str, dict[str, str]]
    root: Engine

    def shopper(self) -> Shopper:
        """Return a new person at the shop."""
        ports = {name: server.port for name, server in self.servers.items()}
        return Shopper("http://127.0.0.1", Front(ports))

    def scalar(self, domain: str, query: str) -> int:
        """Ask a service's schema for a number."""
        with self.root.connect() as connection:
            connection.execute(text(f"USE {self.schemas[domain]}"))
            return int(connection.scalar(text(query)) or 0)

    def database(self, domain: str) -> str:
        """Return the URI of a service's schema."""
        return self.environments[domain]["SQLALCHEMY_DATABASE_URI"]

    @contextmanager
    def without(self, name: str, by: int = signal.SIGKILL) -> Iterator[None]:
        """Have a service away, killed or standing still, while the block runs."""
        server = self.servers[name]
        if by == signal.SIGKILL:
            server.kill()
        else:
            self.stand_still(name)
        try:
            yield
        finally:
            if by == signal.SIGKILL:
                server.start()
            else:
                self.go_on(name)
            server.wait_ready()

    def roll(self, name: str, path: str) -> None:
        """Replace a service by one of other code, which migrates first, as a rollout does.

        :param path: where Python finds the code, as PYTHONPATH has it.
        """
        environment, server = self.environments[name], self.servers[name]
        environment["PYTHONPATH"] = server.environment["PYTHONPATH"] = path
        self.run(name, "migrate")
        server.stop()
        server.start()
        server.wait_ready()

    def run(self, name: str, *command: str) -> str:
        """Run a command of a service by the code that it has, and return what it prints."""
        return _run(name, self.environments[name], *command)

    def kill_workers(self, name: str) -> None:
        """Kill what works in a service; its first process begins anew at once."""
        self._send(self.servers[name].workers(), signal.SIGKILL)

    def stand_still(self, name: str) -> None:
        """Stop all processes of a service: who connects waits."""
        server = self.servers[name]
        self._send([server.process.pid, *server.workers()], signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """Let a service go on that stood still."""
        server = self.servers[name]
        self._send([*server.workers(), server.process.pid], signal.SIGCONT)

    @staticmethod
    def _send(processes: list[int], number: int) -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    @contextmanager
    def locked(self, domain: str, table: str) -> Iterator[Callable[[], None]]:
        """Lock a table, so that whoever comes to it waits; give a way to wait until one does."""
        with self.root.connect() as connection:
            connection.execute(text(f"LOCK TABLES {self.schemas[domain]}.{table} WRITE"))

            def somebody_waits() -> None:
                waiting = text(
                    "SELECT COUNT(*) FROM information_schema.processlist"
                    " WHERE db = :name AND state LIKE 'Waiting for table%'"
                )
                with self.root.connect() as other:
                    assert other.scalar(waiting, {"name": self.schemas[domain]})

            try:
                yield lambda: eventually(somebody_waits, within=GIVE_UP_SECONDS, every=0.05)
            finally:
                connection.execute(text("UNLOCK TABLES"))


def _run(name: str, environment: Mapping[str, str], *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bookstore", *command],
        env={**os.environ, **environment, "SERVICE": name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def three_services(
    server_url: str, folder: Path, shop: str | None = None, path: str = TODAY, **further: str
) -> Iterator[Services]:
    """Run the shop as three services on a MySQL.

    :param shop: the schema of a whole shop whose tables can be seen in those of the services.
    :param path: where Python finds their code.
    :param further: settings of all three.
    """
    with ExitStack() as ends:
        root = create_engine(server_url, isolation_level="AUTOCOMMIT")
        ends.callback(root.dispose)
        internal = {name: free_port() for name in DOMAINS}
        schemas, key_files, environments, servers = {}, {}, {}, {}
        for name in DOMAINS:
            key_files[name] = folder / f"{name}.pem"
            if not key_files[name].exists():
                keys.create(key_files[name])
            made = own_schema(root, name) if shop is None else own_user(root, f"{shop}_{name}")
            schemas[name] = ends.enter_context(made)
            uri = make_url(server_url).set(
                username=schemas[name], password="own", database=schemas[name]
            )
            environments[name] = {
                "SQLALCHEMY_DATABASE_URI": uri.render_as_string(hide_password=False),
                "SECRET_KEY": SECRET_KEY,
                "PYTHONPATH": path,
                "INSTANCE_DIR": str(folder),
                "SERVICE_KEY_FILE": str(key_files[name]),
                "INTERNAL_PORT": str(internal[name]),
                **further,
                **{
                    f"{other.upper()}_INTERNAL_URL": f"http://127.0.0.1:{internal[other]}"
                    for other in DOMAINS
                    if other != name
                },
            }
        _migrate(environments)
        for name in DOMAINS:
            settings = {"WEB_CONCURRENCY": "1", **environments[name], "SERVICE": name}
            own = settings.pop("SQLALCHEMY_DATABASE_URI")
            if name == "orders":
                settings["METRICS_PORT"] = str(free_port())
            servers[name] = Replica(own, folder, **settings)
            servers[name].start()
            ends.callback(servers[name].kill)
        for server in servers.values():
            server.wait_ready()
        yield Services(servers, internal, schemas, key_files, environments, root)


def _migrate(environments: Mapping[str, Mapping[str, str]]) -> None:
    # At once: to start Python takes longer than to migrate.
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda each: _run(*each, "migrate"), environments.items()))


@contextmanager
def own_schema(root: Engine, domain: str) -> Iterator[str]:
    """Give the name of a new schema, and of a user with rights to it alone."""
    name = f"{domain}_{uuid.uuid4().hex[:8]}"
    with root.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    with own_user(root, name):
        yield name
    with root.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))


@contextmanager
def own_user(root: Engine, schema: str) -> Iterator[str]:
    """Make a user with rights to a schema alone, and give its name, which is the schema's."""
    with root.connect() as connection:
        connection.execute(text(f"CREATE USER {schema}@'%' IDENTIFIED BY 'own'"))
        connection.execute(text(f"GRANT ALL ON {schema}.* TO {schema}@'%'"))
    yield schema
    with root.connect() as connection:
        connection.execute(text(f"DROP USER {schema}@'%'"))


def filled_in(buyer: Shopper, book: str) -> dict[str, str]:
    """Return the form of a purchase as the buyer will send it, with its idempotency key."""
    page: Page = buyer.page(f"/checkout?book_id={book}&quantity=1")
    form = next(form for form in page.forms if form.action == "/checkout")
    address = {"line1": "Calle 10 # 4-20", "city": "Medellín"}
    return form.fields | address | {"card_number": "4242 4242 4242 4242"}


@contextmanager
def sending(buyer: Shopper, form: Mapping[str, str]) -> Iterator[list[int]]:
    """Send a checkout's form while the block runs; give the status of its answer once there is."""
    statuses: list[int] = []

    def send() -> None:
        with contextlib.suppress(httpx.TransportError):
            statuses.append(buyer.http.post("/checkout", data=dict(form)).status_code)

    thread = threading.Thread(target=send)
    thread.start()
    yield statuses
    thread.join()
