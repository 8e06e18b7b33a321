"""Reservations: held until they expire, confirmed or released, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from bookstore.catalogue.forms import BookInput
from bookstore.catalogue.models import Book
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.db.database import Database, now
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import Line, OutOfStock, ReservationExpired
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import BOOK
from tests.support.poll import eventually

OFFER = BookInput.model_validate({**BOOK, "isbn": None})
ANA = Account(1, "Ana", "ana@example.com")
GIVE_UP_SECONDS = 30
LATER, PAST = timedelta(minutes=30), timedelta(minutes=-1)

Count = Callable[[int], tuple[int, int]]


@pytest.fixture
def catalogue(app: Flask) -> LocalCatalogue:
    """Give the shop's catalogue."""
    found: LocalCatalogue = service(LocalCatalogue, app)
    return found


@pytest.fixture
def count(database: Database) -> Count:
    """Give a way to count a book's copies that are left and those that are sold."""

    def work(book: int) -> tuple[int, int]:
        with database.reading() as db:
            stock, sold = db.execute(select(Book.stock, Book.sold).where(Book.id == book)).one()
            return stock, sold

    return work


@pytest.fixture
def book(catalogue: LocalCatalogue) -> int:
    """Publish a book of three copies."""
    return catalogue.publishing.publish(ANA, OFFER)


def test_a_reservation_is_confirmed_once(
    catalogue: LocalCatalogue, book: int, count: Count
) -> None:
    for _ in range(2):
        catalogue.reserve("a", [Line(book, 2)], now() + LATER)
        assert count(book) == (1, 0)
    for _ in range(2):
        catalogue.confirm("a")
        assert count(book) == (1, 2)
    catalogue.reserve("a", [Line(book, 2)], now() + LATER)
    assert count(book) == (1, 2)


def test_the_last_copies_are_held_for_who_asks_for_them_again(
    catalogue: LocalCatalogue, book: int, count: Count
) -> None:
    for _ in range(2):
        catalogue.reserve("a", [Line(book, 3)], now() + LATER)
        assert count(book) == (0, 0)
    with pytest.raises(OutOfStock):
        catalogue.reserve("another's", [Line(book, 1)], now() + LATER)


def test_all_lines_are_held_or_none(catalogue: LocalCatalogue, book: int, count: Count) -> None:
    other = catalogue.publishing.publish(ANA, OFFER.model_copy(update={"quantity": 1}))
    with pytest.raises(OutOfStock) as short:
        catalogue.reserve("a", [Line(other, 2), Line(book, 1)], now() + LATER)
    assert (short.value.book_id, short.value.left) == (other, 1)
    assert [count(each) for each in (book, other)] == [(3, 0), (1, 0)]
    with pytest.raises(ReservationExpired):
        catalogue.confirm("a")


def test_what_is_released_is_back_once_whether_it_was_held_or_sold(
    catalogue: LocalCatalogue, book: int, count: Count
) -> None:
    for key, confirmed in (("held", False), ("sold", True)):
        catalogue.reserve(key, [Line(book, 2)], now() + LATER)
        if confirmed:
            catalogue.confirm(key)
        for _ in range(2):
            catalogue.release(key)
            assert count(book) == (3, 0)
        with pytest.raises(ReservationExpired):
            catalogue.reserve(key, [Line(book, 2)], now() + LATER)
    catalogue.release("never held")


def test_one_order_of_a_purchase_is_released_alone(
    catalogue: LocalCatalogue, book: int, count: Count
) -> None:
    other = catalogue.publishing.publish(ANA, OFFER)
    catalogue.reserve("a", [Line(book, 1), Line(other, 2)], now() + LATER)
    # Cancelled before the confirmation came, which then is for the rest.
    catalogue.release("a", [book])
    for _ in range(2):
        catalogue.confirm("a")
        assert [count(each) for each in (book, other)] == [(3, 0), (1, 2)]
    catalogue.release("a", [other])
    assert count(other) == (3, 0)
    with pytest.raises(ReservationExpired):
        catalogue.confirm("a")
    assert count(other) == (3, 0)


def test_what_expires_goes_back_and_cannot_be_confirmed(
    catalogue: LocalCatalogue, book: int, count: Count
) -> None:
    catalogue.reserve("late", [Line(book, 1)], now() + PAST)
    catalogue.reserve("in time", [Line(book, 1)], now() + LATER)
    catalogue.reserve("bought", [Line(book, 1)], now() + PAST)
    catalogue.confirm("bought")
    assert catalogue.stock.release_expired() == 1
    assert catalogue.stock.release_expired() == 0
    assert count(book) == (1, 1)
    for call in (
        lambda: catalogue.confirm("late"),
        lambda: catalogue.reserve("late", [Line(book, 1)], now() + LATER),
    ):
        with pytest.raises(ReservationExpired):
            call()
    catalogue.release("late")
    assert count(book) == (1, 1)


@on_sqlite
def test_the_shops_jobs_put_back_what_expires(
    app: Flask, catalogue: LocalCatalogue, book: int, count: Count
) -> None:
    catalogue.reserve("late", [Line(book, 1)], now() + PAST)

    def is_back() -> None:
        assert count(book) == (3, 0)

    worker = service(Jobs, app).worker()
    worker.start()
    try:
        eventually(is_back, within=GIVE_UP_SECONDS)
    finally:
        assert worker.stop(GIVE_UP_SECONDS)


def test_the_oldest_expire_first_and_no_more_than_asked_for(
    catalogue: LocalCatalogue, book: int, count: Count
) -> None:
    for minutes in (1, 3, 2):
        catalogue.reserve(f"{minutes}", [Line(book, 1)], now() - timedelta(minutes=minutes))
    assert catalogue.stock.release_expired(2) == 2
    assert count(book) == (2, 0)
    catalogue.confirm("1")
    assert count(book) == (2, 1)


def test_racing_reservations_confirmations_and_expiries_keep_the_stock_true(
    catalogue: LocalCatalogue, count: Count
) -> None:
    books = [
        catalogue.publishing.publish(ANA, OFFER.model_copy(update={"quantity": 20}))
        for _ in range(2)
    ]

    def buy(number: int) -> bool:
        key, lines = f"key {number % 30}", [Line(book, 1) for book in books]
        expiry = now() + (LATER if number % 3 else PAST)
        try:
            catalogue.reserve(key, lines, expiry)
            catalogue.stock.release_expired()
            catalogue.confirm(key)
        except (OutOfStock, ReservationExpired):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(buy, range(60)))
    catalogue.stock.release_expired()
    for book in books:
        stock, sold = count(book)
        assert stock + sold == 20
        assert sold > 0
    assert count(books[0]) == count(books[1])
