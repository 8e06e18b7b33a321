"""A forgotten password: a link by mail that works once, and tells strangers nothing."""

from __future__ import annotations

import logging
import re
import stat
import threading
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask

from bookstore.auth.service import LocalAuth
from bookstore.core.config.settings import ConfigurationInvalid, Settings, load_settings
from bookstore.core.db.database import Database
from bookstore.core.db.migrate import migrate
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.component.app.databases import counted, on_sqlite
from tests.component.app.mailbox import (
    Mailbox,
    let_links_expire,
    mails_in,
    text_of,
)
from tests.component.app.moderator import run_jobs
from tests.component.app.shopper import Shopper

NEW = "an even longer password"


def link_in(mail: EmailMessage) -> str:
    found = re.search(r"http://localhost:5000(/auth/reset/\S+)", text_of(mail))
    assert found is not None, text_of(mail)
    return found[1]


def ask(person: Shopper, email: str | None = None) -> str:
    answer = person.post("/auth/reset", {"email": email or person.email})
    assert answer.status_code == 303
    return person.get(answer.location).text


def test_a_link_from_the_mail_sets_a_new_password_once(
    seller: Shopper, visitor: Shopper, mailbox: Mailbox
) -> None:
    visitor.email = seller.email
    assert "a message with a link is on its way" in ask(visitor)
    (mail,) = mailbox()
    assert mail["To"] == seller.email
    assert mail["Subject"] == "Your new password at BookStore"
    link = link_in(mail)
    page = visitor.get(link)
    assert page.status_code == 200
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert page.headers["Cache-Control"] == "private, no-store"
    short = visitor.post(link, {"password": "short"})
    assert short.status_code == 422
    assert short.headers["Referrer-Policy"] == "strict-origin"
    assert visitor.post(link, {"password": NEW}).location == "/auth/login"
    assert seller.get("/account").location == "/auth/login?next=/account"
    again = visitor.post(link, {"password": "the thief's password"})
    assert again.status_code == 400
    assert "This link does not work any more" in again.text
    assert visitor.log_in().status_code == 422
    assert visitor.log_in(NEW).status_code == 303


def test_two_uses_of_a_link_at_once_are_one(app: Flask, seller: Shopper, mailbox: Mailbox) -> None:
    ask(seller)
    link = link_in(mailbox()[0])
    people = [Shopper(app, email=seller.email) for _ in range(4)]
    tokens = [person.token() for person in people]
    answers: list[int] = []
    start = threading.Barrier(len(people))

    def use(number: int) -> None:
        start.wait()
        typed = {"password": f"password number {number}"}
        answers.append(people[number].post(link, typed, tokens[number]).status_code)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 400, 400, 400]
    logins = [people[0].log_in(f"password number {number}").status_code for number in range(4)]
    assert sorted(logins) == [303, 422, 422, 422]


@on_sqlite
def test_an_unknown_address_gets_the_same_answer_and_no_mail(
    app: Flask, seller: Shopper, mailbox: Mailbox
) -> None:
    known, unknown = Shopper(app, email=seller.email), Shopper(app)
    pages = [re.sub(r'value="[^"]+"', "", ask(person)) for person in (known, unknown)]
    assert pages[0] == pages[1]
    assert [mail["To"] for mail in mailbox()] == [seller.email]


@on_sqlite
def test_known_and_unknown_addresses_ask_the_database_the_same(
    app: Flask, seller: Shopper, database: Database
) -> None:
    asked: list[list[str]] = []
    for email in (seller.email, "nobody@example.com"):
        person = Shopper(app)
        token = person.token()
        with counted(database) as statements:
            assert person.post("/auth/reset", {"email": email}, token).status_code == 303
        asked.append(list(statements))
    assert asked[0] == asked[1]


@on_sqlite
def test_nobody_gets_more_than_a_few_mails(
    visitor: Shopper, seller: Shopper, mailbox: Mailbox
) -> None:
    for email in (seller.email, "nobody@example.com"):
        for _ in range(3):
            ask(visitor, email)
        answer = visitor.post("/auth/reset", {"email": email})
        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == "900"
        assert "Too many attempts." in answer.text
    assert len(mailbox()) == 3
    # What was counted for mails does not keep the person from logging in.
    assert seller.log_in().status_code == 303


@on_sqlite
def test_a_link_dies_with_a_logout_everywhere_and_with_a_changed_password(
    seller: Shopper, mailbox: Mailbox
) -> None:
    ask(seller)
    first = link_in(mailbox()[-1])
    seller.post("/account/password", {"old_password": seller.password, "password": NEW})
    assert seller.get(first).status_code == 400
    ask(seller)
    second = link_in(mailbox()[-1])
    assert seller.get(second).status_code == 200
    seller.post("/account/sessions/end", {})
    assert seller.get(second).status_code == 400


@on_sqlite
def test_a_link_that_is_old_or_changed_does_not_work(
    seller: Shopper,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(seller)
    link = link_in(mailbox()[0])
    body, moment, signature = link.rsplit(".", 2)
    for wrong in ("/auth/reset/x", f"{body}x.{moment}.{signature}", f"{link[:-4]}AAAA"):
        answer = seller.get(wrong)
        assert answer.status_code == 400, wrong
        assert "Ask for another link" in answer.text
    assert seller.get(link).status_code == 200
    let_links_expire(monkeypatch)
    assert seller.get(link).status_code == 400


@on_sqlite
def test_a_person_who_was_held_up_gets_in_with_the_new_password(
    seller: Shopper, mailbox: Mailbox
) -> None:
    ask(seller)
    seller.post("/auth/logout", {})
    for _ in range(10):
        seller.log_in("a wrong password")
    assert seller.log_in().status_code == 429
    seller.post(link_in(mailbox()[0]), {"password": NEW})
    assert seller.log_in(NEW).status_code == 303


@on_sqlite
def test_the_pages_and_the_mail_are_in_the_persons_language(app: Flask, mailbox: Mailbox) -> None:
    seller = Shopper(app, language="es").register()
    assert "Si este correo tiene una cuenta" in ask(seller)
    (mail,) = mailbox()
    assert mail["Subject"] == "Tu contraseña nueva en BookStore"
    assert "Elígela en el plazo de una hora" in text_of(mail)
    assert "Elige una contraseña nueva" in seller.get(link_in(mail)).text
    refused = seller.post("/auth/reset", {"email": "ana@"})
    assert refused.status_code == 422
    assert 'value="ana@"' in refused.text


@on_sqlite
def test_the_token_is_in_no_log(
    seller: Shopper,
    mailbox: Mailbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    ask(seller)
    link = link_in(mailbox()[0])
    seller.get(link)
    seller.post(link, {"password": NEW})
    paths = [vars(record)["path"] for record in caplog.records if "path" in vars(record)]
    assert paths.count("/auth/reset/…") == 2
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert link.rsplit("/", 1)[1] not in logged
    assert NEW not in logged


@on_sqlite
def test_mail_is_for_the_shops_own_user_alone(
    seller: Shopper, mailbox: Mailbox, tmp_path: Path
) -> None:
    ask(seller)
    assert len(mailbox()) == 1
    outbox = tmp_path / "outbox"
    assert stat.S_IMODE(outbox.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in outbox.iterdir()] == [0o600]


@on_sqlite
def test_the_outbox_keeps_the_newest_mails(
    seller: Shopper, buyer: Shopper, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore.core.mail.transports.MOST_KEPT", 2)
    for email in (seller.email, seller.email, buyer.email):
        ask(seller, email)
        mailbox()
    assert [mail["To"] for mail in mailbox()] == [seller.email, buyer.email]


@on_sqlite
@pytest.mark.parametrize(
    ("changes", "host", "base"),
    [
        ({"public_url": "https://books.example.com/"}, "evil.example", "https://books.example.com"),
        ({"trusted_hosts": "books.example.com"}, "books.example.com", "https://books.example.com"),
        ({}, "evil.example", "http://localhost:5000"),
    ],
)
def test_a_link_never_leads_to_a_host_that_the_visitor_named(
    settings: Settings,
    tmp_path: Path,
    changes: dict[str, str],
    host: str,
    base: str,
) -> None:
    migrate(settings)
    app = create_app(load_settings(**{**settings.model_dump(), **changes}))
    service(LocalAuth, app).register("ana@example.com", "Ana", "a long password")
    client, base_url = app.test_client(), f"http://{host}"
    token = re.search(
        r'name="csrf_token" value="([^"]+)"', client.get("/auth/reset", base_url=base_url).text
    )
    assert token is not None
    answer = client.post(
        "/auth/reset",
        base_url=base_url,
        data={"csrf_token": token[1], "email": "ana@example.com"},
        buffered=True,
    )
    assert answer.status_code == 303
    run_jobs(app)
    (mail,) = mails_in(tmp_path / "outbox")
    assert f"{base}/auth/reset/" in text_of(mail)


@on_sqlite
def test_the_form_behind_https_is_taken_with_the_origin_alone(
    app: Flask, seller: Shopper, mailbox: Mailbox
) -> None:
    ask(seller)
    link = link_in(mailbox()[0])
    client = app.test_client()
    page = client.get(link, base_url="https://localhost").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    answer = client.post(
        link,
        base_url="https://localhost",
        data={"csrf_token": token[1], "password": NEW},
        headers={"Referer": "https://localhost/"},
    )
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"smtp_host": "mail"}, "SMTP_FROM is no address to send from"),
        ({"smtp_user": "shop"}, "SMTP_USER and SMTP_PASSWORD are not both set"),
        ({"smtp_from": "books@example.com\nBcc: eve@example.com"}, "SMTP_FROM is"),
        ({"public_url": "books.example.com"}, "PUBLIC_URL is"),
        ({"smtp_tls": "yes"}, "set it to starttls, tls or disabled"),
    ],
)
def test_a_wrong_mail_setting_is_told(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=sentence):
        load_settings(**given)
