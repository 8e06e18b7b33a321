"""From one address only so many accounts are opened, over pages and API together."""

from __future__ import annotations

import pytest
from flask import Flask

from bookstore.auth.attempts import TooManyAttempts
from bookstore.auth.registration import Applicant, Registrations
from bookstore.auth.service import EmailTaken, LocalAuth
from bookstore.core.services import service
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper

HERE, THERE = "127.0.0.1", "192.0.2.1"
MOST = 100


@pytest.fixture
def auth(app: Flask) -> LocalAuth:
    found: LocalAuth = service(LocalAuth, app)
    return found


def register(app: Flask, email: str, address: str) -> None:
    """Open an account at once, as in a shop that sends no mail."""
    typed = {"email": email, "name": "Ana", "password": "a long password"}
    applicant = Applicant(**typed, language="en", time_zone=None, address=address)
    service(Registrations, app).open(applicant)


def sign_up(auth: LocalAuth, times: int, address: str = HERE) -> None:
    for _ in range(times):
        auth.attempts.begin_registration(address)


def test_who_registers_too_often_is_told_to_wait_and_keeps_what_was_typed(
    app: Flask, auth: LocalAuth, visitor: Shopper
) -> None:
    sign_up(auth, MOST - 2)
    Shopper(app).register()
    Client(app).register()
    typed = {"email": visitor.email, "name": "Ana <b>", "password": visitor.password}
    for language, sentence in (("en", "Too many attempts."), ("es", "Demasiados intentos.")):
        visitor.language = language
        refused = visitor.post("/auth/register", typed)
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "900"
        assert sentence in refused.text
        assert f'value="{visitor.email}"' in refused.text
        assert 'value="Ana &lt;b&gt;"' in refused.text
        assert visitor.password not in refused.text
    answer = Client(app).post("/registrations", {**typed, "name": "Ana"})
    assert answer.status_code == answer.json["status"] == 429
    assert answer.headers["Retry-After"] == "900"
    assert auth.find(visitor.email) is None


@on_sqlite
def test_other_addresses_and_people_with_accounts_are_not_held_up(
    app: Flask, auth: LocalAuth, seller: Shopper
) -> None:
    sign_up(auth, MOST - 1)
    with pytest.raises(TooManyAttempts):
        sign_up(auth, 1)
    register(app, "ana@example.com", THERE)
    assert auth.find("ana@example.com") is not None
    assert seller.log_in().status_code == 303


@on_sqlite
def test_asking_who_has_an_account_by_registering_is_counted(app: Flask, seller: Shopper) -> None:
    for _ in range(MOST - 1):
        with pytest.raises(EmailTaken):
            register(app, seller.email, HERE)
    with pytest.raises(TooManyAttempts):
        register(app, seller.email, HERE)


@on_sqlite
def test_the_addresses_of_one_network_open_accounts_as_one(auth: LocalAuth) -> None:
    for number in range(MOST):
        sign_up(auth, 1, f"2001:db8::{number:x}")
    with pytest.raises(TooManyAttempts):
        sign_up(auth, 1, "2001:db8::ffff:1")
    sign_up(auth, 1, "2001:db8:0:1::1")
