"""The API of orders: each is brought to its end by who may, and nobody sees another's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.component.app.client import Client
from tests.component.app.test_api_purchases import buy


def order(client: Client, book: int, quantity: int = 1, **changes: Any) -> str:
    """Buy copies of a book, and return the address of the order."""
    answer = buy(client, {"book_id": book, "quantity": quantity}, **changes)
    assert answer.status_code == 201, answer.text
    return f"/orders/{answer.json['orders'][0]['id']}"


def test_an_order_is_shipped_by_its_seller_and_received_by_its_buyer(
    client: Client, other: Client
) -> None:
    place = order(other, client.publish(), quantity=2)
    sold = client.get("/sales").json
    assert [item["total_minor"] for item in sold["items"]] == [6_100_000]
    assert sold["totals"] == [{"currency": "COP", "orders": 1, "amount_minor": 5_000_000}]
    assert other.get("/orders").json["totals"][0]["amount_minor"] == 6_100_000
    assert client.get(place).json["verbs"] == ["ship", "cancel"]
    assert other.post(f"{place}/receive").json["type"].endswith(":wrong-state")
    assert client.post(f"{place}/ship", {"tracking": "a/b"}).status_code == 422
    shipped = client.post(f"{place}/ship", {"tracking": "co-1234"}).json
    assert (shipped["role"], shipped["state"]) == ("seller", "shipped")
    assert shipped["shipment"]["tracking"] == "CO-1234"
    received = other.post(f"{place}/receive").json
    assert (received["role"], received["state"], received["verbs"]) == ("buyer", "delivered", [])
    assert received["delivered_at"] > received["shipped_at"] > received["paid_at"]


def test_a_buyer_finds_the_purchase_and_the_payment_of_an_order_and_the_seller_does_not(
    client: Client, other: Client
) -> None:
    place = order(other, client.publish())
    own = other.get(place).json
    bought = other.get(f"/purchases/{own['purchase_id']}").json
    assert [f"/orders/{each['id']}" for each in bought["orders"]] == [place]
    assert own["payment_reference"].startswith("sim_")
    sold = client.get(place).json
    assert (sold["purchase_id"], sold["payment_reference"]) == (None, None)


def test_a_cancelled_order_puts_its_copies_back_and_its_payment(
    client: Client, other: Client, run_jobs: Callable[..., int]
) -> None:
    book = client.publish(stock=3)
    place = order(other, book)
    cancelled = other.post(f"{place}/cancel").json
    assert (cancelled["state"], cancelled["cancelled_by"]) == ("cancelled", "buyer")
    assert cancelled["refunded_at"] is None
    run_jobs()
    assert other.get(place).json["refunded_at"]
    assert client.get(f"/books/{book}").json["stock"] == 3
    answer = client.post(f"{place}/ship", {"tracking": "CO-1234"})
    assert answer.status_code == 409
    assert answer.json["detail"] == "This order was cancelled."


def test_what_a_carrier_costs_is_known_before_the_order(client: Client, other: Client) -> None:
    carriers = {item["code"]: item for item in other.get("/carriers").json["items"]}
    placed = other.get(order(other, client.publish(), quantity=3, carrier="express")).json
    express = carriers["express"]
    expected = express["first_copy_minor"] + 2 * express["other_copy_minor"]
    assert placed["shipping_minor"] == expected
