"""A person at the shop: fills in the forms that the pages show, as a browser would."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

APPROVED = "4242 4242 4242 4242"
DECLINED = "4000 0000 0000 0002"
SILENT = "4000 0000 0000 0119"

BOOK = {
    "title": "Rayuela",
    "author": "Julio Cortázar",
    "isbn": "",
    "description": "Tapa blanda, bien conservada.",
    "condition": "good",
    "language": "es",
    "price": "25.000",
    "quantity": "3",
}

ADDRESS = {
    "recipient": "Ana Gómez",
    "line1": "Carrera 7 # 12-34",
    "line2": "Apto 502",
    "city": "Bogotá",
    "region": "Cundinamarca",
    "postal_code": "110311",
    "country": "Colombia",
    "phone": "+57 300 123 4567",
}


def purchase(card: str = APPROVED, quantity: int = 1, **changes: str) -> dict[str, str]:
    """Return what a buyer types to buy copies of one book."""
    return {
        "quantity": str(quantity),
        "name": "Ana Gómez",
        "line1": "Carrera 7 # 12-34",
        "city": "Bogotá",
        "country": "Colombia",
        "card_number": card,
        **changes,
    }


def filled(page: str) -> dict[str, str]:
    """Return the hidden and the chosen fields of a checkout, as a browser would send them."""
    form = page[page.index('action="/checkout"') :]
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    chosen = re.findall(r'<input type="radio" name="(\w+)" value="(\w+)"[^>]* checked', form)
    return dict(hidden + chosen)


@dataclass
class Shopper:
    """Drive the shop through its pages with a cookie jar of one's own."""

    app: Flask
    language: str = "en"
    email: str = field(default_factory=lambda: f"{uuid.uuid4().hex}@example.com")
    password: str = "a long password"

    def __post_init__(self) -> None:
        self.client: FlaskClient = self.app.test_client()

    def get(self, path: str, **arguments: object) -> TestResponse:
        headers = {"Accept-Language": self.language}
        return self.client.get(path, headers=headers, **arguments)  # type: ignore[arg-type]

    def post(self, path: str, typed: dict[str, str], token: str | None = None) -> TestResponse:
        data = {"csrf_token": self.token() if token is None else token, **typed}
        headers = {"Accept-Language": self.language}
        # Read to its end, as a browser does: some work begins once an answer has been sent.
        return self.client.post(path, data=data, headers=headers, buffered=True)

    def token(self) -> str:
        page = self.get("/sell") if self.client.get_cookie("session") else self.get("/auth/login")
        if page.status_code != 200:
            page = self.get("/auth/login")
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found is not None, page.text
        return found[1]

    def register(self, name: str = "Ana Gómez") -> Shopper:
        answer = self.post(
            "/auth/register", {"email": self.email, "name": name, "password": self.password}
        )
        assert answer.status_code == 303, answer.text
        return self

    def log_in(self, password: str | None = None) -> TestResponse:
        return self.post(
            "/auth/login", {"email": self.email, "password": password or self.password}
        )

    def publish(self, **changes: str) -> int:
        answer = self.post("/sell", {**BOOK, **changes})
        assert answer.status_code == 303, answer.text
        return int(answer.location.rsplit("/", 1)[1])

    def checkout(self, book_id: int | None = None, quantity: int = 1) -> dict[str, str]:
        """Open the checkout, of one book or the whole cart, and return what its form holds."""
        wanted = {} if book_id is None else {"book_id": str(book_id), "quantity": str(quantity)}
        page = self.get("/checkout", query_string=wanted)
        assert page.status_code == 200, page.text
        return filled(page.text)

    def buy(self, book_id: int | None = None, typed: dict[str, str] | None = None) -> TestResponse:
        """Open the checkout, fill it in and send it; what it does not show is answered as it is."""
        typed = typed or purchase()
        wanted = {} if book_id is None else {"book_id": str(book_id)}
        shown = self.get("/checkout", query_string={**wanted, "quantity": typed["quantity"]})
        if shown.status_code != 200:
            return shown
        return self.post("/checkout", {**filled(shown.text), **typed})

    def ordered(self, bought: TestResponse) -> list[int]:
        """Return the orders of the purchase that a checkout led to."""
        assert bought.status_code == 303, bought.text
        page = self.get(bought.location).text
        return [int(order) for order in re.findall(r'data-order-id="(\d+)"', page)]

    def add(self, book_id: int, quantity: int = 1) -> TestResponse:
        return self.post("/cart", {"book_id": str(book_id), "quantity": str(quantity)})

    def cart(self) -> list[tuple[int, int]]:
        """Return the books in the cart and their copies."""
        found = re.findall(r'data-book-id="(\d+)" data-quantity="(\d+)"', self.get("/cart").text)
        return [(int(book), int(copies)) for book, copies in found]

    def stock(self, book_id: int) -> int:
        found = re.search(r'data-stock="(\d+)"', self.get(f"/books/{book_id}").text)
        assert found is not None
        return int(found[1])

    def orders(self) -> list[tuple[int, str]]:
        page = self.get("/orders").text
        return [
            (int(order), state)
            for order, state in re.findall(r'data-order-id="(\d+)" data-state="(\w+)"', page)
        ]
