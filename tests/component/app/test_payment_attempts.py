"""A payment attempt is no order, and an address is shown to whoever sends something there."""

from __future__ import annotations

import re

from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import APPROVED, DECLINED, SILENT, Shopper, purchase
from tests.component.app.test_api_orders import order

pytestmark = on_sqlite


def test_payments_that_failed_are_not_among_the_orders(seller: Shopper, buyer: Shopper) -> None:
    book = seller.publish(quantity="9")
    buyer.add(seller.publish(quantity="9"))
    answers = [buyer.buy(typed=purchase(card)) for card in (DECLINED, SILENT, APPROVED)]
    assert [answer.status_code for answer in answers] == [402, 402, 303]
    buyer.buy(book)
    assert [state for _, state in buyer.orders()] == ["paid", "paid"]
    assert "2 orders, " in buyer.get("/orders").text


def test_a_buyer_finds_what_became_of_a_payment_at_its_purchase(
    client: Client, seller: Shopper, buyer: Shopper
) -> None:
    book = seller.publish(title="Rayuela", quantity="9")
    buyer.buy(book, purchase(DECLINED))
    buyer.buy(book, purchase(SILENT))
    for purchase_id, state, sentence in (
        (1, "declined", "The card was declined."),
        (2, "timed_out", "The payment did not answer in time."),
    ):
        page = buyer.get(f"/purchases/{purchase_id}").text
        assert f'data-purchase-id="{purchase_id}" data-state="{state}"' in page
        assert sentence in page
        assert "Rayuela" in page
        assert "data-order-id" not in page
        assert seller.get(f"/purchases/{purchase_id}").status_code == 404


def test_the_seller_of_a_cancelled_order_sees_no_address(seller: Shopper, buyer: Shopper) -> None:
    (placed,) = buyer.ordered(buyer.buy(seller.publish()))
    assert "Carrera 7 # 12-34" in seller.get(f"/orders/{placed}").text
    assert buyer.post(f"/orders/{placed}/cancel", {}).status_code == 303
    page = seller.get(f"/orders/{placed}").text
    assert "Carrera 7 # 12-34" not in page
    assert not re.search("<address", page)
    assert "Carrera 7 # 12-34" in buyer.get(f"/orders/{placed}").text


def test_the_api_gives_the_seller_of_a_cancelled_order_no_address(
    client: Client, other: Client
) -> None:
    place = order(other, client.publish())
    assert client.get(place).json["destination"]["line1"] == "Carrera 7 # 12-34"
    assert client.post(f"{place}/cancel").json["destination"] is None
    assert other.get(place).json["destination"]["line1"] == "Carrera 7 # 12-34"
