"""The domains' interfaces, asked in the same process and over HTTP: one contract for both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import httpx
import pytest
from flask import Flask, session

from bookstore.auth.service import LocalAuth
from bookstore.catalogue.forms import BookInput
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.db.database import now
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.interfaces import contracts
from bookstore.core.interfaces.auth import Account, AuthService
from bookstore.core.interfaces.catalogue import (
    AccountSnapshot,
    CatalogueService,
    Line,
    OutOfStock,
    ReservationExpired,
)
from bookstore.core.interfaces.orders import OrdersService
from bookstore.core.rpc.client import client
from bookstore.core.rpc.contract import Contract
from bookstore.core.rpc.server import internal_app
from bookstore.core.services import service
from tests.component.app.shopper import BOOK, Shopper

T = TypeVar("T")

TOKEN = "a token between the services of a test"
LATER = timedelta(minutes=30)
OFFER = BookInput.model_validate({**BOOK, "isbn": None})
ANA = Account(7, "Ana", "ana@example.com")


class Ask(Protocol):
    """A way to ask a domain."""

    def __call__(self, contract: Contract, interface: type[T]) -> T:
        """Return an implementation of the domain's interface."""


def transport(app: Flask, token: str = TOKEN) -> httpx.WSGITransport:
    """Give the way to an internal application that serves all domains of an app."""
    parts: dict[Contract, Any] = {
        contract: service(contract.interface, app) for contract in contracts.CONTRACTS.values()
    }
    return httpx.WSGITransport(internal_app(parts, token, app.app_context))


@pytest.fixture(params=["in the process", "over HTTP"])
def over(request: pytest.FixtureRequest, app: Flask) -> Ask:
    """Give a way to ask a domain, in the one and the other implementation."""

    def ask(contract: Contract, interface: type[T]) -> T:
        if request.param == "in the process":
            return service(interface, app)
        return client(contract, interface, "http://shop.internal", TOKEN, transport(app))

    return ask


@pytest.fixture
def catalogue(over: Ask) -> CatalogueService:
    """Give the catalogue as orders sees it."""
    return over(contracts.CATALOGUE, CatalogueService)


@pytest.fixture
def book(app: Flask) -> int:
    """Publish a book of three copies."""
    return service(LocalCatalogue, app).publishing.publish(ANA, OFFER)


def test_books_come_as_snapshots(catalogue: CatalogueService, book: int) -> None:
    found = catalogue.books({book: "of any collection"}.keys() | {book + 1})
    assert list(found) == [book]
    shown = found[book]
    assert (shown.id, shown.seller_id, shown.seller_name) == (book, ANA.id, "Ana")
    assert (shown.price_minor, shown.stock, shown.cover) == (2_500_000, 3, None)
    assert catalogue.books([]) == {}


def test_a_reservation_is_held_sold_and_given_back(catalogue: CatalogueService, book: int) -> None:
    for _ in range(2):
        catalogue.reserve("a", [Line(book, 2)], expires_at=now() + LATER)
        assert catalogue.books([book])[book].stock == 1
        catalogue.confirm("a")
    for _ in range(2):
        catalogue.release("a", book_ids=[book])
        assert catalogue.books([book])[book].stock == 3


def test_refusals_come_with_what_they_are_made_of(catalogue: CatalogueService, book: int) -> None:
    with pytest.raises(OutOfStock) as short:
        catalogue.reserve("a", [Line(book, 4)], now() + LATER)
    assert (short.value.book_id, short.value.left) == (book, 3)
    with pytest.raises(ReservationExpired) as expired:
        catalogue.confirm("a")
    assert expired.value.key == "a"


def test_an_account_that_is_suspended_has_nothing_on_sale(
    catalogue: CatalogueService, book: int
) -> None:
    catalogue.account_changed(AccountSnapshot(ANA.id, 2, "Ana", suspended=True))
    assert catalogue.books([book]) == {}
    catalogue.account_changed(AccountSnapshot(ANA.id, 3, "Anita", suspended=False))
    assert catalogue.books([book])[book].seller_name == "Anita"


def test_the_sitemap_goes_on_after_a_book(catalogue: CatalogueService, book: int) -> None:
    (entry,) = catalogue.books_for_sitemap(after=0, limit=10)
    assert entry.book_id == book
    assert entry.updated_at <= now()
    assert list(catalogue.books_for_sitemap(book, 10)) == []


def test_a_session_is_resolved_until_it_is_revoked(
    over: Ask, app: Flask, newcomer: Callable[[], Shopper]
) -> None:
    auth = over(contracts.AUTH, AuthService)
    person = newcomer()
    held = session_of(app, person)
    account = auth.resolve(*held)
    assert account is not None
    assert account.email == person.email
    service(LocalAuth, app).end_sessions(account.id)
    assert auth.resolve(*held) is None
    assert auth.resolve(held[0] + 1, held[1]) is None
    assert list(auth.addresses(account.id)) == []


def test_carriers_are_asked_for_by_the_copies(over: Ask) -> None:
    orders = over(contracts.ORDERS, OrdersService)
    few, many = orders.shipping_estimates(1), orders.shipping_estimates(copies=9)
    assert [each.carrier for each in few] == [each.carrier for each in many] != []
    assert all(one.cost_minor < other.cost_minor for one, other in zip(few, many, strict=True))


def session_of(app: Flask, person: Shopper) -> list[int]:
    """Return what a person's cookie holds."""
    cookie = person.client.get_cookie("session")
    assert cookie is not None
    with app.test_request_context(headers={"Cookie": f"session={cookie.value}"}):
        held: list[int] = session["account"]
        return held


def test_another_token_opens_nothing(app: Flask, book: int) -> None:
    stranger = client(
        contracts.CATALOGUE, CatalogueService, "http://shop.internal", "wrong", transport(app)
    )
    with pytest.raises(ServiceUnavailable, match="catalogue does not answer: status 401"):
        stranger.books([book])


def test_a_call_that_got_no_answer_is_sent_once_more(app: Flask, book: int) -> None:
    lost = Losing(transport(app), times=1)
    catalogue = client(contracts.CATALOGUE, CatalogueService, "http://shop.internal", TOKEN, lost)
    catalogue.reserve("a", [Line(book, 2)], now() + LATER)
    assert catalogue.books([book])[book].stock == 1
    lost.left = 2
    with pytest.raises(ServiceUnavailable):
        catalogue.confirm("a")


class Losing(httpx.BaseTransport):
    """A network that loses answers after the service has done what was asked."""

    def __init__(self, to: httpx.BaseTransport, times: int) -> None:
        self._to = to
        self.left = times

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, and lose its answer some times."""
        answer = self._to.handle_request(request)
        if self.left:
            self.left -= 1
            raise httpx.ReadError("lost")
        return answer


def test_what_is_no_part_of_the_contract_is_refused(app: Flask) -> None:
    http = httpx.Client(
        base_url="http://shop.internal",
        headers={"Authorization": f"Bearer {TOKEN}"},
        transport=transport(app),
    )
    assert http.post("/catalogue/__init__", content=b"{}").status_code == 404
    assert http.post("/catalogue/joins_transactions", content=b"{}").status_code == 404
    answer = http.post("/catalogue/books", content=b'{"book_ids": ["secret"], "and": 1}')
    assert answer.status_code == 422
    assert "secret" not in answer.text
