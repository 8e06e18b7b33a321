"""One process of buyers who race for scarce books: `python -m tests.replicas.racer`."""

from __future__ import annotations

import json
import random
import sys
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from bookstore.core.config import load_settings
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.services import service
from bookstore.factory import create_app
from bookstore.orders.basket import Basket
from bookstore.orders.forms import Destination, Wanted
from bookstore.orders.gateway import CARD_APPROVED
from bookstore.orders.models import OrderState
from bookstore.orders.service import LocalOrders
from bookstore.orders.shipping import CarrierCode

THREADS = 8
FIRST_BUYER = 1_000_000


def race(attempts: int, books: list[int], seed: int) -> Counter[int]:
    """Try to buy one or two copies of any book, again and again; return what was sold of each."""
    app = create_app(load_settings())
    orders: LocalOrders = service(LocalOrders, app)
    chance = random.Random(seed)
    wishes = [(chance.choice(books), chance.choice((1, 1, 2))) for _ in range(attempts)]

    def buy(wish: tuple[int, int]) -> tuple[int, int]:
        book, copies = wish
        basket = Basket(
            key=str(uuid.uuid4()),
            lines=[Wanted(book, copies)],
            destination=Destination(name="Ana", line1="Calle 1", city="Cali", country="Colombia"),
            card_number=CARD_APPROVED,
            carrier=CarrierCode.STANDARD,
        )
        try:
            order = orders.buy(FIRST_BUYER + seed, basket)
        except OutOfStock:
            return book, 0
        return book, copies if order.state == OrderState.PAID else 0

    with ThreadPoolExecutor(THREADS) as pool:
        bought = list(pool.map(buy, wishes))
    return sum((Counter({book: copies}) for book, copies in bought), Counter())


if __name__ == "__main__":
    attempts, books, seed = sys.argv[1:]
    print(json.dumps(race(int(attempts), [int(book) for book in books.split(",")], int(seed))))
