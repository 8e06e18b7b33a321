"""People in the shop: what they have there, and how they buy while it is in trouble."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

import httpx
from PIL import Image

from tests.deploy.compose.project import Project
from tests.support.background import repeating
from tests.support.shopper import Page, Shopper

PATIENCE_SECONDS = 30
PAUSE_SECONDS = 0.05


def cover(color: str = "teal", size: tuple[int, int] = (600, 900)) -> bytes:
    """Return a photo that a seller may upload."""
    written = BytesIO()
    Image.new("RGB", size, color).save(written, "JPEG")
    return written.getvalue()


def publication(seller: Shopper, photo: bytes) -> httpx.Request:
    """Return the request by which a seller publishes a book with a cover, not yet sent."""
    form = next(form for form in seller.page("/sell").forms if form.action == "/sell")
    answers = {"title": "Ficciones", "author": "J. L. Borges", "description": "Read only once."}
    return seller.http.build_request(
        "POST",
        "/sell",
        data=form.fields | answers | {"price": "25000", "quantity": "5"},
        files={"cover": ("cover.jpg", photo, "image/jpeg")},
    )


def publish_with_cover(seller: Shopper) -> str:
    """Publish a book with a cover, and return its number."""
    published = seller.http.send(publication(seller, cover()), follow_redirects=True)
    published.raise_for_status()
    return published.url.path.rpartition("/")[2]


def covers(page: Page) -> list[str]:
    """Return the paths of the covers on a page that were uploaded, in all sizes."""
    told = " ".join([*page.values("src"), *page.values("srcset")])
    return sorted(set(re.findall(r"/covers/[^\s,]+", told)))


@dataclass(frozen=True)
class Possessions:
    """What a person has in the shop and would miss: orders, a cover byte by byte, the session."""

    orders: list[str]
    stock: int
    covers: dict[str, bytes]


def possessions(person: Shopper, book: str) -> Possessions:
    """Return what a person who is logged in sees of their orders and of a book."""
    paths = covers(person.page(f"/books/{book}"))
    assert paths, f"book {book} has no cover"
    seen = {path: person.http.get(path).raise_for_status().content for path in paths}
    return Possessions(person.orders(), person.stock(book), seen)


def copies_paid(shop: Project, book: str) -> int:
    """Return how many copies of a book have been paid for, as the database beside the shop says."""
    question = (
        "SELECT COALESCE(SUM(quantity), 0) FROM orders JOIN purchase_lines"
        " USING (purchase_id, seller_id)"
        f" WHERE state = 'paid' AND book_id = {int(book)}"
    )
    ask = "docker compose exec -T database mysql --user=root --batch --skip-column-names bookstore"
    return int(shop.type(f'{ask} --execute="{question}"'))


class SlowRequest:
    """A request of which the shop gets one half, and the other when it is told to go on."""

    def __init__(self, request: httpx.Request) -> None:
        self._request = request
        self._body = request.read()
        self.half_sent, self.go_on = threading.Event(), threading.Event()

    def _halves(self) -> Iterator[bytes]:
        middle = len(self._body) // 2
        yield self._body[:middle]
        self.half_sent.set()
        self.go_on.wait(PATIENCE_SECONDS)
        yield self._body[middle:]

    def send(self) -> httpx.Response:
        """Send it, and return the answer."""
        return httpx.post(
            self._request.url,
            headers=self._request.headers,
            content=self._halves(),
            timeout=PATIENCE_SECONDS,
            trust_env=False,
        )


@dataclass
class Bought:
    """How often a purchase was answered, and how often the shop could not be reached."""

    answered: int = 0
    failed: int = 0
    mishaps: list[httpx.HTTPError] = field(default_factory=list)


@contextmanager
def buying(person: Shopper, book: str) -> Iterator[Bought]:
    """Have a person buy one copy after the other, whatever happens, while the block runs."""
    bought = Bought()

    def buy() -> None:
        try:
            person.buy(book)
            bought.answered += 1
        except httpx.HTTPError as mishap:
            bought.failed += 1
            bought.mishaps.append(mishap)

    with repeating(buy, every=PAUSE_SECONDS):
        yield bought
