"""Who is logged in, in a service that is not auth: by a token, renewed in passing, and revoked."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from flask import Flask, session

from bookstore.auth.events import AccountEvents
from bookstore.auth.service import LocalAuth
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.identity import access
from bookstore.core.identity.access import Access
from bookstore.core.identity.known import KnownSessions
from bookstore.core.interfaces import contracts
from bookstore.core.interfaces.auth import AuthService
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.rpc.client import client
from bookstore.core.rpc.tokens import Signer
from bookstore.core.services import provide, service
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper
from tests.support.servicekeys import PARTIES, SIGNER, internal, verifier

pytestmark = on_sqlite


class Network(httpx.BaseTransport):
    """The way to auth, which can be cut; it counts the calls."""

    def __init__(self, app: Flask) -> None:
        self._to = internal(app)
        self.cut = False
        self.calls = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Take a call to auth."""
        self.calls += 1
        if self.cut:
            raise httpx.ConnectError("cut", request=request)
        return self._to.handle_request(request)


@pytest.fixture
def network(app: Flask) -> Network:
    """Give the way from the catalogue to auth."""
    provide(app, Signer, PARTIES["auth"].signer)
    return Network(app)


@pytest.fixture
def known(app: Flask, network: Network) -> KnownSessions:
    """Give what the catalogue knows of sessions."""
    auth = client(contracts.AUTH, AuthService, "http://auth", SIGNER, network)
    return KnownSessions(auth, verifier(), service(LocalCatalogue, app).revocations.belief)


@pytest.fixture
def held(app: Flask, newcomer: Callable[[], Shopper]) -> tuple[int, int]:
    """Give what the session of somebody holds."""
    cookie = newcomer().client.get_cookie("session")
    assert cookie is not None
    with app.test_request_context(headers={"Cookie": f"session={cookie.value}"}):
        account, epoch = session["account"]
        return account, epoch


def test_auth_is_asked_once_while_its_token_is_fresh(
    known: KnownSessions, network: Network, held: tuple[int, int]
) -> None:
    for _ in range(3):
        account = known.resolve(*held)
        assert account is not None
        assert account.name == "Ana Gómez"
    assert network.calls == 1


def test_a_token_past_half_its_life_is_renewed_and_goes_on_where_auth_is_away(
    known: KnownSessions, network: Network, held: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    known.resolve(*held)
    monkeypatch.setattr(Access, "is_fresh", property(lambda _self: False))
    known.resolve(*held)
    assert network.calls == 2
    network.cut = True
    assert known.resolve(*held) is not None


def test_a_token_that_has_ended_knows_nobody(
    known: KnownSessions, network: Network, held: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    known.resolve(*held)
    monkeypatch.setattr(Access, "has_ended", property(lambda _self: True))
    network.cut = True
    with pytest.raises(ServiceUnavailable):
        known.resolve(*held)


def test_a_readers_cookie_is_enough(
    app: Flask, network: Network, known: KnownSessions, held: tuple[int, int]
) -> None:
    with app.app_context():
        text = service(LocalAuth, app).session_token(*held)
    network.cut = True
    with app.test_request_context(headers={"Cookie": f"{access.COOKIE}={text}"}):
        account = known.resolve(*held)
        assert account is not None
        with pytest.raises(ServiceUnavailable):
            known.resolve(held[0], held[1] + 1)
    with (
        app.test_request_context("/api/v1/orders", headers={"Cookie": f"{access.COOKIE}={text}"}),
        pytest.raises(ServiceUnavailable),
    ):
        known.resolve(*held)


def test_a_token_of_another_service_is_nobody(
    app: Flask, network: Network, known: KnownSessions, held: tuple[int, int]
) -> None:
    person = service(LocalAuth, app).account(held[0])
    assert person is not None
    forged = access.sign(SIGNER, person, held[1], 99)
    network.cut = True
    with (
        app.test_request_context(headers={"Cookie": f"{access.COOKIE}={forged}"}),
        pytest.raises(ServiceUnavailable),
    ):
        known.resolve(*held)


def test_ended_sessions_are_told_to_those_who_believe_tokens(
    app: Flask, known: KnownSessions, held: tuple[int, int], run_jobs: Callable[..., int]
) -> None:
    auth = service(LocalAuth, app)
    auth.events.subscribe_sessions("catalogue", service(CatalogueService, app))
    assert known.resolve(*held) is not None
    auth.end_sessions(held[0])
    assert known.resolve(*held) is not None, "nobody has been told yet"
    run_jobs()
    assert known.resolve(*held) is None


def test_one_shop_publishes_no_end_of_sessions(app: Flask, held: tuple[int, int]) -> None:
    auth = service(LocalAuth, app)
    events: AccountEvents = auth.events
    before = events.snapshot(held[0])
    auth.end_sessions(held[0])
    assert events.snapshot(held[0]) == before


def test_what_is_told_late_or_twice_changes_nothing(app: Flask) -> None:
    catalogue = service(LocalCatalogue, app)
    for version in (3, 5, 4, 5):
        catalogue.sessions_ended(7, version)
    assert catalogue.revocations.belief(7).version == 5
    assert catalogue.revocations.belief(8).version == 0
