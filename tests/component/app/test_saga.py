"""A process that is killed at any point of a purchase leaves no copy oversold and no money lost.

The points are those of ``bookstore.orders.purchasing``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from bookstore.catalogue.models import Reservation
from bookstore.catalogue.service import LocalCatalogue
from bookstore.catalogue.stock import Stock
from bookstore.core.db.database import Database, now
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from bookstore.orders.gateway import (
    CARD_APPROVED,
    CARD_DECLINED,
    CARD_LOST,
    CARD_TIMEOUT,
    PaymentTimeout,
    SimulatedGateway,
)
from bookstore.orders.ledger import Ledger
from bookstore.orders.models import Order, OrdersJob, Purchase, PurchaseState, SimulatedCharge
from bookstore.orders.purchasing import RESERVED_FOR, STALE_AFTER
from bookstore.orders.service import LocalOrders
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper
from tests.component.app.test_buying import asking

BUYER, COPIES = 4711, 3
RunJobs = Callable[..., int]


class Killed(BaseException):
    """The process is gone: no handler of an exception runs for it."""


@dataclass
class Kill:
    """Kills whoever comes to a point, once."""

    app: Flask
    patch: pytest.MonkeyPatch

    def at(self, point: str) -> None:
        when, _, name = point.partition(" ")
        owner: Any = {
            "reserve": service(LocalCatalogue, self.app),
            "confirm": service(LocalCatalogue, self.app),
            "release": service(LocalCatalogue, self.app),
            "charge": SimulatedGateway,
            "close": SimulatedGateway,
            "refund": SimulatedGateway,
        }.get(name, Ledger)
        original = getattr(owner, name)

        def kill(*arguments: Any, **options: Any) -> Any:
            self.patch.setattr(owner, name, original)
            if when == "after":
                original(*arguments, **options)
            raise Killed(point)

        self.patch.setattr(owner, name, kill)


@dataclass
class Shop:
    """A shop with one book, and the ways in which a purchase of it comes to its end."""

    app: Flask
    database: Database
    run_jobs: RunJobs
    book: int

    @property
    def orders(self) -> LocalOrders:
        found: LocalOrders = service(LocalOrders, self.app)
        return found

    def grow_old(self, by: timedelta) -> None:
        older = update(Purchase).values(created_at=now() - by)
        self.database.transaction(lambda db: db.execute(older).close())

    def settle(self) -> None:
        self.grow_old(2 * STALE_AFTER)
        self.orders.purchasing.settle_stale()
        self.run_jobs(now() + timedelta(hours=1))

    def state(self) -> str | None:
        with self.database.reading() as db:
            return db.scalar(select(Purchase.state))

    def count(self, model: Any) -> int:
        with self.database.reading() as db:
            return db.scalar(select(func.count()).select_from(model)) or 0

    def kept(self) -> int:
        """Return what the gateway has taken and not given back."""
        with self.database.reading() as db:
            return int(db.scalar(select(func.sum(SimulatedCharge.amount_minor)).where(
                SimulatedCharge.outcome != "declined"
            )) or 0)  # fmt: skip

    def stock(self) -> int:
        books = service(LocalCatalogue, self.app).books([self.book])
        return int(books[self.book].stock)

    def assert_whole(self) -> None:
        """Look whether goods and money agree, and whether nothing waits any more."""
        paid = self.count(Order)
        assert self.stock() == COPIES - paid
        assert (self.kept() > 0) == (paid > 0)
        assert self.state() != PurchaseState.PENDING
        assert (self.state() == PurchaseState.PAID) == (paid > 0)
        with self.database.reading() as db:
            assert db.scalars(select(OrdersJob.kind).where(OrdersJob.done_at.is_(None))).all() == []


@pytest.fixture
def shop(app: Flask, database: Database, seller: Shopper, run_jobs: RunJobs) -> Shop:
    return Shop(app, database, run_jobs, seller.publish(quantity=str(COPIES)))


POINTS = [
    (CARD_APPROVED, "after begin", "timed_out"),
    (CARD_APPROVED, "before reserve", "timed_out"),
    (CARD_APPROVED, "after reserve", "timed_out"),
    (CARD_APPROVED, "before charge", "timed_out"),
    (CARD_APPROVED, "after charge", "paid"),
    (CARD_APPROVED, "before confirm", "paid"),
    (CARD_APPROVED, "after confirm", "paid"),
    (CARD_APPROVED, "before pay", "paid"),
    (CARD_APPROVED, "after pay", "paid"),
    (CARD_LOST, "before close", "paid"),
    (CARD_LOST, "after close", "paid"),
    (CARD_TIMEOUT, "before close", "timed_out"),
    (CARD_TIMEOUT, "after close", "timed_out"),
    (CARD_TIMEOUT, "after fail", "timed_out"),
    (CARD_DECLINED, "before fail", "timed_out"),
    (CARD_DECLINED, "after fail", "declined"),
    (CARD_DECLINED, "before release", "declined"),
    (CARD_DECLINED, "after release", "declined"),
]


@on_sqlite
@pytest.mark.parametrize(("card", "point", "end"), POINTS)
def test_a_purchase_whose_process_was_killed_is_settled_by_a_job(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, card: str, point: str, end: str
) -> None:
    Kill(shop.app, monkeypatch).at(point)
    with pytest.raises(Killed):
        shop.orders.buy(BUYER, "Ana", asking(shop.book, card=card))
    shop.settle()
    assert shop.state() == end
    shop.assert_whole()


@on_sqlite
@pytest.mark.parametrize(("card", "point", "end"), POINTS)
def test_a_purchase_whose_process_was_killed_is_carried_on_by_the_same_request(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, card: str, point: str, end: str
) -> None:
    wanted = asking(shop.book, card=card)
    Kill(shop.app, monkeypatch).at(point)
    with pytest.raises(Killed):
        shop.orders.buy(BUYER, "Ana", wanted)
    state = shop.orders.buy(BUYER, "Ana", wanted).state
    # The buyer is here and the card is good, so what had not been charged is charged now.
    assert state == {CARD_APPROVED: "paid", CARD_DECLINED: "declined"}.get(card, end)
    shop.settle()
    assert shop.state() == state
    shop.assert_whole()


@on_sqlite
@pytest.mark.parametrize(
    "point", ["no", "after expire", "before refund", "after refund", "before returned"]
)
def test_what_is_charged_after_the_copies_expired_is_given_back_and_told(
    shop: Shop, buyer: Shopper, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    charge = SimulatedGateway.charge

    def slow(gateway: SimulatedGateway, *arguments: Any) -> str:
        reference = charge(gateway, *arguments)
        monkeypatch.setattr(SimulatedGateway, "charge", charge)
        let_it_expire(shop)
        return reference

    monkeypatch.setattr(SimulatedGateway, "charge", slow)
    wanted = asking(shop.book)
    if point != "no":
        Kill(shop.app, monkeypatch).at(point)
    try:
        assert shop.orders.buy(BUYER, "Ana", wanted).state == "expired"
        shop.run_jobs()
    except Killed:
        lease_over = timedelta(minutes=5)
        shop.run_jobs(now() + lease_over)
    assert shop.orders.buy(BUYER, "Ana", wanted).state == "expired"
    shop.settle()
    assert (shop.state(), shop.kept(), shop.count(Order)) == ("expired", 0, 0)
    shop.assert_whole()
    with shop.database.reading() as db:
        assert db.scalars(select(Purchase.refunded_at)).one() is not None
        refunds = select(func.count()).where(SimulatedCharge.outcome == "refunded")
        assert db.scalars(refunds).one() == 1


def let_it_expire(shop: Shop) -> None:
    """Let the time of all reservations be over, and the catalogue notice."""
    over = update(Reservation).values(expires_at=now() - timedelta(seconds=1))
    shop.database.transaction(lambda db: db.execute(over).close())
    assert Stock(shop.database).release_expired() == 1


@on_sqlite
def test_a_request_that_slept_through_its_own_end_charges_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = SimulatedGateway.charge

    def slow(gateway: SimulatedGateway, *arguments: Any) -> str:
        monkeypatch.setattr(SimulatedGateway, "charge", charge)
        shop.settle()
        return charge(gateway, *arguments)

    monkeypatch.setattr(SimulatedGateway, "charge", slow)
    assert shop.orders.buy(BUYER, "Ana", asking(shop.book)).state == "timed_out"
    shop.assert_whole()


@on_sqlite
def test_a_purchase_that_finds_its_reservation_over_is_not_charged(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = asking(shop.book)
    Kill(shop.app, monkeypatch).at("before charge")
    with pytest.raises(Killed):
        shop.orders.buy(BUYER, "Ana", wanted)
    let_it_expire(shop)
    assert shop.orders.buy(BUYER, "Ana", wanted).state == "timed_out"
    shop.settle()
    shop.assert_whole()


@on_sqlite
def test_a_key_whose_copies_could_not_be_had_is_free_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = service(LocalCatalogue, shop.app)
    reserve = catalogue.reserve
    wanted = asking(shop.book)

    def late(key: str, lines: Any, expires_at: Any) -> Any:
        monkeypatch.setattr(catalogue, "reserve", reserve)
        raise OutOfStock(shop.book, 0)

    monkeypatch.setattr(catalogue, "reserve", late)
    with pytest.raises(OutOfStock):
        shop.orders.buy(BUYER, "Ana", wanted)
    assert shop.count(Purchase) == 0
    assert shop.orders.buy(BUYER, "Ana", wanted).state == "paid"
    shop.settle()
    shop.assert_whole()


@on_sqlite
@pytest.mark.parametrize("is_killed", [False, True])
def test_what_a_second_click_charged_for_a_purchase_that_was_dropped_is_given_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, is_killed: bool
) -> None:
    """Of two equal requests one finds the copies gone, the other a moment later there again."""
    catalogue = service(LocalCatalogue, shop.app)
    confirm = catalogue.confirm
    wanted = asking(shop.book)

    def drop_meanwhile(key: str) -> None:
        queues = service(Jobs, shop.app).queues
        (queue,) = (queue for queue in queues if queue.domain == "orders")
        ledger = Ledger(shop.database, queue)
        begun = ledger.find(BUYER, wanted.key)
        assert begun is not None
        ledger.drop(begun)
        if is_killed:
            raise Killed
        confirm(key)

    monkeypatch.setattr(catalogue, "confirm", drop_meanwhile)
    with pytest.raises(Killed if is_killed else OutOfStock):
        shop.orders.buy(BUYER, "Ana", wanted)
    assert shop.kept() > 0
    shop.run_jobs(now() + timedelta(hours=1))
    assert (shop.kept(), shop.stock(), shop.count(Order)) == (0, COPIES, 0)


@on_sqlite
def test_a_purchase_that_its_buyer_ended_leaves_the_job_nothing_to_settle(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = asking(shop.book)
    Kill(shop.app, monkeypatch).at("before charge")
    with pytest.raises(Killed):
        shop.orders.buy(BUYER, "Ana", wanted)
    shop.grow_old(2 * STALE_AFTER)
    shop.orders.purchasing.settle_stale()
    assert shop.orders.buy(BUYER, "Ana", wanted).state == "paid"
    shop.run_jobs(now() + timedelta(hours=1))
    assert shop.state() == "paid"
    shop.assert_whole()


@on_sqlite
def test_a_purchase_that_ended_while_its_copies_were_asked_for_is_not_dropped(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = service(LocalCatalogue, shop.app)

    def find_none_left_when_it_is_settled(_key: str, _lines: Any, _expires_at: Any) -> None:
        shop.settle()
        raise OutOfStock(shop.book, 0)

    monkeypatch.setattr(catalogue, "reserve", find_none_left_when_it_is_settled)
    with pytest.raises(OutOfStock):
        shop.orders.buy(BUYER, "Ana", asking(shop.book))
    assert shop.state() == "timed_out"
    shop.assert_whole()


@on_sqlite
def test_of_two_that_are_charged_too_late_for_one_purchase_one_gives_the_money_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = service(LocalCatalogue, shop.app)
    confirm = catalogue.confirm
    wanted = asking(shop.book)

    def click_again_meanwhile(key: str) -> None:
        monkeypatch.setattr(catalogue, "confirm", confirm)
        let_it_expire(shop)
        assert shop.orders.buy(BUYER, "Ana", wanted).state == "expired"
        confirm(key)

    monkeypatch.setattr(catalogue, "confirm", click_again_meanwhile)
    assert shop.orders.buy(BUYER, "Ana", wanted).state == "expired"
    shop.run_jobs(now() + timedelta(hours=1))
    assert (shop.kept(), shop.count(Order)) == (0, 0)
    with shop.database.reading() as db:
        refunds = select(func.count()).where(SimulatedCharge.outcome == "refunded")
        assert db.scalars(refunds).one() == 1


def test_no_transaction_is_open_while_another_domain_or_the_gateway_is_asked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def looked(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            # A row of this domain would be locked, or on SQLite the whole database.
            touched = update(Purchase).values(buyer_name="Ana María")
            with shop.database.engine.begin() as connection:
                connection.execute(touched)
            asked.append(name)
            return original(*arguments)

        return call

    catalogue = service(LocalCatalogue, shop.app)
    for owner, names in (
        (catalogue, ("books", "reserve", "confirm", "release")),
        (SimulatedGateway, ("charge", "close", "refund")),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, looked(name, getattr(owner, name)))
    shop.orders.buy(BUYER, "Ana", asking(shop.book, card=CARD_DECLINED))
    shop.orders.buy(BUYER, "Ana", asking(shop.book, card=CARD_LOST))
    with shop.database.reading() as db:
        order_id = db.scalars(select(Order.id)).one()
    shop.orders.fulfilment.cancel(BUYER, order_id)
    shop.run_jobs(now() + timedelta(hours=1))
    assert {*asked} == {"books", "reserve", "confirm", "release", "charge", "close", "refund"}


@on_sqlite
def test_a_gateway_that_is_away_when_a_purchase_is_settled_is_asked_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> str:
        raise PaymentTimeout("away")

    with monkeypatch.context() as patch:
        patch.setattr(SimulatedGateway, "close", away)
        assert shop.orders.buy(BUYER, "Ana", asking(shop.book, card=CARD_LOST)).state == "pending"
        shop.run_jobs(now() + timedelta(minutes=2))
    assert shop.state() == "pending"
    shop.run_jobs(now() + timedelta(days=1))
    assert shop.state() == "paid"
    shop.assert_whole()


def test_a_reservation_outlives_the_time_after_which_a_purchase_is_settled() -> None:
    assert RESERVED_FOR > 2 * STALE_AFTER
