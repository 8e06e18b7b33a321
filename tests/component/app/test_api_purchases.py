"""The API of buying: one key is one purchase, all of it or none, and refusals cost nothing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import func, select

from bookstore.core.db.database import Database
from bookstore.orders.models import Order, SimulatedCharge
from tests.component.app.client import Answer, Client
from tests.component.app.shopper import APPROVED, DECLINED, SILENT


def buy(client: Client, *lines: dict[str, Any], key: str | None = None, **changes: Any) -> Answer:
    body = {
        "lines": list(lines),
        "name": "Ana Gómez",
        "line1": "Carrera 7 # 12-34",
        "city": "Bogotá",
        "country": "Colombia",
        "carrier": "standard",
        "card_number": APPROVED,
        **changes,
    }
    return client.post("/purchases", body, Idempotency_Key=key or str(uuid.uuid4()))


def counted(database: Database, table: type[Order | SimulatedCharge]) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(table)) or 0


def test_books_of_two_sellers_are_one_purchase_with_an_order_for_each(
    client: Client, other: Client, buyer_client: Client, database: Database
) -> None:
    first, second = client.publish(), other.publish(price_minor=1_000_000)
    seller = other.get("/account").json["id"]
    answer = buy(
        buyer_client,
        {"book_id": first, "quantity": 2, "price_minor_seen": 2_500_000},
        {"book_id": second},
        carriers=[{"seller_id": seller, "carrier": "express"}],
        line2="Apartamento 301",
    )
    assert answer.status_code == 201
    shown = answer.json
    assert (shown["state"], shown["currency"]) == ("paid", "COP")
    totals = [order["total_minor"] for order in shown["orders"]]
    assert sorted(totals) == [1_000_000 + 1_800_000, 5_000_000 + 1_100_000]
    assert shown["total_minor"] == sum(totals)
    assert counted(database, SimulatedCharge) == 1
    assert buyer_client.get(answer.headers["Location"]).json == shown
    placed = buyer_client.get(f"/orders/{shown['orders'][0]['id']}").json
    assert placed["destination"]["line2"] == "Apartamento 301"
    assert placed["placed_at"].endswith("Z")
    assert client.get(f"/account/books/{first}").json["sold"] == 2


def test_the_cart_and_a_purchase_name_their_sellers(
    client: Client, other: Client, buyer_client: Client
) -> None:
    names = {}
    for seller, name in ((client, "Librería <Norte>"), (other, "Ñusta")):
        names[seller.put("/account", {"name": name}).json["id"]] = name
        buyer_client.post("/cart/items", {"book_id": seller.publish()})
    lines = buyer_client.get("/cart").json["items"]
    assert [(line["seller_id"], line["seller_name"]) for line in lines] == [*names.items()]
    bought = buy(buyer_client, *({"book_id": line["book_id"]} for line in lines)).json
    assert {order["seller_id"]: order["seller_name"] for order in bought["orders"]} == names
    # The purchase keeps the name of its moment; the cart does as the shop does today.
    other.put("/account", {"name": "Ñusta Dos"})
    shown = buyer_client.get(f"/purchases/{bought['id']}").json
    assert {order["seller_name"] for order in shown["orders"]} == {*names.values()}


def test_the_same_purchase_under_the_same_key_is_one(
    client: Client, other: Client, database: Database
) -> None:
    book = client.publish()
    key = str(uuid.uuid4())
    first, second = (buy(other, {"book_id": book}, key=text) for text in (key, f'"{key}"'))
    assert first.status_code == second.status_code == 201
    assert first.json == second.json
    assert client.get(f"/books/{book}").json["stock"] == 2
    assert counted(database, SimulatedCharge) == 1


def test_another_purchase_under_the_same_key_is_refused(client: Client, other: Client) -> None:
    book = client.publish()
    key = str(uuid.uuid4())
    assert buy(other, {"book_id": book}, key=key).status_code == 201
    answer = buy(other, {"book_id": book, "quantity": 2}, key=key)
    assert answer.status_code == 422
    assert answer.json["type"] == "urn:problem-type:bookstore:key-reused"
    assert client.get(f"/books/{book}").json["stock"] == 2


def test_another_card_or_price_seen_under_the_same_key_is_the_same_purchase(
    client: Client, other: Client, database: Database
) -> None:
    book = client.publish()
    key = str(uuid.uuid4())
    first = buy(other, {"book_id": book, "price_minor_seen": 2_500_000}, key=key)
    again = buy(other, {"book_id": book, "price_minor_seen": 1}, key=key, card_number=DECLINED)
    assert (again.status_code, again.json) == (201, first.json)
    assert counted(database, SimulatedCharge) == 1


@pytest.mark.parametrize("key", [None, "short", "with space in it", "x" * 65])
def test_a_purchase_needs_a_key(client: Client, key: str | None) -> None:
    answer = client.post("/purchases", {}, Idempotency_Key=key)
    assert answer.status_code == 400
    told = "Write 8 to 64 letters, digits or hyphens." if key else "Fill in this field."
    assert answer.json["errors"] == [{"field": "Idempotency-Key", "message": told}]


@pytest.mark.parametrize(
    ("changes", "name", "field"),
    [
        ({"quantity": 4}, "out-of-stock", "lines.1.quantity"),
        ({"price_minor_seen": 2_400_000}, "price-changed", "lines.1.price_minor_seen"),
        ({"book_id": 4711}, "not-for-sale", "lines.1.book_id"),
    ],
)
def test_what_cannot_be_had_is_a_conflict_and_nothing_is_bought(
    client: Client,
    other: Client,
    database: Database,
    changes: dict[str, int],
    name: str,
    field: str,
) -> None:
    first, second = client.publish(), client.publish()
    answer = buy(other, {"book_id": first}, {"book_id": second, **changes})
    assert answer.status_code == 409
    assert answer.json["type"] == f"urn:problem-type:bookstore:{name}"
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert [client.get(f"/books/{book}").json["stock"] for book in (first, second)] == [3, 3]
    assert counted(database, Order) == 0


def test_nobody_buys_their_own_book(client: Client) -> None:
    answer = buy(client, {"book_id": client.publish()})
    assert answer.status_code == 409
    assert answer.json["type"] == "urn:problem-type:bookstore:own-book"


@pytest.mark.parametrize(("card", "name"), [(DECLINED, "declined"), (SILENT, "timed_out")])
def test_a_failed_payment_names_its_purchase_and_gives_the_copies_back(
    client: Client, other: Client, card: str, name: str
) -> None:
    book = client.publish()
    answer = buy(other, {"book_id": book}, card_number=card)
    assert answer.status_code == 402
    assert answer.json["type"] == f"urn:problem-type:bookstore:payment-{name.replace('_', '-')}"
    assert card.replace(" ", "") not in answer.text.replace(" ", "")
    shown = other.get(f"/purchases/{answer.json['purchase_id']}").json
    assert (shown["state"], shown["orders"]) == (name, [])
    assert other.get("/orders").json["items"] == []
    assert client.get(f"/books/{book}").json["stock"] == 3


def test_bad_fields_of_a_purchase_are_named(client: Client, other: Client) -> None:
    book = client.publish()
    answer = buy(other, {"book_id": book, "quantity": 21}, card_number="1234", carrier="pigeon")
    assert answer.status_code == 422
    assert {error["field"]: error["message"] for error in answer.json["errors"]} == {
        "lines.0.quantity": "Write 20 or less.",
        "carrier": "Choose one of the options.",
        "card_number": "Payment is simulated: use one of the test cards.",
    }
    many = [{"book_id": number} for number in range(1, 52)]
    wrong: list[tuple[Any, str, str]] = [
        (many, "lines", "Send a list of at most 50."),
        (4, "lines", "Send a list."),
        ([book], "lines.0", "Send an object with fields."),
    ]
    for sent, field, told in wrong:
        answer = buy(other, lines=sent)
        assert answer.json["errors"] == [{"field": field, "message": told}]
    for lines, changes, field in (
        ([], {}, "lines"),
        ([{"book_id": book}, {"book_id": book}], {}, "lines"),
        ([{"book_id": book}], {"carrier": None}, "carrier"),
    ):
        answer = buy(other, *lines, **changes)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json["errors"]] == [field]


def test_a_cart_is_filled_changed_and_bought(client: Client, other: Client) -> None:
    first, second = client.publish(), client.publish()
    for book in (first, first, second):
        answer = other.post("/cart/items", {"book_id": book})
        assert answer.status_code == 201
    assert [(item["book_id"], item["quantity"]) for item in answer.json["items"]] == [
        (first, 2),
        (second, 1),
    ]
    changed = other.put(f"/cart/items/{first}", {"quantity": 3}).json["items"]
    assert (changed[0]["quantity"], changed[0]["total_minor"]) == (3, 7_500_000)
    assert other.send("DELETE", f"/cart/items/{second}").status_code == 204
    lines = [
        {"book_id": item["book_id"], "quantity": item["quantity"]}
        for item in other.get("/cart").json["items"]
    ]
    assert buy(other, *lines).status_code == 201
    assert other.get("/cart").json["items"] == []


def test_what_was_put_into_the_cart_is_changed_and_removed_at_its_own_address(
    client: Client, other: Client
) -> None:
    book = client.publish()
    for quantity in (1, 2):
        answer = other.post("/cart/items", {"book_id": book})
        assert answer.json["items"][0]["quantity"] == quantity
        line = answer.headers["Location"]
        assert line == f"/api/v1/cart/items/{book}"
    assert other.put(line, {"quantity": 3}).json["items"][0]["quantity"] == 3
    assert other.send("DELETE", line).status_code == 204
    assert other.get("/cart").json["items"] == []


def test_what_cannot_be_had_does_not_go_into_the_cart(client: Client, other: Client) -> None:
    book, many = client.publish(stock=3), client.publish(stock=30)
    for person, wanted, name in (
        (other, {"book_id": book, "quantity": 4}, "out-of-stock"),
        (other, {"book_id": 4711}, "not-for-sale"),
        (client, {"book_id": book}, "own-book"),
    ):
        answer = person.post("/cart/items", wanted)
        assert answer.status_code == 409
        assert answer.json["type"] == f"urn:problem-type:bookstore:{name}"
    assert other.post("/cart/items", {"book_id": many, "quantity": 20}).status_code == 201
    answer = other.post("/cart/items", {"book_id": many})
    assert answer.json["type"] == "urn:problem-type:bookstore:too-many-copies"
    assert other.put(f"/cart/items/{book}", {"quantity": 1}).status_code == 404
