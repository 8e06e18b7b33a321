"""A shop of two servers on one database, behind a balancer, with people in it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import ColumnElement, and_, create_engine, func, or_, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from bookstore.auth.models import Account
from bookstore.auth.service import LocalAuth
from bookstore.catalogue.models import Book
from bookstore.core.config.settings import load_settings
from bookstore.core.db.database import Database, now
from bookstore.core.db.migrate import migrate
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from bookstore.factory import create_app
from bookstore.orders.models import (
    Order,
    OrdersJob,
    OrderState,
    Purchase,
    PurchaseLine,
    PurchaseState,
    SimulatedCharge,
)
from tests.replicas.arrivals import Arrivals, Event
from tests.replicas.services import Services, three_services
from tests.support.keys import SECRET_KEY
from tests.support.newdatabase import new_database
from tests.support.replicas import Balancer, Replica
from tests.support.shopper import PASSWORD, Shopper

BUYERS = 6


@dataclass
class Shop:
    """Two servers, who sells there, and the database beside them, looked at as its root.

    :ivar app: the shop in this process, on the same database.
    :ivar environment: the settings of a process that serves this shop.
    """

    kind: str
    uri: str
    engine: Engine
    app: Flask
    environment: dict[str, str]
    mail: Arrivals
    replicas: list[Replica]
    balancer: Balancer
    seller: Shopper
    buyers: list[Shopper]
    accounts: list[int]

    def count(self, what: ColumnElement[int], *conditions: ColumnElement[bool]) -> int:
        with Session(self.engine) as db:
            return int(db.scalar(select(what).where(*conditions)) or 0)

    def stock(self, book: str) -> int:
        return self.count(Book.stock.expression, Book.id == int(book))

    def copies_paid(self, book: str) -> int:
        ordered = and_(
            Order.purchase_id == PurchaseLine.purchase_id, Order.seller_id == PurchaseLine.seller_id
        )
        with Session(self.engine) as db:
            paid = (
                select(func.sum(PurchaseLine.quantity))
                .join(Order, ordered)
                .where(PurchaseLine.book_id == int(book), Order.state == OrderState.PAID)
            )
            return int(db.scalar(paid) or 0)

    def paid_purchases(self, books: list[str]) -> list[int]:
        with Session(self.engine) as db:
            paid = (
                select(Purchase.id)
                .join(PurchaseLine, PurchaseLine.purchase_id == Purchase.id)
                .where(Purchase.state == PurchaseState.PAID)
                .where(PurchaseLine.book_id.in_([int(book) for book in books]))
            )
            return list(db.scalars(paid.order_by(Purchase.id)))

    def charged_minor(self) -> int:
        """Return what the gateway has taken and not given back."""
        return self.count(func.sum(SimulatedCharge.amount_minor), SimulatedCharge.reference != "")

    def ordered_minor(self) -> int:
        """Return what all orders that were not cancelled come to."""
        paid = func.sum(Order.goods_minor + Order.shipping_minor)
        return self.count(paid, Order.state != OrderState.CANCELLED)

    def to_be_mailed(self) -> set[Event]:
        """Return what people have to be told: buyers of their purchases, sellers of their sales."""
        with Session(self.engine) as db:
            bought = (
                select(Account.email, Purchase.id)
                .join(Purchase, Purchase.buyer_id == Account.id)
                .where(Purchase.state == PurchaseState.PAID)
            )
            sold = select(Account.email, Order.id).join(Order, Order.seller_id == Account.id)
            purchases = {(email, f"/purchases/{number}") for email, number in db.execute(bought)}
            return purchases | {(email, f"/orders/{number}") for email, number in db.execute(sold)}

    def jobs_due(self) -> int:
        """Return how many jobs a worker could take now."""
        free = or_(OrdersJob.leased_until.is_(None), OrdersJob.leased_until < now())
        waits = (OrdersJob.done_at.is_(None), OrdersJob.failed_at.is_(None))
        return self.count(func.count(OrdersJob.id), *waits, free, OrdersJob.run_at <= now())

    def run_jobs(self) -> None:
        """Run all that is left to do, also what waits for its next attempt or its lease's end."""
        service(Jobs, self.app).run_due(now() + timedelta(days=1))

    def unfinished_jobs(self) -> list[tuple[str, str | None]]:
        with Session(self.engine) as db:
            left = select(OrdersJob.kind, OrdersJob.error).where(OrdersJob.done_at.is_(None))
            return [(kind, error) for kind, error in db.execute(left)]


@pytest.fixture(scope="module")
def services(mysql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Give the shop as three services."""
    with three_services(mysql_url, tmp_path_factory.mktemp("services")) as services:
        yield services


@pytest.fixture(scope="module")
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    with ExitStack() as ends:
        uri = ends.enter_context(new_database(request.getfixturevalue(f"{kind}_url")))
        mail = Arrivals()
        mail.start()
        ends.callback(mail.server_close)
        ends.callback(mail.shutdown)
        by_mail = {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(mail.port),
            "SMTP_TLS": "disabled",
            "SMTP_FROM": "BookStore <books@example.com>",
            "PUBLIC_URL": "https://books.example.com",
        }
        environment = {
            "SQLALCHEMY_DATABASE_URI": uri,
            "SECRET_KEY": SECRET_KEY,
            "INSTANCE_DIR": str(folder),
            **by_mail,
        }
        settings = load_settings(**{name.lower(): value for name, value in environment.items()})
        migrate(settings)
        app = create_app(settings)
        ends.callback(service(Database, app).engine.dispose)
        engine = create_engine(uri, isolation_level="AUTOCOMMIT")
        ends.callback(engine.dispose)
        replicas = [Replica(uri, folder, DRAIN_SECONDS="300", **by_mail) for _ in range(2)]
        for replica in replicas:
            replica.start()
            ends.callback(replica.kill)
        for replica in replicas:
            replica.wait_ready()
        balancer = ends.enter_context(Balancer(replicas))
        people = [balancer.shopper() for _ in range(1 + BUYERS)]
        accounts = [log_in(app, person) for person in people]
        yield Shop(
            kind,
            uri,
            engine,
            app,
            environment,
            mail,
            replicas,
            balancer,
            people[0],
            people[1:],
            accounts,
        )


def log_in(app: Flask, person: Shopper) -> int:
    """Log somebody in to an account of their own, and return its id."""
    email = f"{uuid.uuid4().hex[:12]}@example.org"
    # By the pages an address would have to be confirmed by mail first.
    account, _ = service(LocalAuth, app).register(email, "Ana Restrepo", PASSWORD)
    person.log_in(email)
    return account.id
