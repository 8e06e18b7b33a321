"""A shop of two servers on one database, behind a balancer, with people in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, create_engine, func, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from bookstore.catalogue.models import Book
from bookstore.core.config import load_settings
from bookstore.core.migrate import migrate
from bookstore.orders.models import Order, OrderLine, OrderState
from tests.support.keys import SECRET_KEY
from tests.support.newdatabase import new_database
from tests.support.replicas import Balancer, Replica
from tests.support.shopper import Shopper

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

    def count(self, what: ColumnElement[int], *conditions: ColumnElement[bool]) -> int:
        with Session(self.engine) as db:
            return int(db.scalar(select(what).where(*conditions)) or 0)

    def stock(self, book: str) -> int:
        return self.count(Book.stock.expression, Book.id == int(book))

    def copies_paid(self, book: str) -> int:
        with Session(self.engine) as db:
            paid = (
                select(func.sum(OrderLine.quantity))
                .join(Order, Order.id == OrderLine.order_id)
                .where(OrderLine.book_id == int(book), Order.state == OrderState.PAID)
            )
            return int(db.scalar(paid) or 0)


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
        for person in people:
            person.register()
        yield Shop(kind, uri, engine, folder, replicas, balancer, people[0], people[1:])
