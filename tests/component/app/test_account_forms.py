"""Forms of accounts under anything that can be typed, and what their pages ask the database."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import insert

from bookstore.auth.models import AuditEntry
from bookstore.auth.service import LocalAuth
from bookstore.core.db.database import Database
from bookstore.core.services import service
from tests.component.app.databases import counted, on_sqlite
from tests.component.app.moderator import promote
from tests.component.app.shopper import ADDRESS, Shopper

# Bytes that are no text, as no browser sends them.


@on_sqlite
def test_a_person_whose_address_grows_in_lower_case_is_asked_for_another(visitor: Shopper) -> None:
    visitor.email = f"{'İ' * 60}@{'İ' * 170}.example.com"
    assert len(visitor.email) <= 254 < len(visitor.email.lower())
    typed = {"email": visitor.email, "name": "Ana", "password": visitor.password}
    answer = visitor.post("/auth/register", typed)
    assert answer.status_code == 422
    assert "Write an email address" in answer.text


@on_sqlite
@pytest.mark.parametrize(
    "email",
    [
        "a,eve@example.com",
        "a;b@example.com",
        "<ana@example.com>",
        '"a"@example.com',
        "ana@example.com, eve@example.com",
        "ana@example.com\r\nBcc: eve@example.com",
        "ana@example",
        "ana@.example.com",
    ],
)
def test_an_address_that_a_mail_would_read_as_another_is_refused(
    visitor: Shopper, email: str
) -> None:
    typed = {"email": email, "name": "Ana", "password": "a long password"}
    assert visitor.post("/auth/register", typed).status_code == 422


@on_sqlite
@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "///evil.example",
        " //evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "https://evil.example",
        "javascript:x",
        "/x\r\nSet-Cookie: a=b",
        "/x\x00y",
    ],
)
def test_no_next_leads_away_or_adds_a_header(newcomer: Callable[[], Shopper], target: str) -> None:
    person = newcomer()
    credentials = {"email": person.email, "password": person.password, "next": target}
    fresh = Shopper(person.app)
    account = {**credentials, "email": fresh.email, "name": "Eve"}
    for who, path, typed in (
        (Shopper(person.app), "/auth/login", credentials),
        (fresh, "/auth/register", account),
        (person, "/account/addresses/new", {**ADDRESS, "next": target}),
    ):
        answer = who.post(path, typed)
        assert answer.status_code == 303
        assert answer.location == ("/account/addresses" if "address" in path else "/")
        assert "a=b" not in str(answer.headers)


def test_an_address_that_has_an_account_gets_no_second_one(
    seller: Shopper, visitor: Shopper
) -> None:
    typed = {"email": seller.email.upper(), "name": "Eve", "password": "another password"}
    answer = visitor.post("/auth/register", typed)
    assert answer.status_code == 422
    assert "This address has an account already; log in." in answer.text
    assert 'value="Eve"' in answer.text
    assert "another password" not in answer.text


@on_sqlite
def test_a_name_of_several_lines_is_one_line_wherever_it_is_shown(visitor: Shopper) -> None:
    visitor.register("Ana\r\nX-Header: yes\u2028<b>Gómez</b>")
    page = visitor.get("/account")
    assert 'value="Ana X-Header: yes &lt;b&gt;Gómez&lt;/b&gt;"' in page.text
    assert "X-Header" not in page.headers


@pytest.fixture
def moderator(app: Flask, newcomer: Callable[[], Shopper]) -> Shopper:
    person = newcomer()
    promote(app, person.email)
    return person


# Each page of a person asks who they are and how many copies are in their cart.
@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/account", 2),
        ("/account/email", 2),
        ("/account/password", 2),
        ("/account/addresses", 3),
        ("/account/addresses/new", 2),
        ("/account/addresses/1", 3),
        ("/admin", 3),
        ("/admin/accounts/1", 3),
        ("/admin/books/1", 4),
        ("/admin/audit", 3),
    ],
)
@on_sqlite
def test_a_page_of_accounts_asks_the_database_a_fixed_number_of_times(
    app: Flask, moderator: Shopper, database: Database, path: str, most: int
) -> None:
    moderator.publish()
    for number in range(4):
        moderator.post("/account/addresses/new", {**ADDRESS, "line1": f"Calle {number}"})
        service(LocalAuth, app).register(f"{number}@example.com", "Ana", "a password")
    row = {"actor_id": 1, "target_kind": "account", "target_id": 1, "target_name": "Ana"}
    rows = [{**row, "action": "suspend", "reason": f"Reason {number}"} for number in range(5)]
    database.transaction(lambda db: db.execute(insert(AuditEntry), rows))
    with counted(database) as asked:
        assert moderator.get(path).status_code == 200
    assert len(asked) <= most, asked


@on_sqlite
def test_pages_for_strangers_ask_the_database_nothing(app: Flask, database: Database) -> None:
    with counted(database) as asked:
        for path in ("/auth/login", "/auth/register", "/auth/reset", "/auth/reset/made.up.token"):
            assert Shopper(app).get(path).status_code in {200, 400}
        assert Shopper(app).get("/account").status_code == 303
        assert Shopper(app).get("/admin").status_code == 404
    assert asked == []


@on_sqlite
def test_a_login_asks_the_database_a_fixed_number_of_times(
    seller: Shopper, database: Database
) -> None:
    device = Shopper(seller.app, email=seller.email, password=seller.password)
    token = device.token()
    with counted(database) as asked:
        typed = {"email": device.email, "password": "a wrong password"}
        assert device.post("/auth/login", typed, token).status_code == 422
    assert len(asked) <= 5, asked
    with counted(database) as asked:
        typed = {"email": device.email, "password": device.password}
        assert device.post("/auth/login", typed, token).status_code == 303
    assert len(asked) <= 6, asked
