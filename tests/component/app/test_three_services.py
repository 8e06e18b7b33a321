"""Three services with databases of their own are one shop to whoever uses it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from tests.component.app.shopper import DECLINED, Shopper, purchase
from tests.component.app.three import Three


@pytest.fixture
def seller(three: Three) -> Shopper:
    """Give a person who sells."""
    return three.shopper().register("Sara Vendedora")


@pytest.fixture
def buyer(three: Three) -> Shopper:
    """Give a person who buys."""
    return three.shopper().register()


def test_a_book_is_published_bought_and_given_back(
    three: Three, seller: Shopper, buyer: Shopper
) -> None:
    book = seller.publish(quantity="3")
    assert "Sara Vendedora" in buyer.get(f"/books/{book}").text
    (order,) = buyer.ordered(buyer.buy(book, purchase(quantity=2)))
    three.run_jobs()
    assert buyer.stock(book) == 1
    assert f"/orders/{order}" in seller.get("/sales").text
    assert buyer.post(f"/orders/{order}/cancel", {}).status_code == 303
    three.run_jobs()
    assert buyer.stock(book) == 3


def test_a_declined_payment_leaves_no_order_and_no_copy_held(
    three: Three, seller: Shopper, buyer: Shopper
) -> None:
    book = seller.publish(quantity="1")
    buyer.buy(book, purchase(DECLINED))
    three.run_jobs()
    assert buyer.stock(book) == 1
    assert 'data-order-id="' not in buyer.get("/orders").text


def test_a_catalogue_that_is_away_stops_no_other_page_and_loses_no_copy(
    three: Three, seller: Shopper, buyer: Shopper
) -> None:
    book = seller.publish(quantity="3")
    (order,) = buyer.ordered(buyer.buy(book))
    three.networks["catalogue"].down = True
    assert buyer.get("/orders").status_code == 200
    assert buyer.buy(book).status_code == 503
    assert buyer.post(f"/orders/{order}/cancel", {}).status_code == 303
    three.run_jobs()
    (waiting,) = service(Jobs, three.apps["orders"]).of("orders").troubled_jobs()
    assert waiting.error == "catalogue does not answer: ConnectError"
    three.networks["catalogue"].down = False
    assert buyer.stock(book) == 2
    three.run_jobs(later=timedelta(hours=1))
    assert buyer.stock(book) == 3
