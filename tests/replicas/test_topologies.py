"""A shop moves between one schema and three under purchases, and the mover is killed at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from bookstore.cli import bookstore
from bookstore.core.db.places import Places, schemas_of
from tests.replicas.services import DOMAINS, three_services
from tests.support.background import repeating
from tests.support.newdatabase import new_database
from tests.support.replicas import Replica
from tests.support.shopper import Shopper
from tests.support.wholeshop import WholeShop

COPIES = 500
PAUSE_SECONDS = 0.1
TO_SERVICES, TO_WHOLE = ("--to", "Microservices"), ("--to", "Monolith")


@dataclass
class Customer:
    """One who buys again and again, and keeps what the shop acknowledged."""

    person: Shopper
    book: str
    bought: list[str] = field(default_factory=list)

    def act(self) -> None:
        """Look around and buy a copy; raises for each answer that is none."""
        for path in ("/", f"/books/{self.book}", "/?q=rayuela&sort=cheapest", "/cart", "/sell"):
            self.person.page(path)
        self.bought.append(self.person.buy(self.book))


@dataclass
class Moved(WholeShop):
    """A whole shop's schema, and a root's way to the server."""

    server_url: str

    def run(self, *arguments: str) -> None:
        """Run a command of the whole shop."""
        done = CliRunner().invoke(bookstore, arguments, env=self.environment)
        assert done.exit_code == 0, done.output

    def run_killed(self, *arguments: str) -> None:
        """Run a command that is killed after its changes, until it has nothing left to do."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.replicas.killed", self.server_url, *arguments],
            env={**os.environ, **self.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert int(done.stdout.splitlines()[-1].split()[0]) > 0

    @contextmanager
    def whole(self) -> Iterator[Replica]:
        """Run the whole shop as one server."""
        server = Replica(self.uri, self.folder, WEB_CONCURRENCY="1")
        server.start()
        try:
            server.wait_ready()
            yield server
        finally:
            server.kill()

    def places(self) -> Mapping[str, str]:
        with self.root.connect() as connection:
            return Places.read(connection, self.name).all()

    def scalar(self, domain: str, query: str) -> int:
        with self.root.connect() as connection:
            connection.execute(text(f"USE {self.places()[domain]}"))
            return int(connection.scalar(text(query)) or 0)


@pytest.fixture
def shop(mysql_url: str, tmp_path: Path) -> Iterator[Moved]:
    """Give a whole shop's schema with its tables."""
    with new_database(mysql_url) as uri:
        root = create_engine(mysql_url, isolation_level="AUTOCOMMIT")
        shop = Moved(uri, tmp_path, root, mysql_url)
        shop.run("migrate")
        yield shop
        with root.connect() as connection:
            for name in schemas_of(shop.name)[1:]:
                connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        root.dispose()


def test_a_shop_moves_to_services_and_back_under_purchases(shop: Moved) -> None:
    with ExitStack() as ends:
        with shop.whole() as server:
            seller = Shopper(server.url)
            seller.register()
            book = seller.publish("Rayuela", COPIES)
            early = Customer(Shopper(server.url), book)
            early.person.register()
            with repeating(early.act, every=PAUSE_SECONDS):
                shop.run_killed("schemas", "expand", *TO_SERVICES)
                services = ends.enter_context(
                    three_services(shop.server_url, shop.folder, shop.name)
                )
                late = Customer(services.shopper(), book)
                late.person.register()
                with repeating(late.act, every=PAUSE_SECONDS):
                    shop.run_killed("schemas", "cutover", *TO_SERVICES)
        assert shop.places() == {domain: f"{shop.name}_{domain}" for domain in DOMAINS}
        assert_each_is_there_once(shop, book, early, late)
        # The whole shop is away now, so its views may go.
        with repeating(late.act, every=PAUSE_SECONDS):
            shop.run_killed("schemas", "contract")
            shop.run_killed("schemas", "cutover", *TO_WHOLE)
    assert shop.places() == dict.fromkeys(DOMAINS, shop.name)
    assert_each_is_there_once(shop, book, early, late)


def test_who_is_led_to_the_other_side_and_back_stays_logged_in_and_goes_on_buying(
    shop: Moved,
) -> None:
    with shop.whole() as server:
        seller = Shopper(server.url)
        seller.register()
        customer = Customer(Shopper(server.url), seller.publish("Rayuela", COPIES))
        customer.person.register()
        customer.act()
        shop.run("schemas", "expand", *TO_SERVICES)
        with three_services(shop.server_url, shop.folder, shop.name) as services:
            sides = [services.shopper().http, customer.person.http]
            for to, (there, back) in zip(
                (TO_SERVICES, TO_WHOLE), (sides, reversed(sides)), strict=True
            ):
                for http in (there, back, there):
                    http.cookies = customer.person.http.cookies
                    customer.person.http = http
                    customer.act()
                shop.run("schemas", "cutover", *to)
                customer.act()
    assert shop.places() == dict.fromkeys(DOMAINS, shop.name)
    assert_each_is_there_once(shop, customer.book, customer)
    assert len(customer.bought) == 9


def assert_each_is_there_once(shop: Moved, book: str, *customers: Customer) -> None:
    """Check that each purchase that was acknowledged is written and paid once, and no other is."""
    bought = [path.rpartition("/")[2] for customer in customers for path in customer.bought]
    assert all(customer.bought for customer in customers)
    assert len(set(bought)) == len(bought)
    ids = ", ".join(bought)
    assert shop.scalar("orders", f"SELECT COUNT(*) FROM orders WHERE purchase_id IN ({ids})") == (
        len(bought)
    )
    assert shop.scalar("orders", "SELECT COUNT(*) FROM orders") == len(bought)
    assert shop.scalar("orders", "SELECT COUNT(*) FROM simulated_charges") == len(bought)
    assert shop.scalar("catalogue", f"SELECT sold FROM books WHERE id = {book}") == len(bought)
    assert shop.scalar("catalogue", f"SELECT stock FROM books WHERE id = {book}") == (
        COPIES - len(bought)
    )
