"""A purchase asks the database as often as it must, and no more."""

from __future__ import annotations

from bookstore.core.db.database import Database
from tests.component.app.databases import counted, on_mysql, round_trips
from tests.component.app.shopper import Shopper, purchase

# Who buys, and the books; three rows of the purchase; two statements of the reservation, the
# charge, three of the sale; and of the end: the purchase, its order, the cart.
MOST = 14
# These, two jobs, and the end of each of the two sessions and the five transactions.
MOST_ROUND_TRIPS = MOST + 2 + 7


def test_a_purchase_asks_the_database_a_fixed_number_of_times(
    seller: Shopper, buyer: Shopper, database: Database
) -> None:
    book = seller.publish(quantity="9")
    form, token = {**buyer.checkout(book), **purchase()}, buyer.token()
    with counted(database) as asked:
        assert buyer.post("/checkout", form, token=token).status_code == 303
    own = [statement for statement in asked if "orders_jobs" not in statement]
    assert len(own) <= MOST, own


@on_mysql
def test_the_server_is_asked_for_nothing_else(
    seller: Shopper, buyer: Shopper, database: Database
) -> None:
    book = seller.publish(quantity="9")
    form, token = {**buyer.checkout(book), **purchase()}, buyer.token()
    before = round_trips(database)
    assert buyer.post("/checkout", form, token=token).status_code == 303
    assert round_trips(database) - before <= MOST_ROUND_TRIPS
