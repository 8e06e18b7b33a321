"""A service that starts while auth is away believes the keys that auth published last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from bookstore.cli.backups import AFTERWARDS
from bookstore.core.db.database import Database, now
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.identity import kept as module
from bookstore.core.identity.kept import KeptKeys
from bookstore.core.rpc import jwks
from bookstore.core.rpc.jwks import PublishedKeys
from bookstore.core.rpc.keys import ServiceKeys
from bookstore.orders.models import OrdersKeptKeys
from tests.component.app.databases import on_sqlite
from tests.support.keys import SECRET_KEY
from tests.support.servicekeys import party


class Auth(httpx.BaseTransport):
    """The internal port of auth, which can be away."""

    def __init__(self) -> None:
        self.party = party("auth")
        self.away = False

    @property
    def keys(self) -> ServiceKeys:
        return self.party.keys

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with the public keys."""
        if self.away:
            raise httpx.ConnectError("away", request=request)
        return httpx.Response(200, json=self.keys.published())


@pytest.fixture
def auth() -> Auth:
    """Give auth, with a key of its own."""
    return Auth()


@pytest.fixture
def start(database: Database, auth: Auth) -> Callable[..., PublishedKeys]:
    """Give a way to start orders, with the shop's secret key or others."""

    def started(*secrets: str) -> PublishedKeys:
        return PublishedKeys("auth", "http://auth", auth, kept(database, *secrets))

    return started


def kept(database: Database, *secrets: str) -> KeptKeys:
    return KeptKeys("orders", lambda: database, OrdersKeptKeys, secrets or [SECRET_KEY])


def assert_unknown(started: PublishedKeys, key: str) -> None:
    with pytest.raises(ServiceUnavailable):
        started.find(key)


def test_a_service_that_starts_without_auth_believes_who_is_logged_in(
    start: Callable[..., PublishedKeys], auth: Auth
) -> None:
    key = auth.keys.signing.id
    assert start().find(key) is not None
    auth.away = True
    assert start().find(key) is not None
    assert_unknown(start(), "a key that auth does not have")


def test_one_that_never_met_auth_knows_nobody(
    start: Callable[..., PublishedKeys], auth: Auth
) -> None:
    auth.away = True
    assert_unknown(start(), auth.keys.signing.id)


def test_keys_that_auth_retired_are_forgotten_at_the_next_fetch(
    start: Callable[..., PublishedKeys], auth: Auth
) -> None:
    former = auth.keys.signing.id
    start().find(former)
    auth.party = party("auth")
    start().find(auth.keys.signing.id)
    auth.away = True
    assert start().find(auth.keys.signing.id) is not None
    assert_unknown(start(), former)


def test_a_running_service_writes_keys_anew_as_often_as_it_fetches_them(
    start: Callable[..., PublishedKeys],
    auth: Auth,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = start()
    running.find(auth.keys.signing.id)
    before = written(database)
    running.find(auth.keys.signing.id)
    assert written(database) == before
    monkeypatch.setattr(jwks, "FRESH_SECONDS", 0)
    running = start()
    running.find(auth.keys.signing.id)
    running.find(auth.keys.signing.id)
    assert written(database) != before


def test_who_can_write_into_the_schema_alone_makes_it_believe_nobody(
    start: Callable[..., PublishedKeys], auth: Auth, database: Database
) -> None:
    forger = auth.keys.signing.id
    start("another secret").find(forger)
    auth.away = True
    assert_unknown(start(), forger)


def test_keys_of_one_issuer_are_none_of_another(
    start: Callable[..., PublishedKeys], auth: Auth, database: Database
) -> None:
    kept(database).keep("catalogue", '{"keys": []}')
    database.transaction(lambda db: db.execute(text("UPDATE orders_kept_keys SET issuer = 'auth'")))
    assert kept(database).last("auth") is None


def test_keys_from_long_ago_are_not_believed(
    start: Callable[..., PublishedKeys], auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIFETIME", timedelta(seconds=-1))
    start().find(auth.keys.signing.id)
    auth.away = True
    assert_unknown(start(), auth.keys.signing.id)


def test_what_was_fetched_before_does_not_come_over_what_was_fetched_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = kept(database)
    orders.keep("auth", "late")
    monkeypatch.setattr(module, "now", lambda: now() - timedelta(minutes=1))
    orders.keep("auth", "early")
    assert orders.last("auth") == "late"


def test_keys_outlive_a_rotation_of_the_secret_key_for_as_long_as_the_former_one_is_believed(
    start: Callable[..., PublishedKeys], auth: Auth
) -> None:
    start().find(auth.keys.signing.id)
    auth.away = True
    assert start(SECRET_KEY, "a new one").find(auth.keys.signing.id) is not None
    assert_unknown(start("a new one"), auth.keys.signing.id)


@on_sqlite
def test_a_database_that_is_away_fails_no_request(
    start: Callable[..., PublishedKeys],
    auth: Auth,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = auth.keys.signing.id

    def away(*_: object) -> None:
        raise OperationalError("", {}, Exception("away"))

    monkeypatch.setattr(database, "transaction", away)
    monkeypatch.setattr(database, "reading", away)
    running = start()
    assert running.find(key) is not None
    auth.away = True
    assert running.find(key) is not None
    assert_unknown(start(), key)


def test_a_restore_brings_no_old_keys_back(
    app: Flask, start: Callable[..., PublishedKeys], auth: Auth, database: Database
) -> None:
    start().find(auth.keys.signing.id)
    with database.engine.begin() as connection:
        AFTERWARDS["orders"](connection)
    auth.away = True
    assert_unknown(start(), auth.keys.signing.id)
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(OrdersKeptKeys)) == 0


def written(database: Database) -> str:
    with database.reading() as db:
        return str(db.scalar(select(OrdersKeptKeys.kept_at)))
