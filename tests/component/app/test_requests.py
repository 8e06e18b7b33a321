"""What happens around every request: its id, its address, who stands in front, its cookies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from bookstore.core.config.settings import ConfigurationInvalid, Settings
from bookstore.core.db.database import Database
from bookstore.core.observability.health import Readiness
from bookstore.core.observability.logging import LineFormatter
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper

pytestmark = on_sqlite


@contextmanager
def another(settings: Settings, **changes: object) -> Iterator[Flask]:
    """Give another server of the same shop, with other settings."""
    app = create_app(settings.model_copy(update=changes))
    yield app
    service(Database, app).engine.dispose()
    service(Readiness, app).engine.dispose()


def test_a_request_keeps_the_id_that_it_came_with(app: Flask) -> None:
    given = {"X-Request-ID": "balancer-0123"}
    answer = app.test_client().get("/", headers=given)
    assert answer.headers["X-Request-ID"] == "balancer-0123"


@pytest.mark.parametrize("given", ["short", "a" * 65, "with a blank", "ñandú-0123"])
def test_what_is_no_id_is_replaced(app: Flask, given: str) -> None:
    answer = app.test_client().get("/", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] not in (given, "")


def test_what_is_logged_of_a_request_names_its_id(
    app: Flask, visitor: Shopper, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Put back afterwards: the handler serves every test of the process.
    monkeypatch.setattr(caplog.handler, "formatter", LineFormatter())

    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(app.view_functions, "catalogue.index", fail)
    visitor.client.get("/", headers={"X-Request-ID": "balancer-0123"})
    (line,) = [json.loads(line) for line in caplog.text.splitlines() if "unexpected" in line]
    assert line["request_id"] == "balancer-0123"
    assert line["traceback"].endswith("ZeroDivisionError")


def test_an_address_with_a_doubled_slash_leads_to_the_plain_one(
    seller: Shopper, visitor: Shopper
) -> None:
    book = seller.publish()
    answer = visitor.get(f"/books//{book}")
    assert (answer.status_code, answer.location) == (308, f"http://localhost/books/{book}")


def test_who_came_by_https_to_the_proxy_gets_a_cookie_for_https_alone(
    app: Flask, settings: Settings
) -> None:
    by_https = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example.com"}
    with another(settings, forwarded_hops=1) as behind:
        answer = behind.test_client().get("/auth/login", headers=by_https)
        assert "max-age=" in answer.headers["Strict-Transport-Security"]
        assert "; Secure;" in answer.headers["Set-Cookie"]
        # The balancer passes it on from anybody.
        assert "evil.example.com" not in answer.text
    # Where no proxy is told of, whoever asks has written these headers.
    answer = app.test_client().get("/auth/login", headers=by_https)
    assert "Strict-Transport-Security" not in answer.headers
    assert "Secure" not in answer.headers["Set-Cookie"]


def test_only_trusted_hosts_are_answered_but_probes_always_are(
    app: Flask, settings: Settings
) -> None:
    with another(settings, trusted_hosts=("books.example.com",)) as strict:
        ask = strict.test_client().get
        assert ask("/", base_url="http://books.example.com").status_code == 200
        assert ask("/", base_url="http://10.0.0.7").status_code == 400
        assert ask("/readyz", base_url="http://10.0.0.7").status_code == 200


def test_a_developers_sessions_outlive_the_server(
    app: Flask, settings: Settings, tmp_path: Path
) -> None:
    """No key is configured, so the shop keeps one of its own beside the SQLite file."""
    with another(settings, secret_key=None) as first:
        person = Shopper(first).register()
        cookie = person.client.get_cookie("session")
    assert cookie is not None
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0
    with another(settings, secret_key=None) as second:
        client = second.test_client()
        client.set_cookie("session", cookie.value)
        assert client.get("/account").status_code == 200


def test_what_the_database_refuses_is_a_fault_of_ours_and_tells_nothing(
    app: Flask, seller: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = seller.publish()

    def refuse(*_arguments: object, **_named: object) -> None:
        raise IntegrityError("INSERT", {}, Exception("a secret"))

    monkeypatch.setitem(app.view_functions, "catalogue.book", refuse)
    answer = seller.get(f"/books/{book}")
    assert answer.status_code == 500
    assert "Retry-After" not in answer.headers
    assert "a secret" not in answer.text


def test_no_shop_is_made_that_serves_a_domain_nowhere(settings: Settings) -> None:
    with pytest.raises(
        ConfigurationInvalid, match="auth is neither served here nor given a client"
    ):
        create_app(settings, services=["catalogue", "orders"])
