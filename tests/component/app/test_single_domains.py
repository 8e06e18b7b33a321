"""The shop as apps of one domain each: every page is there, and leads to those that are not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database
from bookstore.core.interfaces.auth import AuthService
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.interfaces.orders import OrdersService
from bookstore.core.jobs.registry import Jobs
from bookstore.core.observability.health import Readiness
from bookstore.core.services import service
from bookstore.factory import DOMAINS, Elsewhere, create_app
from tests.component.app.client import Client
from tests.component.app.routes import cases
from tests.component.app.routes_pages import PAGES
from tests.component.app.scene import Scene, opened, sqlite_in
from tests.component.app.shopper import Shopper

INTERFACES: dict[str, type[Any]] = {
    "auth": AuthService,
    "catalogue": CatalogueService,
    "orders": OrdersService,
}
HOSTS = {
    "auth": "https://accounts.example.com",
    "catalogue": "https://books.example.com",
    "orders": "https://orders.example.com",
}
HEADER = {"auth": "/auth/login", "catalogue": "/sell", "orders": "/cart"}


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, compiled_templates: FileSystemBytecodeCache
) -> Iterator[Scene]:
    """Give a shop with people, books and orders."""
    folder = tmp_path_factory.mktemp("shop")
    with opened(sqlite_in(folder), folder, compiled_templates) as scene:
        yield scene


def alone(domain: str, whole: Flask, **settings: str) -> Flask:
    """Make an app of one domain, whose other domains are those of the whole shop."""
    elsewhere = {
        name: Elsewhere(service(kind, whole), service(Jobs, whole).of(name))
        for name, kind in INTERFACES.items()
        if name != domain
    }
    changed = service(Settings, whole).model_copy(update=settings)
    app = create_app(changed, {domain}, elsewhere)
    app.jinja_env.bytecode_cache = whole.jinja_env.bytecode_cache
    return app


@pytest.fixture(params=sorted(DOMAINS))
def single(request: pytest.FixtureRequest, scene: Scene) -> Iterator[tuple[str, Flask]]:
    """Give the app of a domain, at the same host as the others."""
    app = alone(request.param, scene.app)
    yield request.param, app
    service(Database, app).engine.dispose()
    service(Readiness, app).engine.dispose()


def browser(app: Flask, scene: Scene, person: str) -> Shopper:
    """Give somebody's browser at an app."""
    shopper = Shopper(app)
    shopper.client.set_cookie("session", scene.people[person].cookie)
    return shopper


def test_each_page_of_a_domain_is_as_in_the_whole_shop(
    single: tuple[str, Flask], scene: Scene
) -> None:
    domain, app = single
    served = {rule.rule for rule in app.url_map.iter_rules() if not rule.build_only}
    shown = 0
    for case in cases(PAGES):
        if case.method != "GET" or case.rule not in served or "token" in case.rule:
            continue
        path = case.path(scene)
        for person in ("visitor", "seller", "buyer", "moderator"):
            here = browser(app, scene, person).get(path)
            there = browser(scene.app, scene, person).get(path)
            assert here.status_code == there.status_code, (person, path)
            if here.mimetype == "text/html" and here.status_code == 200:
                assert titles(here.text) == titles(there.text), (person, path)
                shown += 1
    assert shown > 5, domain


def titles(page: str) -> list[str]:
    return re.findall(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)


def test_what_is_elsewhere_is_at_the_same_host_by_default(
    single: tuple[str, Flask], scene: Scene
) -> None:
    _, app = single
    page = browser(app, scene, "buyer").get("/nothing").text
    for path in ("/cart", "/orders", "/account", "/sell", "/auth/logout", "/account/books"):
        assert re.search(rf'(href|action)="{path}"', page), path


@pytest.mark.parametrize("domain", sorted(DOMAINS))
def test_what_is_elsewhere_is_at_its_configured_host(scene: Scene, domain: str) -> None:
    hosts = {name: "" if name == domain else host for name, host in HOSTS.items()}
    app = alone(domain, scene.app, **{f"{name}_url": host for name, host in HOSTS.items()})
    answer = browser(app, scene, "buyer").get("/nothing")
    for name, path in (("orders", "/cart"), ("catalogue", "/account/books"), ("auth", "/account")):
        assert f'href="{hosts[name]}{path}"' in answer.text
    assert f'action="{hosts["auth"]}/auth/logout"' in answer.text
    policy = answer.headers["Content-Security-Policy"]
    for name, host in HOSTS.items():
        assert (host in policy) == (name != domain), "its forms and pictures are let through"


@pytest.mark.parametrize("domain", sorted(DOMAINS))
def test_each_domain_serves_the_document_of_the_whole_api(scene: Scene, domain: str) -> None:
    whole = Client(scene.app).get("/openapi.json")
    assert Client(alone(domain, scene.app)).get("/openapi.json").json == whole.json
    assert {"/api/v1/tokens", "/api/v1/books", "/api/v1/orders"} < whole.json["paths"].keys()


def test_the_document_tells_the_configured_host_of_what_is_elsewhere(scene: Scene) -> None:
    app = alone("catalogue", scene.app, auth_url=HOSTS["auth"] + "/")
    paths = Client(app).get("/openapi.json").json["paths"]
    assert paths["/api/v1/tokens"]["post"]["servers"] == [{"url": HOSTS["auth"]}]
    for path in ("/api/v1/books", "/api/v1/orders", "/api/v1/admin/jobs"):
        assert "servers" not in paths[path]["get"]


def test_what_is_served_elsewhere_is_not_served_here(
    single: tuple[str, Flask], scene: Scene
) -> None:
    domain, app = single
    for name, path in HEADER.items():
        if name != domain:
            assert browser(app, scene, "buyer").get(path).status_code == 404
