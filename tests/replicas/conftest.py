"""A shop of two servers on one database, behind a balancer, with people in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, and_, create_engine, func, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

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
from tests.support.keys import SECRET_KEY
from tests.support.newdatabase import new_database
from tests.support.replicas import Balancer, Replica
from tests.support.shopper import PASSWORD, Shopper

BUYERS = 6


@dataclass
class Shop:
    """Two servers, who sells there, and the database beside them, looked at as its root."""

    kind: str
    uri: str
    engine: Engine
    folder: Path
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

    def run_jobs(self) -> None:
        """Run all that is left to do, also what waits for its next attempt."""
        app = create_app(
            load_settings(
                sqlalchemy_database_uri=self.uri, secret_key=SECRET_KEY, instance_dir=self.folder
            )
        )
        service(Jobs, app).run_due(now() + timedelta(days=1))
        service(Database, app).engine.dispose()

    def unfinished_jobs(self) -> list[tuple[str, str | None]]:
        with Session(self.engine) as db:
            left = select(OrdersJob.kind, OrdersJob.error).where(OrdersJob.done_at.is_(None))
            return [(kind, error) for kind, error in db.execute(left)]


@pytest.fixture(scope="module")
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    with ExitStack() as ends:
        uri = ends.enter_context(new_database(request.getfixturevalue(f"{kind}_url")))
        migrate(load_settings(sqlalchemy_database_uri=uri, secret_key=SECRET_KEY))
        engine = create_engine(uri, isolation_level="AUTOCOMMIT")
        ends.callback(engine.dispose)
        replicas = [Replica(uri, folder, DRAIN_SECONDS="300") for _ in range(2)]
        for replica in replicas:
            replica.start()
            ends.callback(replica.kill)
        for replica in replicas:
            replica.wait_ready()
        balancer = ends.enter_context(Balancer(replicas))
        people = [balancer.shopper() for _ in range(1 + BUYERS)]
        accounts = [account_of(person, person.register()) for person in people]
        yield Shop(kind, uri, engine, folder, replicas, balancer, people[0], people[1:], accounts)


def account_of(person: Shopper, email: str) -> int:
    """Return the id of somebody's account, as the API tells it."""
    login = {"email": email, "password": PASSWORD}
    token = person.http.post("/api/v1/tokens", json=login).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    return int(person.http.get("/api/v1/account", headers=headers).json()["id"])
