"""The API's accounts and tokens: who gets in, for how long, and what ends it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from bookstore.auth.models import Account
from bookstore.auth.moderation import Moderation
from bookstore.core.api import tokens
from bookstore.core.db.database import Database
from bookstore.core.services import service
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.mailbox import Mailbox, mails_in, text_of
from tests.component.app.moderator import run_jobs
from tests.component.app.shopper import Shopper


def test_a_program_registers_logs_in_and_sees_its_account(stranger: Client) -> None:
    made = stranger.register("Ana Gómez")
    answer = made.post("/tokens", {"email": made.email, "password": made.password})
    assert answer.status_code == 201
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_at"].endswith("Z")
    assert answer.headers["Cache-Control"] == "private, no-store"
    shown = stranger.log_in().get("/account").json
    assert (shown["name"], shown["email"]) == ("Ana Gómez", made.email)


def test_an_account_of_the_pages_logs_in_to_the_api(app: Flask, seller: Shopper) -> None:
    client = Client(app, email=seller.email, password=seller.password).log_in()
    assert client.get("/account").json["email"] == seller.email


def test_an_address_has_one_account(stranger: Client) -> None:
    stranger.register()
    typed = {"email": stranger.email.upper(), "name": "Eva", "password": "a long password"}
    answer = stranger.post("/registrations", typed)
    assert answer.status_code == 409
    assert answer.json["type"] == "urn:problem-type:bookstore:email-taken"
    assert [error["field"] for error in answer.json["errors"]] == ["email"]


def test_a_wrong_password_and_an_unknown_person_get_the_same_answer(client: Client) -> None:
    wrong = client.post("/tokens", {"email": client.email, "password": "not this one"})
    unknown = client.post("/tokens", {"email": "nobody@example.com", "password": "not this one"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json == unknown.json
    assert wrong.headers["WWW-Authenticate"].startswith("Bearer")


def test_attempts_on_pages_and_api_are_counted_together(app: Flask, seller: Shopper) -> None:
    seller.post("/auth/logout", {})
    client = Client(app, email=seller.email, password="a wrong password")
    for _ in range(5):
        assert seller.log_in("a wrong password").status_code == 422
        typed = {"email": client.email, "password": client.password}
        assert client.post("/tokens", typed).status_code == 401
    answer = client.post("/tokens", {"email": seller.email, "password": seller.password})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["status"] == 429


@pytest.mark.parametrize(
    "authorization", ["Bearer nonsense", "Bearer", "Basic YTpi", "nonsense", ""]
)
def test_a_token_that_is_none_is_refused_also_where_none_is_needed(
    client: Client, authorization: str
) -> None:
    book = client.publish()
    for path in ("/account", f"/books/{book}"):
        answer = client.get(path, Authorization=authorization)
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert answer.content_type == "application/problem+json"


def test_a_token_ends_with_the_epoch_of_the_sessions(client: Client, database: Database) -> None:
    assert client.get("/account").status_code == 200
    raised = update(Account).where(Account.email == client.email).values(session_epoch=1)
    database.transaction(lambda db: db.execute(raised))
    assert client.get("/account").status_code == 401
    assert client.log_in().get("/account").status_code == 200


def test_who_is_suspended_is_out_and_told_so(app: Flask, client: Client, other: Client) -> None:
    moderation: Moderation = service(Moderation, app)
    ids = [person.get("/account").json["id"] for person in (other, client)]
    moderation.suspend(ids[0], ids[1], "Spam")
    assert client.get("/account").status_code == 401
    answer = client.post("/tokens", {"email": client.email, "password": client.password})
    assert answer.status_code == 403
    assert answer.json["type"] == "urn:problem-type:bookstore:suspended"


def test_a_forgotten_password_is_replaced_by_the_token_of_the_mail_once(
    app: Flask, client: Client, tmp_path: Path
) -> None:
    asked = client.post("/password-resets", {"email": client.email})
    assert (asked.status_code, asked.data) == (202, b"")
    assert "Content-Type" not in asked.headers
    assert client.post("/password-resets", {"email": "nobody@example.com"}).status_code == 202
    run_jobs(app)
    (mail,) = mails_in(tmp_path / "outbox")
    found = re.search(r"/auth/reset/(\S+)", text_of(mail))
    assert found is not None
    chosen = {"token": found[1], "password": "an even longer password"}
    assert client.send("PUT", "/password-resets", chosen).status_code == 204
    assert client.get("/account").status_code == 401
    client.password = chosen["password"]
    assert client.log_in().get("/account").status_code == 200
    answer = client.put("/password-resets", chosen)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["token"]


def test_an_address_is_changed_by_the_token_of_the_mail_once(
    client: Client, other: Client, mailbox: Mailbox
) -> None:
    old, new = client.email, "ana.nueva@example.com"
    wanted = {"email": new, "password": client.password}
    assert client.post("/account/email-changes", wanted).status_code == 202
    taken = {**wanted, "email": other.email}
    assert client.post("/account/email-changes", taken).status_code == 202
    assert len(mailbox.to(old)) == 2
    found = re.search(r"/account/email/(\S+)", text_of(mailbox.to(new)[0]))
    assert found is not None
    token = {"token": found[1]}
    refused = other.put("/account/email-changes", token)
    assert refused.status_code == 422
    assert refused.json["errors"] == [
        {"field": "token", "message": "This link is for another account."}
    ]
    answer = client.put("/account/email-changes", token)
    assert answer.status_code == 200
    assert client.get("/account").status_code == 401
    client.token = answer.json["access_token"]
    assert client.get("/account").json["email"] == new
    again = client.put("/account/email-changes", token)
    assert again.status_code == 422
    assert [error["field"] for error in again.json["errors"]] == ["token"]
    client.email = new
    assert client.log_in().get("/account").status_code == 200


def test_an_address_that_was_taken_meanwhile_is_a_conflict(
    app: Flask, client: Client, mailbox: Mailbox
) -> None:
    new = "ana.nueva@example.com"
    client.post("/account/email-changes", {"email": new, "password": client.password})
    found = re.search(r"/account/email/(\S+)", text_of(mailbox.to(new)[0]))
    assert found is not None
    Client(app, email=new).register()
    answer = client.put("/account/email-changes", {"token": found[1]})
    assert answer.status_code == 409
    assert answer.json["type"] == "urn:problem-type:bookstore:email-taken"
    assert client.get("/account").json["email"] == client.email


def test_a_refused_change_of_address_names_the_field(client: Client, stranger: Client) -> None:
    def refused(email: str, password: str) -> list[str]:
        typed = {"email": email, "password": password}
        answer = client.post("/account/email-changes", typed)
        assert answer.status_code == 422
        return [error["field"] for error in answer.json["errors"]]

    assert refused(client.email.upper(), client.password) == ["email"]
    assert refused("ana@", client.password) == ["email"]
    for _ in range(10):
        assert refused("ana@example.com", "not this one") == ["password"]
    typed = {"email": "ana@example.com", "password": client.password}
    answer = client.post("/account/email-changes", typed)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    for method in ("POST", "PUT"):
        assert stranger.send(method, "/account/email-changes", {}).status_code == 401


def test_nobody_gets_more_than_a_few_mails(stranger: Client) -> None:
    asked = [stranger.post("/password-resets", {"email": "ana@example.com"}) for _ in range(4)]
    assert [answer.status_code for answer in asked] == [202, 202, 202, 429]
    assert int(asked[3].headers["Retry-After"]) > 0


def test_a_token_ends_with_its_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "TOKEN_LIFETIME", timedelta(seconds=-1))
    assert client.get("/account").status_code == 401


def test_a_token_that_was_signed_with_the_key_before_still_holds(
    app: Flask, client: Client
) -> None:
    app.config.update(SECRET_KEY_FALLBACKS=[app.secret_key], SECRET_KEY="another key for tests")
    assert client.get("/account").status_code == 200
    app.config.update(SECRET_KEY_FALLBACKS=[])
    assert client.get("/account").status_code == 401


def test_a_session_of_the_pages_opens_nothing_in_the_api(seller: Shopper) -> None:
    assert seller.client.get("/api/v1/account").status_code == 401
    assert seller.client.post("/api/v1/account/books", json={}).status_code == 401
    book = seller.publish()
    seller.post(f"/books/{book}/withdraw", {})
    assert seller.get(f"/books/{book}").status_code == 200
    assert seller.client.get(f"/api/v1/books/{book}").status_code == 404


def test_a_name_is_changed(client: Client) -> None:
    assert client.put("/account", {"name": "Eva"}).json["name"] == "Eva"
    assert client.get("/account").json["name"] == "Eva"


def test_a_changed_password_ends_all_tokens_but_the_new_one(client: Client) -> None:
    wrong = {"old_password": "not this one", "password": "another password"}
    answer = client.put("/account/password", wrong)
    assert answer.status_code == 422
    assert answer.json["errors"] == [
        {"field": "old_password", "message": "This is not your password."}
    ]
    answer = client.put("/account/password", {**wrong, "old_password": client.password})
    assert answer.status_code == 200
    assert client.get("/account").status_code == 401
    client.token = answer.json["access_token"]
    assert client.get("/account").status_code == 200


@on_sqlite
def test_ones_own_password_is_not_guessed_either(client: Client) -> None:
    guess = {"old_password": "not this one", "password": "another password"}
    statuses = {client.put("/account/password", guess).status_code for _ in range(10)}
    assert statuses == {422}
    held_up = client.put("/account/password", {**guess, "old_password": client.password})
    assert held_up.status_code == 429
    assert int(held_up.headers["Retry-After"]) > 0


def test_logging_out_everywhere_ends_tokens_and_sessions(app: Flask, seller: Shopper) -> None:
    client = Client(app, email=seller.email, password=seller.password).log_in()
    assert client.send("DELETE", "/tokens").status_code == 204
    assert client.get("/account").status_code == 401
    assert seller.get("/sell").status_code == 303


ADDRESS = {
    "recipient": "Ana Gómez",
    "line1": "Carrera 7 # 12-34",
    "city": "Bogotá",
    "country": "Colombia",
}


def test_addresses_are_kept_changed_and_forgotten(client: Client) -> None:
    first = client.post("/account/addresses", ADDRESS)
    assert first.status_code == 201
    assert first.json["is_default"]
    second = client.post("/account/addresses", {**ADDRESS, "city": "Cali"}).headers["Location"]
    assert client.post(f"{second}/default").json["is_default"]
    assert client.put(second, {**ADDRESS, "city": "Tunja", "phone": "call me"}).status_code == 422
    assert client.put(second, {**ADDRESS, "city": "Tunja"}).json["city"] == "Tunja"
    kept = client.get("/account/addresses").json["items"]
    assert [(item["city"], item["is_default"]) for item in kept] == [
        ("Tunja", True),
        ("Bogotá", False),
    ]
    assert client.send("DELETE", second).status_code == 204
    assert client.get(second).status_code == 404
    assert client.get(first.headers["Location"]).json["is_default"]


def test_an_address_too_many_is_refused(client: Client) -> None:
    for number in range(20):
        assert (
            client.post("/account/addresses", {**ADDRESS, "line2": f"{number}"}).status_code == 201
        )
    answer = client.post("/account/addresses", ADDRESS)
    assert answer.status_code == 409
    assert answer.json["type"] == "urn:problem-type:bookstore:too-many-addresses"
