"""The API of orders: one key is one order, refusals cost nothing, and nobody sees another's."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from bookstore.core.db import Database
from bookstore.orders.models import Order, SimulatedCharge
from tests.component.app.client import Answer, Client
from tests.component.app.shopper import APPROVED, DECLINED, SILENT


def order(client: Client, book: int, key: str | None = None, **changes: object) -> Answer:
    body = {
        "book_id": book,
        "quantity": 1,
        "name": "Ana Gómez",
        "line1": "Carrera 7 # 12-34",
        "city": "Bogotá",
        "country": "Colombia",
        "carrier": "standard",
        "card_number": APPROVED,
        **changes,
    }
    return client.post("/orders", body, Idempotency_Key=key or str(uuid.uuid4()))


def test_an_order_is_placed_and_read_back(client: Client, other: Client) -> None:
    book = client.publish()
    answer = order(other, book, quantity=2)
    assert answer.status_code == 201
    shown = answer.json
    assert (shown["state"], shown["currency"]) == ("paid", "COP")
    assert (shown["goods_minor"], shown["shipping_minor"]) == (5_000_000, 1_100_000)
    assert shown["total_minor"] == 6_100_000
    assert shown["placed_at"].endswith("Z")
    assert shown["destination"]["city"] == "Bogotá"
    assert [line["title"] for line in shown["lines"]] == ["Rayuela"]
    assert other.get(answer.headers["Location"]).json == shown
    assert [item["id"] for item in other.get("/orders").json["items"]] == [shown["id"]]
    assert client.get(f"/listings/{book}").json["copies_sold"] == 2


def test_the_same_order_under_the_same_key_is_one_order(
    client: Client, other: Client, database: Database
) -> None:
    book = client.publish()
    key = str(uuid.uuid4())
    first, second = order(other, book, key), order(other, book, f'"{key}"')
    assert first.status_code == second.status_code == 201
    assert first.json == second.json
    assert client.get(f"/books/{book}").json["stock"] == 2
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(SimulatedCharge)) == 1


def test_another_order_under_the_same_key_is_refused(client: Client, other: Client) -> None:
    book = client.publish()
    key = str(uuid.uuid4())
    assert order(other, book, key).status_code == 201
    answer = order(other, book, key, quantity=2)
    assert answer.status_code == 422
    assert answer.json["type"] == "urn:problem-type:bookstore:key-reused"
    assert client.get(f"/books/{book}").json["stock"] == 2


@pytest.mark.parametrize("key", [None, "short", "with space in it", "x" * 65])
def test_an_order_needs_a_key(client: Client, other: Client, key: str | None) -> None:
    answer = other.post("/orders", {"book_id": client.publish()}, Idempotency_Key=key)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json["errors"]] == ["Idempotency-Key"]


@pytest.mark.parametrize(
    ("changes", "name", "field"),
    [
        ({"quantity": 4}, "out-of-stock", "quantity"),
        ({"price_minor_seen": 2_400_000}, "price-changed", "price_minor_seen"),
        ({"book_id": 4711}, "not-for-sale", "book_id"),
    ],
)
def test_what_cannot_be_had_is_a_conflict(
    client: Client,
    other: Client,
    database: Database,
    changes: dict[str, Any],
    name: str,
    field: str,
) -> None:
    book = client.publish(stock=3)
    answer = order(other, book, **changes)
    assert answer.status_code == 409
    assert answer.json["type"] == f"urn:problem-type:bookstore:{name}"
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert client.get(f"/books/{book}").json["stock"] == 3
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Order)) == 0


def test_nobody_buys_their_own_book(client: Client) -> None:
    answer = order(client, client.publish())
    assert answer.status_code == 409
    assert answer.json["type"] == "urn:problem-type:bookstore:own-book"


@pytest.mark.parametrize(("card", "name"), [(DECLINED, "declined"), (SILENT, "timeout")])
def test_a_failed_payment_names_its_order_and_gives_the_copies_back(
    client: Client, other: Client, card: str, name: str
) -> None:
    book = client.publish()
    answer = order(other, book, card_number=card)
    assert answer.status_code == 402
    assert answer.json["type"] == f"urn:problem-type:bookstore:payment-{name}"
    assert card.replace(" ", "") not in answer.text.replace(" ", "")
    shown = other.get(f"/orders/{answer.json['order_id']}").json
    assert (shown["state"], shown["payment_failure"]) == ("payment_failed", name)
    assert client.get(f"/books/{book}").json["stock"] == 3


def test_an_order_is_shipped_by_its_seller_and_received_by_its_buyer(
    client: Client, other: Client
) -> None:
    place = order(other, client.publish(), quantity=2).headers["Location"]
    sold = client.get("/sales").json
    assert [item["total_minor"] for item in sold["items"]] == [6_100_000]
    assert sold["totals"] == [{"currency": "COP", "orders": 1, "amount_minor": 5_000_000}]
    assert other.get("/orders").json["totals"][0]["amount_minor"] == 6_100_000
    assert client.get(place).json["verbs"] == ["ship", "cancel"]
    assert other.post(f"{place}/receive").json["type"].endswith(":wrong-state")
    assert client.post(f"{place}/ship", {"tracking": "a/b"}).status_code == 422
    shipped = client.post(f"{place}/ship", {"tracking": "co-1234"}).json
    assert (shipped["role"], shipped["state"]) == ("seller", "shipped")
    assert shipped["shipments"][0]["tracking"] == "CO-1234"
    received = other.post(f"{place}/receive").json
    assert (received["role"], received["state"], received["verbs"]) == ("buyer", "delivered", [])
    assert received["delivered_at"] > received["shipped_at"] > received["paid_at"]


def test_a_cancelled_order_puts_its_copies_back(client: Client, other: Client) -> None:
    book = client.publish(stock=3)
    place = order(other, book).headers["Location"]
    cancelled = other.post(f"{place}/cancel").json
    assert (cancelled["state"], cancelled["cancelled_by"]) == ("cancelled", "buyer")
    assert cancelled["refunded_at"]
    assert client.get(f"/books/{book}").json["stock"] == 3
    answer = client.post(f"{place}/ship", {"tracking": "CO-1234"})
    assert answer.status_code == 409
    assert answer.json["detail"] == "This order was cancelled."


def test_anothers_order_is_not_found(
    app: Flask, client: Client, other: Client, stranger: Client
) -> None:
    place = order(other, client.publish()).headers["Location"]
    third = Client(app).register().log_in()
    assert third.get(place).status_code == 404
    wrongs: dict[str, list[Client]] = {"ship": [other], "receive": [client], "cancel": []}
    for verb, wrong in wrongs.items():
        body = {"tracking": "CO-1234"} if verb == "ship" else None
        assert stranger.post(f"{place}/{verb}", body).status_code == 401
        for person in (third, *wrong):
            assert person.post(f"{place}/{verb}", body).status_code == 404
    assert third.get("/orders").json["items"] == third.get("/sales").json["items"] == []
    assert stranger.get(place).status_code == 401
    assert stranger.get("/orders").status_code == 401
    assert order(stranger, 1).status_code == 401


def test_bad_fields_of_an_order_are_named(client: Client, other: Client) -> None:
    answer = order(other, client.publish(), quantity=21, card_number="1234", carrier="pigeon")
    assert answer.status_code == 422
    assert {error["field"]: error["message"] for error in answer.json["errors"]} == {
        "quantity": "Write 20 or less.",
        "carrier": "Choose one of the options.",
        "card_number": "Payment is simulated: use one of the test cards.",
    }


def test_what_a_carrier_costs_is_known_before_the_order(client: Client, other: Client) -> None:
    carriers = {item["code"]: item for item in other.get("/carriers").json["items"]}
    placed = order(other, client.publish(), quantity=3, carrier="express").json
    express = carriers["express"]
    expected = express["first_copy_minor"] + 2 * express["other_copy_minor"]
    assert placed["shipping_minor"] == expected
