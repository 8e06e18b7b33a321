"""An account is opened by who reads the mail at its address, and nobody else learns of it."""

from __future__ import annotations

import logging
import re

import pytest
from flask import Flask
from sqlalchemy import delete, select

from bookstore.auth.models import Account, AuthJob, Registration
from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database
from bookstore.core.mail.mailer import Mailer, mailer
from bookstore.core.services import provide
from tests.component.app.client import Client
from tests.component.app.databases import counted, on_sqlite
from tests.component.app.mailbox import Mailbox, let_links_expire, text_of
from tests.component.app.shopper import Shopper

ANA = "ana@example.com"
DAY = 24 * 3600


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Give settings with which the shop sends mail."""
    sends = {"smtp_host": "mail.example.com", "smtp_from": "BookStore <books@example.com>"}
    return settings.model_copy(update=sends)


@pytest.fixture
def mailbox(app: Flask, settings: Settings) -> Mailbox:
    """Give the mail that the shop sends, kept in a folder."""
    provide(app, Mailer, mailer(settings.model_copy(update={"smtp_host": None})))
    return Mailbox(app, settings.outbox)


def ask(person: Shopper, email: str = ANA, name: str = "Ana", **typed: str) -> str:
    """Register, and return the page that this leads to."""
    answer = person.post(
        "/auth/register", {"email": email, "name": name, "password": person.password, **typed}
    )
    assert answer.location == "/auth/register/sent", answer.text
    return person.get(answer.location).text


def link_to(email: str, mailbox: Mailbox) -> str:
    found = re.search(r"(/auth/confirm/\S+)", text_of(mailbox.to(email)[-1]))
    assert found is not None, text_of(mailbox.to(email)[-1])
    return found[1]


def open_account(person: Shopper, mailbox: Mailbox, email: str = ANA) -> Shopper:
    person.email = email
    ask(person, email)
    answer = person.post(link_to(email, mailbox), {"password": person.password})
    assert answer.status_code == 303, answer.text
    return person


def test_an_account_is_opened_by_the_link_and_the_password_and_logged_in(
    visitor: Shopper, mailbox: Mailbox, database: Database
) -> None:
    page = ask(visitor, ANA.upper(), next="/sell")
    assert f"We have sent a message to {ANA}." in page
    assert visitor.get("/account").status_code == 303
    visitor.email = ANA
    assert visitor.log_in().status_code == 422
    with database.reading() as db:
        assert db.scalars(select(Account)).all() == []
    link = link_to(ANA, mailbox)
    shown = visitor.get(link)
    assert (shown.status_code, ANA in shown.text) == (200, True)
    assert shown.headers["Referrer-Policy"] == "strict-origin"
    assert visitor.client.head(link).status_code == 200
    assert visitor.post(link, {"password": visitor.password}).location == "/sell"
    assert "Welcome, Ana." in visitor.get("/account").text
    for answer in (visitor.get(link), visitor.post(link, {"password": visitor.password})):
        assert answer.status_code == 400
    with database.reading() as db:
        assert db.scalars(select(Registration)).all() == []


def test_a_known_address_gets_the_same_answer_by_the_same_questions_and_its_owner_a_mail(
    app: Flask, visitor: Shopper, mailbox: Mailbox, database: Database
) -> None:
    open_account(Shopper(app), mailbox)
    pages: list[str] = []
    asked: list[list[str]] = []
    for email in (ANA, "nobody@example.com"):
        stranger = Shopper(app)
        token = stranger.token()
        typed = {"email": email, "name": "Eve", "password": stranger.password}
        with counted(database) as statements:
            answer = stranger.post("/auth/register", typed, token)
        asked.append([statement.split()[0] for statement in statements])
        page = stranger.get(answer.location).text.replace(email, "")
        pages.append(re.sub(r'name="csrf_token" value="[^"]+"', "", page))
    assert pages[0] == pages[1]
    assert asked[0] == asked[1]
    told = text_of(mailbox.to(ANA)[-1])
    assert "It has one already." in told
    assert "/auth/login" in told
    assert "/auth/reset" in told
    assert "/auth/confirm" not in told
    assert "/auth/confirm" in text_of(mailbox.to("nobody@example.com")[-1])


def test_who_registers_another_persons_address_gains_nothing_by_their_curiosity(
    app: Flask, visitor: Shopper, mailbox: Mailbox
) -> None:
    ask(visitor)
    owner = Shopper(app, email=ANA, password="the owner's own")
    link = link_to(ANA, mailbox)
    refused = owner.post(link, {"password": owner.password})
    assert refused.status_code == 422
    assert "This is not your password." in refused.text
    assert visitor.log_in().status_code == 422
    # The owner registers as if nobody had, and the other link dies with it.
    open_account(owner, mailbox)
    assert owner.get("/account").status_code == 200
    assert visitor.post(link, {"password": visitor.password}).status_code == 400


@on_sqlite
def test_the_password_behind_a_link_is_not_guessed(visitor: Shopper, mailbox: Mailbox) -> None:
    ask(visitor)
    link = link_to(ANA, mailbox)
    for number in range(10):
        assert visitor.post(link, {"password": f"guess {number}"}).status_code == 422
    held_up = visitor.post(link, {"password": visitor.password})
    assert held_up.status_code == 429
    assert held_up.headers["Retry-After"] == "900"


@on_sqlite
def test_the_mail_is_sent_again_a_few_times(visitor: Shopper, mailbox: Mailbox) -> None:
    ask(visitor)
    for _ in range(2):
        assert visitor.post("/auth/register/sent", {}).location == "/auth/register/sent"
    assert "The message is on its way once more." in visitor.get("/auth/register/sent").text
    assert visitor.post("/auth/register/sent", {}).status_code == 429
    assert len(mailbox.to(ANA)) == 3


@on_sqlite
def test_who_has_opened_the_account_elsewhere_has_no_mail_sent_again(
    app: Flask, visitor: Shopper, mailbox: Mailbox
) -> None:
    ask(visitor)
    phone = Shopper(app)
    opened = phone.post(link_to(ANA, mailbox), {"password": visitor.password})
    assert opened.status_code == 303
    assert visitor.post("/auth/register/sent", {}).location == "/auth/register"
    assert len(mailbox.to(ANA)) == 1


@on_sqlite
def test_who_has_registered_nothing_has_no_mail_sent_again(
    visitor: Shopper, mailbox: Mailbox
) -> None:
    assert visitor.get("/auth/register/sent").location == "/auth/register"
    assert visitor.post("/auth/register/sent", {}).location == "/auth/register"
    assert mailbox() == []


@on_sqlite
def test_known_and_unknown_addresses_get_as_few_mails(
    app: Flask, visitor: Shopper, mailbox: Mailbox
) -> None:
    open_account(Shopper(app), mailbox, "known@example.com")
    answers = {
        email: [
            visitor.post(
                "/auth/register", {"email": email, "name": "Eve", "password": "a long password"}
            ).status_code
            for _ in range(4)
        ]
        for email in ("known@example.com", "nobody@example.com")
    }
    assert answers["nobody@example.com"] == [303, 303, 303, 429]
    # One was spent when the account was opened.
    assert answers["known@example.com"] == [303, 303, 429, 429]


@on_sqlite
def test_a_link_that_is_old_or_changed_does_not_work(
    visitor: Shopper, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(visitor)
    link = link_to(ANA, mailbox)
    changed = visitor.get(f"{link}x")
    assert changed.status_code == 400
    assert "Ask for another link" in changed.text
    let_links_expire(monkeypatch, DAY)
    assert visitor.get(link).status_code == 400


def test_an_address_that_got_an_account_meanwhile_keeps_it(
    app: Flask, visitor: Shopper, mailbox: Mailbox, database: Database
) -> None:
    ask(visitor)
    link = link_to(ANA, mailbox)
    with database.reading() as db:
        kept = db.scalars(select(Registration)).one()
    taken = Account(email=ANA, name="Eva", password_hash="x")
    database.transaction(lambda db: db.add(taken))
    answer = visitor.post(link, {"password": visitor.password})
    assert answer.status_code == 409
    assert "This address has an account already; log in." in answer.text
    assert kept.email == ANA


@on_sqlite
def test_the_mail_is_in_the_language_of_the_registration_and_so_are_those_after_it(
    visitor: Shopper, mailbox: Mailbox
) -> None:
    visitor.language = "es"
    open_account(visitor, mailbox)
    assert "contraseña" in text_of(mailbox()[0])
    visitor.language = "en"
    visitor.post("/auth/reset", {"email": ANA})
    assert "Alguien" in text_of(mailbox()[-1])
    assert visitor.post("/account", {"name": "Ana", "language": "en"}).status_code == 303
    visitor.post("/auth/reset", {"email": ANA})
    assert "Somebody" in text_of(mailbox()[-1])


@on_sqlite
def test_no_address_name_or_token_is_in_a_job_or_a_log(
    visitor: Shopper, mailbox: Mailbox, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    open_account(visitor, mailbox)
    link = re.search(r"/auth/confirm/(\S+)", text_of(mailbox()[0]))
    assert link is not None
    with database.reading() as db:
        jobs = "".join(f"{job.key} {job.payload}" for job in db.scalars(select(AuthJob)))
    logged = "".join(str(vars(record)) for record in caplog.records)
    for secret in (ANA, link[1], visitor.password):
        assert secret not in jobs
        assert secret not in logged


@on_sqlite
def test_a_link_with_a_slash_at_its_end_is_none_and_is_not_logged(
    visitor: Shopper, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask(visitor)
    visitor.post("/auth/reset", {"email": ANA})
    link = link_to(ANA, mailbox)
    assert visitor.get(f"{link}/").status_code == 404
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert link.rsplit("/", 1)[1] not in logged


def test_a_program_registers_and_confirms(app: Flask, mailbox: Mailbox) -> None:
    program = Client(app, email=ANA)
    typed = {"email": ANA, "name": "Ana", "password": program.password}
    asked = program.post("/registrations", typed)
    assert (asked.status_code, asked.data) == (202, b"")
    assert program.post("/tokens", {"email": ANA, "password": program.password}).status_code == 401
    found = re.search(r"/auth/confirm/(\S+)", text_of(mailbox()[-1]))
    assert found is not None
    for sent, field in (
        ({"token": "made.up", "password": program.password}, "token"),
        ({"token": found[1], "password": "not this one"}, "password"),
    ):
        refused = program.put("/registrations", sent)
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json["errors"]] == [field]
    opened = program.put("/registrations", {"token": found[1], "password": program.password})
    assert opened.status_code == 200
    program.token = opened.json["access_token"]
    assert program.get("/account").json["email"] == ANA
    again = Client(app).post("/registrations", typed)
    assert (again.status_code, again.data) == (202, b"")


@on_sqlite
def test_a_program_is_told_of_an_account_that_the_address_got_meanwhile(
    app: Flask, mailbox: Mailbox, database: Database
) -> None:
    program, token = asking_program(app, mailbox)
    database.transaction(lambda db: db.add(Account(email=ANA, name="Eva", password_hash="x")))
    answer = program.put("/registrations", {"token": token, "password": program.password})
    assert answer.status_code == 409
    assert answer.json["type"] == "urn:problem-type:bookstore:email-taken"
    assert [error["field"] for error in answer.json["errors"]] == ["token"]


@on_sqlite
def test_a_program_does_not_guess_the_password_behind_a_link(app: Flask, mailbox: Mailbox) -> None:
    program, token = asking_program(app, mailbox)
    guess = {"token": token, "password": "not this one"}
    statuses = [program.put("/registrations", guess).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]
    right = {"token": token, "password": program.password}
    assert program.put("/registrations", right).status_code == 429


@on_sqlite
def test_a_registration_that_ended_before_its_mail_was_sent_has_none(
    visitor: Shopper, mailbox: Mailbox, database: Database
) -> None:
    ask(visitor)
    database.transaction(lambda db: db.execute(delete(Registration)))
    assert mailbox() == []
    assert visitor.post("/auth/register/sent", {}).status_code == 303
    assert mailbox() == []


def asking_program(app: Flask, mailbox: Mailbox) -> tuple[Client, str]:
    """Give a program that has asked for an account, and the token of its mail."""
    program = Client(app, email=ANA)
    program.post("/registrations", {"email": ANA, "name": "Ana", "password": program.password})
    return program, link_to(ANA, mailbox).rpartition("/")[2]
