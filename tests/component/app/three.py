"""The shop as three services, each with a database of its own, behind one address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
from flask import Flask
from jinja2 import BytecodeCache
from werkzeug.exceptions import HTTPException
from werkzeug.test import Client

from bookstore.core.config.settings import load_settings
from bookstore.core.db.database import Database, now
from bookstore.core.db.migrate import migrate
from bookstore.core.interfaces.contracts import CONTRACTS, implemented
from bookstore.core.jobs.registry import Jobs
from bookstore.core.observability.health import Readiness
from bookstore.core.rpc.client import client
from bookstore.core.rpc.server import internal_app
from bookstore.core.services import service
from bookstore.factory import Elsewhere, create_app
from tests.component.app.shopper import Shopper
from tests.support.keys import SECRET_KEY
from tests.support.servicekeys import PARTIES, verifier


class Network(httpx.BaseTransport):
    """The way from one service to another, which can be cut."""

    def __init__(self) -> None:
        self.down = False
        self.to: Flask | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Take a call to the service."""
        if self.down or self.to is None:
            raise httpx.ConnectError("cut", request=request)
        return httpx.WSGITransport(self.to).handle_request(request)


@dataclass
class Three:
    """Three services, and the balancer that leads each request to the one that serves its path."""

    apps: Mapping[str, Flask]
    networks: Mapping[str, Network] = field(default_factory=dict)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        return self._serving(environ).wsgi_app(environ, start)

    def _serving(self, environ: WSGIEnvironment) -> Flask:
        for app in self.apps.values():
            try:
                app.url_map.bind_to_environ(environ).match()
            except HTTPException:
                continue
            return app
        return self.apps["catalogue"]

    def shopper(self) -> Shopper:
        """Give a person at the shop."""
        shopper = Shopper(self.apps["catalogue"])
        shopper.client = Client(self)  # type: ignore[assignment]
        return shopper

    def run_jobs(self, later: timedelta = timedelta()) -> None:
        """Run all jobs of all services that are due by now, or later."""
        moment = now() + later
        while sum(service(Jobs, app).run_due(moment) for app in self.apps.values()):
            pass


@contextmanager
def three_services(folder: Path, templates: BytecodeCache) -> Iterator[Three]:
    """Open the shop as three services on SQLite."""
    networks = {domain: Network() for domain in CONTRACTS}
    clients: dict[str, Any] = {
        domain: client(
            contract,
            contract.interface,
            "http://internal",
            PARTIES["orders" if domain == "catalogue" else "catalogue"].signer,
            networks[domain],
        )
        for domain, contract in CONTRACTS.items()
    }
    apps = {}
    for domain, contract in CONTRACTS.items():
        settings = load_settings(
            sqlalchemy_database_uri=f"sqlite:///{folder / domain}.sqlite3",
            secret_key=SECRET_KEY,
            instance_dir=folder,
            page_cache_seconds=0,
        )
        migrate(settings, domains=[domain])
        elsewhere = {name: Elsewhere(it, it) for name, it in clients.items() if name != domain}
        app = apps[domain] = create_app(settings, {domain}, elsewhere)
        app.jinja_env.bytecode_cache = templates
        parts = {contract: implemented(contract, app)}
        published = PARTIES[domain].keys.published
        networks[domain].to = internal_app(parts, verifier(), published, app.app_context)
    yield Three(apps, networks)
    for app in apps.values():
        service(Database, app).engine.dispose()
        service(Readiness, app).engine.dispose()
