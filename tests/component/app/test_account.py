"""One's own account: name, password, sessions and shipping addresses, and nobody else's."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select, update

from bookstore.auth import passwords
from bookstore.auth.addresses import MOST_ADDRESSES
from bookstore.auth.attempts import TooManyAttempts, network_of
from bookstore.auth.forms import AddressInput
from bookstore.auth.models import Account, LoginAttempt
from bookstore.auth.service import LocalAuth, WrongCredentials
from bookstore.core.db.database import Database
from bookstore.core.interfaces.auth import AuthService, ShippingAddress
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import ADDRESS, Shopper

HOME = ADDRESS
ELSEWHERE = {**HOME, "line1": "Calle 10 # 4-20", "city": "Cali", "line2": "", "phone": ""}


@pytest.fixture
def auth(app: Flask) -> LocalAuth:
    found: LocalAuth = service(LocalAuth, app)
    return found


def second_device(person: Shopper) -> Shopper:
    device = Shopper(person.app, email=person.email, password=person.password)
    assert device.log_in().status_code == 303
    return device


def address_ids(person: Shopper) -> list[int]:
    page = person.get("/account/addresses").text
    return [int(found) for found in re.findall(r'data-address-id="(\d+)"', page)]


def add(person: Shopper, typed: dict[str, str]) -> int:
    before = set(address_ids(person))
    answer = person.post("/account/addresses/new", typed)
    assert answer.status_code == 303, answer.text
    (added,) = set(address_ids(person)) - before
    return added


@on_sqlite
def test_a_name_is_changed_and_shown_to_buyers(
    app: Flask, seller: Shopper, visitor: Shopper
) -> None:
    book = seller.publish()
    answer = seller.post("/account", {"name": "Librería\r\n  Ana"})
    assert answer.location == "/account"
    assert "Your changes are saved." in seller.get("/account").text
    service(Jobs, app).run_due()
    assert "Librería Ana" in visitor.get(f"/books/{book}").text


@on_sqlite
def test_a_bad_name_is_refused_and_kept(seller: Shopper) -> None:
    answer = seller.post("/account", {"name": "x"})
    assert answer.status_code == 422
    assert "Write at least 2 characters." in answer.text
    assert 'value="x"' in answer.text


def test_a_changed_password_ends_other_sessions_and_keeps_this_one(seller: Shopper) -> None:
    other = second_device(seller)
    answer = seller.post(
        "/account/password", {"old_password": seller.password, "password": "a better password"}
    )
    assert answer.location == "/account"
    assert seller.get("/account").status_code == 200
    assert other.get("/account").location == "/auth/login?next=/account"
    assert other.log_in().status_code == 422
    assert other.log_in("a better password").status_code == 303


@on_sqlite
def test_a_password_is_not_changed_without_the_old_one(seller: Shopper) -> None:
    typed = {"old_password": "not my password", "password": "a better password"}
    answer = seller.post("/account/password", typed)
    assert answer.status_code == 422
    assert "This is not your password." in answer.text
    assert "not my password" not in answer.text
    for _ in range(9):
        assert seller.post("/account/password", typed).status_code == 422
    held_up = seller.post("/account/password", typed)
    assert held_up.status_code == 429
    assert held_up.headers["Retry-After"] == "900"
    short = seller.post("/account/password", {"old_password": seller.password, "password": "short"})
    assert short.status_code == 422


def test_the_change_that_comes_second_does_not_win(
    auth: LocalAuth, seller: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget = auth.attempts.forget

    def change_in_between(email: str) -> None:
        forget(email)
        monkeypatch.setattr(auth.attempts, "forget", forget)
        auth.change_password(email, seller.password, "the first one", "")

    monkeypatch.setattr(auth.attempts, "forget", change_in_between)
    with pytest.raises(WrongCredentials):
        auth.change_password(seller.email, seller.password, "the second one", "")
    auth.authenticate(seller.email, "the first one", "")


@on_sqlite
def test_logging_out_everywhere_ends_every_session(seller: Shopper) -> None:
    other = second_device(seller)
    answer = seller.post("/account/sessions/end", {})
    assert answer.location == "/auth/login"
    assert "You are logged out on all devices." in seller.get("/auth/login").text
    for device in (seller, other):
        assert device.get("/account").location == "/auth/login?next=/account"


def test_racing_guesses_get_no_more_tries_than_patient_ones(
    auth: LocalAuth, seller: Shopper
) -> None:
    def guess(number: int) -> type[Exception]:
        try:
            auth.authenticate(seller.email, f"guess {number}", "192.0.2.7")
        except (WrongCredentials, TooManyAttempts) as refused:
            return type(refused)
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(24)))
    # A racing attempt can be refused for one that is refused itself, so it may be fewer.
    assert 1 <= answers.count(WrongCredentials) <= 10
    assert [guess(number) for number in range(11)][-1] is TooManyAttempts


@pytest.mark.parametrize(
    ("vary", "allowed"), [("address", 50), ("account", 100)], ids=["one account", "one address"]
)
def test_guesses_are_counted_over_addresses_and_accounts(
    auth: LocalAuth, database: Database, vary: str, allowed: int
) -> None:
    def attempt(number: int) -> None:
        account = f"{number}@example.com" if vary == "account" else "one@example.com"
        auth.attempts.begin(account, f"192.0.2.{number}" if vary == "address" else "192.0.2.1")

    for number in range(allowed):
        attempt(number)
    with pytest.raises(TooManyAttempts):
        attempt(allowed)
    with database.reading() as db:
        assert len(db.scalars(select(LoginAttempt)).all()) == allowed


@on_sqlite
def test_the_addresses_of_one_network_are_counted_as_one(auth: LocalAuth) -> None:
    for number in range(100):
        auth.attempts.begin(f"{number}@example.com", f"2001:db8::{number:x}")
    with pytest.raises(TooManyAttempts):
        auth.attempts.begin("ana@example.com", "2001:db8::ffff:1%eth0")
    auth.attempts.begin("ana@example.com", "2001:db8:0:1::1")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("no address " * 9, "no address no address no address no address n"),
    ],
)
def test_an_address_is_counted_in_one_way(address: str, counted: str) -> None:
    assert network_of(address) == counted


def test_a_login_renews_an_old_hash_unless_the_password_was_changed_meanwhile(
    auth: LocalAuth, seller: Shopper, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stored() -> str:
        with database.reading() as db:
            return db.scalars(select(Account.password_hash)).one()

    old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(seller.password)
    database.transaction(lambda db: db.execute(update(Account).values(password_hash=old)))
    auth.authenticate(seller.email, seller.password, "")
    renewed = stored()
    assert "t=1" in renewed
    assert passwords.verify_password(seller.password, renewed)

    database.transaction(lambda db: db.execute(update(Account).values(password_hash=old)))
    hash_password = passwords.hash_password

    def change_in_between(password: str) -> str:
        database.transaction(lambda db: db.execute(update(Account).values(password_hash="changed")))
        return hash_password(password)

    monkeypatch.setattr("bookstore.auth.service.hash_password", change_in_between)
    auth.authenticate(seller.email, seller.password, "")
    assert stored() == "changed"


def test_addresses_are_added_changed_and_removed(seller: Shopper) -> None:
    home = add(seller, HOME)
    other = add(seller, ELSEWHERE)
    assert address_ids(seller) == [home, other]
    page = seller.get("/account/addresses").text
    assert "Carrera 7 # 12-34, Apto 502" in page
    assert page.count("Default address") == 1
    assert seller.post(f"/account/addresses/{other}/default", {}).status_code == 303
    assert address_ids(seller) == [other, home]
    assert 'value="Cali"' in seller.get(f"/account/addresses/{other}").text
    changed = seller.post(f"/account/addresses/{other}", {**ELSEWHERE, "city": "Pasto"})
    assert changed.location == "/account/addresses"
    assert "Pasto" in seller.get("/account/addresses").text
    assert seller.post(f"/account/addresses/{other}/delete", {}).status_code == 303
    assert address_ids(seller) == [home]
    assert "Default address" in seller.get("/account/addresses").text
    seller.post(f"/account/addresses/{home}/delete", {})
    assert "You have not saved an address yet." in seller.get("/account/addresses").text


def test_a_checkout_sees_a_persons_addresses(auth: AuthService, buyer: Shopper) -> None:
    account_id = auth.find(buyer.email).id  # type: ignore[attr-defined]
    assert auth.addresses(account_id) == []
    add(buyer, ELSEWHERE)
    home = add(buyer, HOME)
    buyer.post(f"/account/addresses/{home}/default", {})
    first, second = auth.addresses(account_id)
    assert (first.recipient, first.line1, first.line2) == ("Ana Gómez", HOME["line1"], "Apto 502")
    assert (first.city, first.region, first.postal_code) == ("Bogotá", "Cundinamarca", "110311")
    assert (first.country, first.phone, first.is_default) == ("Colombia", HOME["phone"], True)
    assert (second.city, second.phone, second.is_default) == ("Cali", "", False)


@on_sqlite
def test_a_double_click_saves_one_address(seller: Shopper) -> None:
    for _ in range(2):
        assert seller.post("/account/addresses/new", HOME).status_code == 303
    assert len(address_ids(seller)) == 1


def test_addresses_added_at_once_leave_one_default(auth: LocalAuth, seller: Shopper) -> None:
    account = auth.find(seller.email)
    assert account is not None

    def save(number: int) -> None:
        data = AddressInput.model_validate({**HOME, "line1": f"Calle {number}"})
        auth.address_book.make_default(account.id, auth.address_book.add(account.id, data))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(save, range(6)))
    saved = auth.addresses(account.id)
    assert len(saved) == 6
    assert [address.is_default for address in saved] == [True] + [False] * 5


@on_sqlite
def test_a_person_keeps_a_bounded_number_of_addresses(auth: LocalAuth, seller: Shopper) -> None:
    account = auth.find(seller.email)
    assert account is not None
    for number in range(MOST_ADDRESSES):
        data = AddressInput.model_validate({**HOME, "line1": f"Calle {number}"})
        auth.address_book.add(account.id, data)
    answer = seller.post("/account/addresses/new", HOME)
    assert answer.status_code == 422
    assert "20 addresses are kept; remove one first." in answer.text
    assert "Add an address" not in seller.get("/account/addresses").text


@on_sqlite
@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Fill in this field.", "Write a phone number", "Write at most 20 characters."]),
        ("es", ["Completa este campo.", "Escribe un número de teléfono", "como máximo 20"]),
    ],
)
def test_bad_address_fields_are_named_and_kept(
    seller: Shopper, language: str, sentences: list[str]
) -> None:
    home = add(seller, HOME)
    seller.language = language
    bad = {**HOME, "city": " ", "phone": "call me", "postal_code": "9" * 21}
    for path in ("/account/addresses/new", f"/account/addresses/{home}"):
        answer = seller.post(path, bad)
        assert answer.status_code == 422
        for sentence in sentences:
            assert sentence in answer.text
        assert 'value="call me"' in answer.text
        assert "Carrera 7 # 12-34" in answer.text


@on_sqlite
def test_an_address_that_was_removed_meanwhile_is_not_found(
    auth: LocalAuth, seller: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = add(seller, HOME)
    get = auth.address_book.get

    def remove_in_between(account_id: int, address_id: int) -> ShippingAddress:
        found = get(account_id, address_id)
        auth.address_book.remove(account_id, address_id)
        return found

    monkeypatch.setattr(auth.address_book, "get", remove_in_between)
    assert seller.post(f"/account/addresses/{home}", ELSEWHERE).status_code == 404


@on_sqlite
def test_a_saved_address_leads_back_to_the_checkout_and_nowhere_else(seller: Shopper) -> None:
    answer = seller.post("/account/addresses/new", {**HOME, "next": "/books/1/buy"})
    assert answer.location == "/books/1/buy"
    answer = seller.post("/account/addresses/new", {**HOME, "next": "//evil.example"})
    assert answer.location == "/account/addresses"
