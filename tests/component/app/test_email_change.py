"""Another email address: confirmed by mail, by whoever knows the password, once."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from bookstore.auth.models import Account
from bookstore.auth.moderation import Moderation
from bookstore.auth.service import LocalAuth
from bookstore.core.db.database import Database
from bookstore.core.services import service
from tests.component.app.databases import counted, on_sqlite
from tests.component.app.mailbox import Mailbox, let_links_expire, text_of
from tests.component.app.moderator import id_of
from tests.component.app.shopper import Shopper

NEW = "ana.nueva@example.com"
BETTER = "an even longer password"


def ask(person: Shopper, email: str = NEW, password: str | None = None) -> TestResponse:
    return person.post("/account/email", {"email": email, "password": password or person.password})


def link_to(email: str, mailbox: Mailbox) -> str:
    mail = mailbox.to(email)[-1]
    found = re.search(r"http://localhost:5000(/account/email/\S+)", text_of(mail))
    assert found is not None, text_of(mail)
    return found[1]


def asked_link(person: Shopper, mailbox: Mailbox, email: str = NEW) -> str:
    assert ask(person, email).status_code == 303
    return link_to(email, mailbox)


def emails(database: Database) -> list[str]:
    with database.reading() as db:
        return list(db.scalars(select(Account.email).order_by(Account.id)))


def test_an_address_is_changed_by_the_button_behind_the_link_and_not_before(
    seller: Shopper, mailbox: Mailbox, database: Database
) -> None:
    device = Shopper(seller.app, email=seller.email)
    device.log_in()
    old = seller.email
    answer = ask(seller, NEW.upper())
    assert answer.location == "/account"
    assert f"on its way to {NEW}." in seller.get("/account").text
    assert sorted(str(mail["To"]) for mail in mailbox()) == sorted([old, NEW])
    link = link_to(NEW, mailbox)
    page = seller.get(link)
    assert (page.status_code, NEW in page.text) == (200, True)
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert page.headers["Cache-Control"] == "private, no-store"
    assert seller.client.head(link).status_code == 200
    assert emails(database) == [old]

    assert seller.post(link, {}).location == "/account"
    page_of_account = seller.get("/account").text
    assert "Your email address is changed; other devices are logged out." in page_of_account
    assert NEW in page_of_account
    assert emails(database) == [NEW]
    assert device.get("/account").location == "/auth/login?next=/account"
    assert device.log_in().status_code == 422
    device.email = NEW
    assert device.log_in().status_code == 303
    again = seller.post(link, {})
    assert again.status_code == 400
    assert "This link does not work any more" in again.text


@on_sqlite
def test_the_old_address_gets_a_notice_without_a_link(seller: Shopper, mailbox: Mailbox) -> None:
    ask(seller)
    (notice,) = mailbox.to(seller.email)
    assert notice["Subject"] == "Your email address at BookStore"
    assert "change your password" in text_of(notice)
    assert "http" not in text_of(notice)


@on_sqlite
def test_a_device_without_a_session_confirms_and_is_not_logged_in(
    seller: Shopper, visitor: Shopper, mailbox: Mailbox
) -> None:
    link = asked_link(seller, mailbox)
    assert visitor.get(link).status_code == 200
    assert visitor.post(link, {}).location == "/auth/login"
    assert "Your email address is changed. Log in with it." in visitor.get("/auth/login").text
    assert visitor.get("/account").status_code == 303
    assert seller.get("/account").status_code == 303


@on_sqlite
def test_a_link_of_somebody_else_does_nothing_and_stays_good(
    seller: Shopper, buyer: Shopper, mailbox: Mailbox, database: Database
) -> None:
    link = asked_link(seller, mailbox)
    for answer in (buyer.get(link), buyer.post(link, {})):
        assert answer.status_code == 403
        assert "This link is for another account" in answer.text
        assert NEW not in answer.text
        assert seller.email not in answer.text
    assert emails(database) == [seller.email, buyer.email]
    assert buyer.get("/account").status_code == 200
    assert seller.post(link, {}).status_code == 303


@on_sqlite
def test_a_taken_address_gets_the_same_answer_and_its_owner_a_mail_without_a_link(
    seller: Shopper, buyer: Shopper, mailbox: Mailbox, database: Database
) -> None:
    pages: list[str] = []
    asked: list[int] = []
    for email in (NEW, buyer.email):
        token = seller.token()
        with counted(database) as statements:
            data = {"csrf_token": token, "email": email, "password": seller.password}
            english = {"Accept-Language": "en"}
            answer = seller.client.post("/account/email", data=data, headers=english)
            assert answer.location == "/account"
            asked.append(len(statements))
        answer.close()
        mailbox()
        page = seller.get("/account").text.replace(email, "")
        pages.append(re.sub(r'name="csrf_token" value="[^"]+"', "", page))
    assert pages[0] == pages[1]
    assert asked[0] == asked[1]
    (mail,) = mailbox.to(buyer.email)
    assert mail["Subject"] == mailbox.to(NEW)[0]["Subject"]
    assert "It has an account there already" in text_of(mail)
    assert "http" not in text_of(mail)
    assert len(mailbox.to(seller.email)) == 2


def at_once(people: list[Shopper], links: list[str]) -> list[int]:
    """Press the buttons behind links, each person theirs, at one moment."""
    tokens = [person.token() for person in people]
    with ThreadPoolExecutor(len(people)) as pool:
        answers = pool.map(lambda who, link, t: who.post(link, {}, t), people, links, tokens)
        return sorted(answer.status_code for answer in answers)


def test_two_uses_of_a_link_at_once_are_one(
    app: Flask, seller: Shopper, mailbox: Mailbox, database: Database
) -> None:
    link = asked_link(seller, mailbox)
    assert at_once([Shopper(app) for _ in range(4)], [link] * 4) == [303, 400, 400, 400]
    assert emails(database) == [NEW]


def test_an_address_that_two_people_confirm_at_once_becomes_the_one_of_one(
    seller: Shopper, buyer: Shopper, mailbox: Mailbox, database: Database
) -> None:
    links = [asked_link(person, mailbox) for person in (seller, buyer)]
    assert at_once([seller, buyer], links) == [303, 409]
    assert sorted(email == NEW for email in emails(database)) == [False, True]


def test_an_address_that_was_taken_meanwhile_stays_with_who_has_it(
    seller: Shopper, visitor: Shopper, mailbox: Mailbox, database: Database
) -> None:
    link = asked_link(seller, mailbox)
    visitor.email = NEW
    visitor.register()
    answer = seller.post(link, {})
    assert answer.status_code == 409
    assert "This address has an account already; choose another one." in answer.text
    assert emails(database) == [seller.email, NEW]
    assert seller.get("/account").status_code == 200


@on_sqlite
def test_a_link_dies_with_whatever_ends_the_sessions(
    app: Flask, seller: Shopper, admin: Shopper, mailbox: Mailbox, visitor: Shopper
) -> None:
    moderation: Moderation = service(Moderation, app)
    person_id, moderator_id = id_of(seller), id_of(admin)

    def suspend() -> None:
        moderation.suspend(moderator_id, person_id, "Spam")

    def change_password() -> None:
        seller.post("/account/password", {"old_password": seller.password, "password": BETTER})

    for number, end in enumerate(
        (change_password, lambda: seller.post("/account/sessions/end", {}), suspend)
    ):
        link = asked_link(seller, mailbox, f"{number}@example.com")
        end()
        for answer in (visitor.get(link), visitor.post(link, {})):
            assert answer.status_code == 400
        seller.password = BETTER
        seller.log_in()
    moderation.restore(moderator_id, person_id, "A mistake")
    assert visitor.post(link, {}).status_code == 400


def test_a_change_between_the_look_and_the_write_wins(
    app: Flask, seller: Shopper, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = service(LocalAuth, app)
    link = asked_link(seller, mailbox)
    replace = auth.replace_credentials

    def change_in_between(user: Account, **values: str) -> int | None:
        monkeypatch.setattr(auth, "replace_credentials", replace)
        auth.change_password(seller.email, seller.password, BETTER, "")
        found: int | None = replace(user, **values)
        return found

    monkeypatch.setattr(auth, "replace_credentials", change_in_between)
    assert Shopper(app).post(link, {}).status_code == 400
    assert seller.log_in(BETTER).status_code == 303


@on_sqlite
def test_a_change_ends_all_other_links(
    seller: Shopper, visitor: Shopper, mailbox: Mailbox, database: Database
) -> None:
    visitor.post("/auth/reset", {"email": seller.email})
    reset = re.search(r"http://localhost:5000(/auth/reset/\S+)", text_of(mailbox()[0]))
    assert reset is not None
    links = [asked_link(seller, mailbox, email) for email in ("typo@example.com", NEW)]
    assert visitor.get(reset[1]).status_code == 200
    seller.post(links[1], {})
    for link in (links[0], reset[1]):
        assert visitor.get(link).status_code == 400
    assert emails(database) == [NEW]


@on_sqlite
def test_a_link_that_is_old_or_changed_or_of_another_purpose_does_not_work(
    seller: Shopper, visitor: Shopper, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = asked_link(seller, mailbox)
    body, moment, signature = link.rsplit(".", 2)
    visitor.post("/auth/reset", {"email": seller.email})
    reset = re.search(r"/auth/reset/(\S+)", text_of(mailbox()[-1]))
    assert reset is not None
    token = link.rsplit("/", 1)[1]
    for wrong in (
        "/account/email/x",
        f"{body}x.{moment}.{signature}",
        f"/account/email/{reset[1]}",
        f"/auth/reset/{token}",
    ):
        answer = seller.get(wrong)
        assert answer.status_code == 400, wrong
        assert "Ask for another link" in answer.text
    assert seller.get(link).status_code == 200
    let_links_expire(monkeypatch)
    assert seller.post(link, {}).status_code == 400


@on_sqlite
def test_a_page_that_was_open_too_long_changes_nothing(
    seller: Shopper, mailbox: Mailbox, database: Database
) -> None:
    link = asked_link(seller, mailbox)
    answer = seller.post(link, {}, token="stale")
    assert answer.status_code == 422
    assert "This page had been open too long." in answer.text
    assert NEW in answer.text
    assert emails(database) == [seller.email]


@on_sqlite
def test_guesses_at_the_password_count_with_those_at_the_login(
    seller: Shopper, mailbox: Mailbox
) -> None:
    answer = ask(seller, password="not my password")
    assert answer.status_code == 422
    assert "This is not your password." in answer.text
    assert f'value="{NEW}"' in answer.text
    assert 'value="Ana Gómez"' in answer.text
    assert "not my password" not in answer.text
    device = Shopper(seller.app, email=seller.email)
    for _ in range(9):
        assert device.log_in("not my password").status_code == 422
    held_up = ask(seller)
    assert held_up.status_code == 429
    assert held_up.headers["Retry-After"] == "900"
    assert "Too many attempts." in held_up.text
    assert mailbox() == []


@on_sqlite
def test_an_account_has_few_mails_sent_and_an_address_gets_few(
    newcomer: Callable[[], Shopper], mailbox: Mailbox
) -> None:
    person = newcomer()
    statuses = [ask(person, f"{number}@example.com").status_code for number in range(4)]
    assert statuses == [303, 303, 303, 429]
    assert len(mailbox()) == 6
    assert [ask(newcomer()).status_code for _ in range(4)] == [303, 303, 303, 429]
    assert len(mailbox.to(NEW)) == 3
    # What was counted for mails does not keep the person from logging in.
    assert person.log_in().status_code == 303


@on_sqlite
@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("ana@", "Write an email address, such as ana@example.com."),
        ("", "Fill in this field."),
        ("a,eve@example.com", "Write an email address"),
        ("a" * 255, "Write at most 254 characters."),
    ],
)
def test_a_bad_address_is_named_and_kept(
    seller: Shopper, mailbox: Mailbox, email: str, sentence: str
) -> None:
    answer = ask(seller, email)
    assert answer.status_code == 422
    assert answer.text.count(sentence) == 2
    assert f'name="email" aria-invalid="true" aria-describedby="email-error " value="{email}"' in (
        answer.text
    )
    assert seller.password not in answer.text
    assert mailbox() == []


@on_sqlite
def test_ones_own_address_is_no_new_one(seller: Shopper, mailbox: Mailbox) -> None:
    answer = ask(seller, seller.email.upper())
    assert answer.status_code == 422
    assert "This is your email address already." in answer.text
    assert mailbox() == []


@on_sqlite
def test_the_pages_and_the_mails_are_in_the_persons_language(
    app: Flask, buyer: Shopper, mailbox: Mailbox
) -> None:
    seller = Shopper(app, language="es").register()
    link = asked_link(seller, mailbox)
    ask(seller, buyer.email)
    assert "Va en camino un mensaje con un enlace" in seller.get("/account").text
    begun = {NEW: "Confírmalo en el", buyer.email: "Ya tiene una cuenta", seller.email: "Será"}
    for email, words in begun.items():
        mail = mailbox.to(email)[0]
        assert words in text_of(mail)
        assert "correo electrónico" in mail["Subject"]
    assert "Usar este correo" in seller.get(link).text
    seller.post(link, {})
    assert "Tu correo electrónico está cambiado" in seller.get("/account").text


@on_sqlite
def test_the_token_and_the_password_are_in_no_log(
    seller: Shopper, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    link = asked_link(seller, mailbox)
    seller.get(link)
    seller.post(link, {})
    paths = [vars(record)["path"] for record in caplog.records if "path" in vars(record)]
    assert paths.count("/account/email/…") == 2
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert link.rsplit("/", 1)[1] not in logged
    assert seller.password not in logged
    assert NEW not in logged


@on_sqlite
def test_a_change_asks_the_database_a_fixed_number_of_times(
    seller: Shopper, mailbox: Mailbox, database: Database
) -> None:
    token = seller.token()
    typed = {"email": NEW, "password": seller.password}
    with counted(database) as asked:
        assert seller.post("/account/email", typed, token).status_code == 303
    assert len(asked) <= 20, asked
    link = link_to(NEW, mailbox)
    with counted(database) as asked:
        assert seller.get(link).status_code == 200
    assert len(asked) <= 4, asked
    with counted(database) as asked:
        assert seller.post(link, {}, token).status_code == 303
    assert len(asked) <= 6, asked
