"""The domains' interfaces, asked in the same process and over HTTP: one contract for both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol, TypeVar, cast

import pytest
from flask import Flask, session
from sqlalchemy.orm import Session

from bookstore.auth.service import LocalAuth
from bookstore.catalogue.forms import BookInput
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.db.database import now
from bookstore.core.interfaces import contracts
from bookstore.core.interfaces.auth import Account, AuthService
from bookstore.core.interfaces.catalogue import (
    AccountSnapshot,
    CatalogueService,
    Line,
    OutOfStock,
    ReservationExpired,
)
from bookstore.core.interfaces.jobs import JobsService, JobState
from bookstore.core.interfaces.orders import OrdersService
from bookstore.core.jobs.kinds import GiveUp, Job
from bookstore.core.jobs.registry import Jobs
from bookstore.core.rpc.client import client
from bookstore.core.rpc.contract import Contract
from bookstore.core.services import service
from tests.component.app.shopper import BOOK, Shopper
from tests.support.servicekeys import SIGNER, internal

T = TypeVar("T")

LATER = timedelta(minutes=30)
OFFER = BookInput.model_validate({**BOOK, "isbn": None})
ANA = Account(7, "Ana", "ana@example.com")


class Ask(Protocol):
    """A way to ask a domain."""

    def __call__(self, contract: Contract, interface: type[T]) -> T:
        """Return an implementation of the domain's interface."""


@pytest.fixture(params=["in the process", "over HTTP"])
def over(request: pytest.FixtureRequest, app: Flask) -> Ask:
    """Give a way to ask a domain, in the one and the other implementation."""

    def ask(contract: Contract, interface: type[T]) -> T:
        if request.param == "in the process":
            return cast("T", contracts.implemented(contract, app)[interface])
        return client(contract, interface, "http://shop.internal", SIGNER, internal(app))

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


@pytest.mark.parametrize("domain", sorted(contracts.CONTRACTS))
def test_failed_jobs_are_seen_retried_and_set_aside(over: Ask, app: Flask, domain: str) -> None:
    jobs = over(contracts.CONTRACTS[domain], JobsService)
    registry, reasons = service(Jobs, app), ["first", "second", None]
    (queue,) = (queue for queue in registry.queues if queue.domain == domain)

    def fail(_job: Job) -> None:
        if reason := reasons.pop(0):
            raise GiveUp(reason)

    queue.handle("refund", fail)
    assert jobs.troubled_jobs() == []
    registry.run_due()

    def add(db: Session) -> None:
        for key in ("a", "b"):
            queue.add(db, "refund", {}, key=key)

    queue.database.transaction(add)
    began = now()
    registry.run_due()
    second, first = jobs.troubled_jobs()
    assert (first.domain, first.kind, first.state) == (domain, "refund", JobState.FAILED)
    assert (first.attempts, {first.error, second.error}) == (1, {"first", "second"})
    assert began - LATER < first.created_at <= now()
    assert jobs.dismiss_job(first.id)
    assert not jobs.dismiss_job(first.id)
    assert jobs.retry_job(second.id)
    registry.run_due()
    assert not jobs.retry_job(second.id)
    assert jobs.troubled_jobs() == []
    assert jobs.retry_failed_jobs() == 0


def session_of(app: Flask, person: Shopper) -> list[int]:
    """Return what a person's cookie holds."""
    cookie = person.client.get_cookie("session")
    assert cookie is not None
    with app.test_request_context(headers={"Cookie": f"session={cookie.value}"}):
        held: list[int] = session["account"]
        return held
