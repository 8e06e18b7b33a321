"""One process of buyers who race for scarce books: `python -m tests.replicas.racer`.

It writes down what became of each wish, and begins where the one before it was killed: a buyer who
got no answer sends the same request again.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bookstore.core.config.settings import load_settings
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from bookstore.factory import create_app
from bookstore.orders.forms import Destination, Wanted
from bookstore.orders.gateway import CARD_APPROVED
from bookstore.orders.models import PurchaseState
from bookstore.orders.purchase_request import PurchaseRequest
from bookstore.orders.service import LocalOrders
from bookstore.orders.shipping import CarrierCode

THREADS = 8
BATCH = 1000
INSISTS = 20


@dataclass(frozen=True)
class Race:
    """What one racer is to do, and where it writes down what came of it."""

    name: str
    attempts: int
    books: list[int]
    buyers: list[int]
    results: str

    def answers(self) -> Iterator[tuple[int, int]]:
        """Return the wishes that were answered so far, each with its purchase, or 0 for none."""
        path = Path(self.results)
        for line in path.read_text().splitlines() if path.exists() else ():
            number, _, purchase = line.partition(" ")
            # The last line is cut where a racer was killed while it wrote.
            if purchase.endswith("."):
                yield int(number), int(purchase[:-1])

    def wish(self, number: int) -> tuple[int, PurchaseRequest]:
        """Return who wants what, always the same under a number: one or two copies of a book."""
        chance = random.Random(f"{self.name}-{number}")
        request = PurchaseRequest(
            key=f"{self.name}-{number}".rjust(8, "-"),
            lines=[Wanted(chance.choice(self.books), chance.choice((1, 1, 2)))],
            destination=Destination(name="Ana", line1="Calle 1", city="Cali", country="Colombia"),
            card_number=CARD_APPROVED,
            carrier=CarrierCode.STANDARD,
        )
        return chance.choice(self.buyers), request


def run(race: Race) -> None:
    """Try to buy until each wish was answered, and run the shop's jobs beside that."""
    app = create_app(load_settings())
    orders = service(LocalOrders, app)
    worker = service(Jobs, app).worker()
    worker.start()
    answered = {number for number, _ in race.answers()}
    writing = threading.Lock()

    def buy(number: int) -> int:
        buyer, request = race.wish(number)
        for insists in range(INSISTS):
            try:
                bought = orders.buy(buyer, "Ana", request)
            except OutOfStock:
                return 0
            except DBAPIError:
                # The connection was cut under it.
                if insists == INSISTS - 1:
                    raise
                continue
            if bought.state == PurchaseState.PAID:
                return bought.id
        raise RuntimeError(f"{request.key} is not settled")

    def buy_and_note(number: int) -> None:
        bought = buy(number)
        with writing:
            results.write(f"\n{number} {bought}.")
            results.flush()

    numbers = (number for number in range(race.attempts) if number not in answered)
    with Path(race.results).open("a") as results, ThreadPoolExecutor(THREADS) as pool:
        while batch := list(islice(numbers, BATCH)):
            list(pool.map(buy_and_note, batch))
    worker.stop(60)


def text_of(race: Race) -> str:
    """Return a race as the argument of a racer."""
    return json.dumps(asdict(race))


if __name__ == "__main__":
    run(Race(**json.loads(sys.argv[1])))
