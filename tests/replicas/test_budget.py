"""Pods that the operator sized by the database's connections never open more of them together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from bookstore.core.config.settings import load_settings
from bookstore.core.db.migrate import migrate
from bookstore_operator.components.sizing import DEFAULT_THREADS, DEFAULT_WORKERS, SURGE, sizes
from tests.support.keys import SECRET_KEY
from tests.support.newdatabase import new_database
from tests.support.replicas import Balancer, Replica
from tests.support.shopper import Shopper
from tests.unit.operator.staging import store

PODS = 2
BUDGET = 31
"""Connections of the database: five for each of two workers of three pods, and one to migrate."""

USUAL = {"WEB_CONCURRENCY": str(DEFAULT_WORKERS), "WEB_THREADS": str(DEFAULT_THREADS)}
"""What the shop takes where nothing is said."""

BUYERS, PURCHASES = 6, 5
READERS = 18
COPIES = 100
LOOK_SECONDS = 0.02


@pytest.fixture
def database(mysql_url: str) -> Iterator[str]:
    """Give the URL of a database that no other shop uses."""
    with new_database(mysql_url) as uri:
        migrate(load_settings(sqlalchemy_database_uri=uri, secret_key=SECRET_KEY))
        yield uri


@contextmanager
def pods(database: str, folder: Path, settings: dict[str, str]) -> Iterator[Balancer]:
    """Run as many servers as there are while pods are replaced, all of which serve."""
    with ExitStack() as ends:
        servers = [Replica(database, folder, **settings) for _ in range(PODS + SURGE)]
        for server in servers:
            server.start()
            ends.callback(server.kill)
        for server in servers:
            server.wait_ready()
        yield ends.enter_context(Balancer(servers))


@contextmanager
def counted(database: str) -> Iterator[list[int]]:
    """Count the connections to a database again and again, but for that which counts."""
    ended, seen = threading.Event(), [0]
    engine = create_engine(make_url(database).set(database="mysql"))
    asked = text("SELECT COUNT(*) FROM information_schema.processlist WHERE db = :name")

    def look() -> None:
        with engine.connect() as server:
            while not ended.wait(LOOK_SECONDS):
                seen.append(server.scalar(asked, {"name": make_url(database).database}) or 0)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        ended.set()
        looking.join()
        engine.dispose()


def crowd(balancer: Balancer) -> tuple[list[str], int]:
    """Let people buy while others read without a pause; return what was bought, and failures."""
    seller, *buyers = [balancer.shopper() for _ in range(1 + BUYERS)]
    for person in (seller, *buyers):
        person.register()
    book = seller.publish("Rayuela", COPIES)
    ended, failed = threading.Event(), [0]

    def read() -> None:
        reader = balancer.shopper()
        while not ended.is_set():
            try:
                reader.page(f"/books/{book}")
            except httpx.HTTPError:
                failed[0] += 1

    def buy(buyer: Shopper) -> list[str]:
        return [buyer.buy(book) for _ in range(PURCHASES)]

    with ThreadPoolExecutor(READERS + BUYERS) as people:
        reading = [people.submit(read) for _ in range(READERS)]
        bought = [path for paths in people.map(buy, buyers) for path in paths]
        ended.set()
    assert all(one.exception() is None for one in reading)
    assert seller.stock(book) == COPIES - len(bought)
    return bought, failed[0]


def test_a_burst_opens_no_more_connections_than_the_database_has(
    database: str, tmp_path: Path
) -> None:
    settings = USUAL | sizes(store(replicas=PODS, web={"connectionBudget": BUDGET}))
    with pods(database, tmp_path, settings) as balancer, counted(database) as seen:
        bought, failed = crowd(balancer)
        # A migration may come meanwhile.
        migrate(load_settings(sqlalchemy_database_uri=database, secret_key=SECRET_KEY))
    assert len(set(bought)) == BUYERS * PURCHASES
    assert failed == 0
    assert max(seen) <= BUDGET
    assert max(seen) > BUDGET // 2, "it was no burst"
