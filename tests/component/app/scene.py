"""A shop in the middle of its day: people, books and orders in every state, as often as asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from PIL import Image
from sqlalchemy import delete, insert, select, text

from bookstore.auth.invitations import Invitations
from bookstore.auth.moderation import Moderation
from bookstore.auth.registration import Applicant, Registrations
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.database import ON_MYSQL, Database, now
from bookstore.core.db.migrate import migrate
from bookstore.core.interfaces.auth import Account
from bookstore.core.jobs.registry import Jobs
from bookstore.core.observability.health import Readiness
from bookstore.core.services import service
from bookstore.factory import create_app
from bookstore.orders.models import Order, OrdersJob, Purchase, PurchaseState
from tests.component.app.client import Client
from tests.component.app.databases import TABLES
from tests.component.app.mailbox import Mailbox, text_of
from tests.component.app.moderator import promote, run_jobs
from tests.component.app.shopper import ADDRESS, APPROVED, DECLINED, Shopper, purchase
from tests.support.keys import SECRET_KEY

LINKS = {
    "email": r"/account/email/(\S+)",
    "reset": r"/auth/reset/(\S+)",
    "invited": r"/auth/invitation/(\S+)",
    "registration": r"/auth/confirm/(\S+)",
}
PEOPLE = ("seller", "buyer", "other", "moderator", "second", "suspended")
NEW_EMAIL = "a-new-address@example.com"
INVITED_EMAIL = "an-invited-address@example.com"
APPLICANT = Applicant(
    email="an-applicant@example.com",
    name="Eva",
    password="another long password",
    language="en",
    time_zone=None,
    address="192.0.2.1",
)

Rows = dict[str, list[dict[str, Any]]]


def picture(kind: str) -> bytes:
    """Return the smallest picture that is taken as a cover."""
    written = BytesIO()
    Image.new("RGB", (40, 40), "teal").save(written, kind)
    return written.getvalue()


def sqlite_in(folder: Path) -> str:
    """Return the URI of a database in a folder."""
    return f"sqlite:///{folder}/shop.sqlite3"


def new_app(uri: str, folder: Path) -> Flask:
    """Make a shop with all caching off.

    :param folder: for what it keeps beside the database.
    """
    return create_app(
        load_settings(
            sqlalchemy_database_uri=uri,
            secret_key=SECRET_KEY,
            instance_dir=folder,
            page_cache_seconds=0,
        )
    )


@contextmanager
def opened(uri: str, folder: Path, templates: BytecodeCache) -> Iterator[Scene]:
    """Open a shop on a database with nothing in it, of which a server's has the schema."""
    app = new_app(uri, folder)
    app.jinja_env.bytecode_cache = templates
    yield Scene(app)
    run_jobs(app)
    service(Database, app).engine.dispose()
    service(Readiness, app).engine.dispose()


@dataclass
class Person:
    """Hold who somebody is, by their session's cookie and by their token."""

    email: str
    password: str
    cookie: str
    csrf_token: str
    bearer: str | None


@dataclass
class Scene:
    """Have a seller's books, a buyer's orders, cart and addresses, a moderator and bystanders.

    What is there has a name in ``ids``.
    """

    app: Flask
    people: dict[str, Person] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings: Settings = service(Settings, self.app)
        self._outbox = settings.outbox
        if settings.on_sqlite:
            migrate(settings)
        self.database: Database = service(Database, self.app)
        emails = {name: f"{name}@example.com" for name in PEOPLE}
        shoppers = {name: Shopper(self.app, email=email) for name, email in emails.items()}
        clients = {name: Client(self.app, email=email) for name, email in emails.items()}
        for name in PEOPLE:
            shoppers[name].register(f"{name} Gómez")
            self.ids[name] = clients[name].log_in().get("/account").json["id"]
        self._publish(clients["seller"], clients["other"])
        self._buy(shoppers["buyer"], clients["seller"])
        self._write_home(shoppers["buyer"], clients["buyer"])
        self._moderate(emails["moderator"])
        self._fail_a_job()
        self._send_links(shoppers["buyer"])
        self.ids["style"], self.ids["unknown"] = "style.css", "made.up.token"
        self.ids["sitemap"] = 0
        shoppers["visitor"], clients["visitor"] = Shopper(self.app), Client(self.app)
        for name, shopper in shoppers.items():
            csrf_token = shopper.token()
            cookie = shopper.client.get_cookie("session")
            assert cookie is not None
            self.people[name] = Person(
                shopper.email, shopper.password, cookie.value, csrf_token, clients[name].token
            )
        # Also what is for later, lest it become due in the midst of a test.
        service(Jobs, self.app).run_due(now() + timedelta(hours=1))
        self.rows = self.read()

    def shopper(self, name: str) -> Shopper:
        """Give somebody's browser as it was at the beginning."""
        person = self.people[name]
        shopper = Shopper(self.app, email=person.email, password=person.password)
        shopper.client.set_cookie("session", person.cookie)
        return shopper

    def client(self, name: str) -> Client:
        """Give a program that has somebody's token."""
        person = self.people[name]
        return Client(self.app, email=person.email, token=person.bearer)

    def read(self) -> Rows:
        """Return all that is in the database, by table."""
        with self.database.engine.connect() as connection:
            return {
                table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in TABLES
            }

    def reset(self) -> None:
        """Make the database as it was at the beginning."""
        run_jobs(self.app)
        found = self.read()
        changed = [table for table in TABLES if found[table.name] != self.rows[table.name]]
        on_mysql = self.database.engine.dialect.name in ON_MYSQL
        held = "SET foreign_key_checks = {}" if on_mysql else "PRAGMA defer_foreign_keys = {}"
        with self.database.engine.begin() as connection:
            connection.execute(text(held.format(0 if on_mysql else 1)))
            for table in changed:
                connection.execute(delete(table))
                if self.rows[table.name]:
                    connection.execute(insert(table), self.rows[table.name])
            connection.execute(text(held.format(1 if on_mysql else 0)))

    def mails(self) -> set[str]:
        """Return the names of all mails that were sent."""
        run_jobs(self.app)
        return {file.name for file in self._outbox.glob("*.eml")}

    def _publish(self, seller: Client, other: Client) -> None:
        self.ids["listed"] = seller.publish(title="Listed by the seller", stock=1000)
        self.ids["withdrawn"] = seller.publish(title="Withdrawn by the seller")
        self.ids["hidden"] = seller.publish(title="Hidden by a moderator")
        self.ids["another"] = other.publish(title="Listed by the other", stock=1000)
        seller.post(f"/account/books/{self.ids['withdrawn']}/withdraw")
        # Two books with one picture, whose file stays while either has it.
        for owner, book in ((seller, self.ids["listed"]), (other, self.ids["another"])):
            path = f"/account/books/{book}/cover"
            answer = owner.put(path, picture("PNG"), Content_Type="image/png")
            assert answer.status_code == 200, answer.text
            self.ids["cover"] = answer.json["cover"][0]["address"].rsplit("/", 1)[1]

    def _buy(self, buyer: Shopper, seller: Client) -> None:
        book = self.ids["listed"]
        for name in ("paid", "shipped"):
            buyer.buy(book, purchase(APPROVED))
            self.ids[name] = buyer.orders()[0][0]
        buyer.buy(book, purchase(DECLINED))
        answer = seller.post(f"/orders/{self.ids['shipped']}/ship", {"tracking": "CO-1234"})
        assert answer.status_code == 200, answer.text
        with self.database.reading() as db:
            of_the_paid = select(Order.purchase_id).where(Order.id == self.ids["paid"])
            self.ids["purchase"] = db.scalar(of_the_paid)
            declined = select(Purchase.id).where(Purchase.state == PurchaseState.DECLINED)
            self.ids["failed"] = db.scalar(declined)
        buyer.add(book, 2)

    def _write_home(self, buyer: Shopper, client: Client) -> None:
        for name, city in (("home", "Bogotá"), ("work", "Cali")):
            self.ids[name] = client.post("/account/addresses", {**ADDRESS, "city": city}).json["id"]
        shown = buyer.checkout(self.ids["listed"])
        self.form = {name: value for name, value in shown.items() if name != "csrf_token"}

    def _fail_a_job(self) -> None:
        values = {"kind": "jobs.purge", "key": "failed", "payload": "{}", "attempts": 3}
        job = OrdersJob(**values, run_at=now(), failed_at=now(), error="It failed.")
        self.database.transaction(lambda db: db.add(job))
        self.ids["failed job"] = job.id

    def _moderate(self, email: str) -> None:
        moderation = service(Moderation, self.app)
        for moderator_email in (email, "second@example.com"):
            promote(self.app, moderator_email)
        moderator = self.ids["moderator"]
        moderation.suspend(moderator, self.ids["suspended"], "Spam")
        catalogue: LocalCatalogue = service(LocalCatalogue, self.app)
        actor = Account(moderator, "moderator Gómez", email)
        catalogue.moderation.hide(actor, self.ids["hidden"], "Forbidden goods")
        self.ids["invitation"] = service(Invitations, self.app).invite(
            moderator, INVITED_EMAIL, "Helps", "en"
        )
        run_jobs(self.app)

    def _send_links(self, buyer: Shopper) -> None:
        buyer.post("/account/email", {"email": NEW_EMAIL, "password": buyer.password})
        buyer.post("/auth/reset", {"email": buyer.email})
        service(Registrations, self.app).ask(APPLICANT)
        mailbox = Mailbox(self.app, self._outbox)
        mails = "".join(text_of(mail) for mail in mailbox())
        for name, pattern in LINKS.items():
            (self.ids[name],) = re.findall(pattern, mails)
