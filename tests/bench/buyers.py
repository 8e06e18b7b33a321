"""Buyers for the bench: each purchase a new order, sent over kept connections."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable

import httpx

from tests.bench import load
from tests.support.shopper import Shopper

CARD = "4242 4242 4242 4242"


class Buyers:
    """Buy one book, as many people as there are connections."""

    def __init__(self, url: str, book: str) -> None:
        self._url = url
        self._book = book
        self._people: list[Shopper] = []
        self._turn = itertools.count()

    def buy(self, seconds: float) -> load.Load:
        """Send filled-in forms of purchases, each with a key of its own."""
        while len(self._people) < load.CONNECTIONS:
            self._person()
        return load.by_threads(self._buyer, seconds)

    def cookie(self) -> str:
        """Return the header by which the shop knows one of them."""
        return "; ".join(f"{one.name}={one.value}" for one in self._person().http.cookies.jar)

    def greet(self, seconds: float) -> load.Load:
        """Send the same to a server that only says hello."""
        return load.by_threads(self._greeter, seconds)

    def _person(self) -> Shopper:
        person = Shopper(self._url)
        person.register()
        self._people.append(person)
        return person

    def _buyer(self) -> Callable[[], None]:
        person = self._people[next(self._turn) % len(self._people)]
        page = person.page(f"/checkout?book_id={self._book}&quantity=1")
        form = next(form for form in page.forms if form.action == "/checkout").fields
        form |= {"line1": "Calle 10 # 4-20", "city": "Medellín", "card_number": CARD}
        http = httpx.Client(base_url=self._url, trust_env=False)
        session = dict(person.http.cookies)

        def buy() -> None:
            # A browser shows what the shop says, and so drops it from the session.
            http.cookies = session
            answer = http.post("/checkout", data=form | {"idempotency_key": str(uuid.uuid4())})
            assert answer.status_code == 303, answer.text

        return buy

    def _greeter(self) -> Callable[[], None]:
        http = httpx.Client(base_url=self._url, trust_env=False)

        def greet() -> None:
            assert http.post("/", data={"card_number": CARD}).status_code == 200

        return greet
