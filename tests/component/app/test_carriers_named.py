"""Carriers are named for the sellers of the purchase, each once; a replay is answered as ever."""

from __future__ import annotations

import re
import uuid

import pytest
from werkzeug.datastructures import MultiDict

from bookstore.core.db.database import Database
from bookstore.orders.models import Order, SimulatedCharge
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper, purchase
from tests.component.app.test_api_purchases import buy, counted

pytestmark = on_sqlite
TWICE = {
    "en": "Carriers: seller %s is named twice; name each seller once.",
    "es": "Transportadoras: el vendedor %s está dos veces; nombra a cada vendedor una vez.",
}
STRANGER = {
    "en": "Carriers: seller %s sells nothing in this purchase; leave that seller out.",
    "es": "Transportadoras: el vendedor %s no vende nada en esta compra; quítalo.",
}


def choices(*sellers: int, carrier: str = "standard") -> list[dict[str, object]]:
    return [{"seller_id": seller, "carrier": carrier} for seller in sellers]


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_api_takes_each_seller_of_the_purchase_once(
    client: Client, other: Client, database: Database, language: str
) -> None:
    book = client.publish()
    seller = client.get("/account").json["id"]
    stranger = other.get("/account").json["id"]
    other.language = language
    key = str(uuid.uuid4())
    for carriers, told in (
        (choices(seller, seller), TWICE[language] % seller),
        (choices(seller) + choices(seller, carrier="express"), TWICE[language] % seller),
        (choices(4711, 4711), TWICE[language] % 4711),
        (choices(seller, 4711), STRANGER[language] % 4711),
        (choices(stranger), STRANGER[language] % stranger),
    ):
        answer = buy(other, {"book_id": book}, key=key, carriers=carriers)
        assert answer.status_code == 422
        assert answer.json["errors"] == [{"field": "carriers", "message": told}]
    assert client.get(f"/books/{book}").json["stock"] == 3
    assert counted(database, Order) == counted(database, SimulatedCharge) == 0
    # A refusal does not use the key up.
    assert buy(other, {"book_id": book}, key=key, carriers=choices(seller)).status_code == 201


def test_a_purchase_from_before_is_found_by_its_key_whatever_carriers_it_named(
    client: Client, other: Client, database: Database
) -> None:
    book = client.publish()
    seller = client.get("/account").json["id"]
    key = str(uuid.uuid4())
    first = buy(other, {"book_id": book}, key=key, carriers=choices(seller, carrier="express"))
    twice = choices(seller) + choices(seller, carrier="express")
    again = buy(other, {"book_id": book}, key=key, carriers=twice)
    assert (again.status_code, again.json) == (201, first.json)
    for carriers in (choices(seller, seller), choices(4711)):
        answer = buy(other, {"book_id": book}, key=key, carriers=carriers)
        assert answer.json["type"] == "urn:problem-type:bookstore:key-reused"


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("case", ["twice", "stranger"])
def test_the_checkout_takes_each_seller_of_the_purchase_once(
    seller: Shopper, buyer: Shopper, language: str, case: str
) -> None:
    book = seller.publish()
    form = {**buyer.checkout(book), **purchase(name="Eva Ruiz"), "csrf_token": buyer.token()}
    (field,) = (name for name in form if name.startswith("carrier_"))
    fields = MultiDict(form)
    if case == "twice":
        fields.add(field, "express")
        told = TWICE[language] % field.removeprefix("carrier_")
    else:
        fields.add("carrier_4711", "standard")
        told = STRANGER[language] % 4711
    headers = {"Accept-Language": language}
    answer = buyer.client.post("/checkout", data=fields, headers=headers)
    assert answer.status_code == 422
    assert f'<a href="#carriers">{told}</a>' in answer.text
    assert re.search(r'id="carriers"[^>]* aria-describedby="carriers-error"', answer.text)
    assert f'id="carriers-error">{told}' in answer.text
    assert 'value="Eva Ruiz"' in answer.text
    assert buyer.stock(book) == 3
    assert buyer.orders() == []


def test_the_checkout_sent_again_leads_to_its_purchase(seller: Shopper, buyer: Shopper) -> None:
    form = {**buyer.checkout(seller.publish()), **purchase(), "csrf_token": buyer.token()}
    (field,) = (name for name in form if name.startswith("carrier_"))
    first = buyer.client.post("/checkout", data=form)
    fields = MultiDict(form)
    fields.add(field, "express")
    again = buyer.client.post("/checkout", data=fields)
    assert (again.status_code, again.location) == (303, first.location)
    assert len(buyer.orders()) == 1
