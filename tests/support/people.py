"""People whose orders and books are to be found again wherever their shop has moved to."""

from __future__ import annotations

import hashlib
import re
from io import BytesIO

from PIL import Image

from tests.support.shopper import Shopper

MAIN = re.compile(r"<main.*?</main>", re.DOTALL)
TOKEN = re.compile(r'<input[^>]*name="csrf_token"[^>]*>')


def cover() -> bytes:
    written = BytesIO()
    Image.new("RGB", (600, 900), "#14505c").save(written, "PNG")
    return written.getvalue()


def publish(seller: Shopper, title: str) -> str:
    """Offer five copies of a book with a picture of its cover, and return its number."""
    book = seller.publish(title, 5)
    form = next(f for f in seller.page(f"/books/{book}/edit").forms if f.action.endswith("/edit"))
    fields = {
        name: value for name, value in form.fields.items() if name not in ("cover", "remove_cover")
    }
    fields["description"] = "Second-hand, read twice, with its cover."
    files = {"cover": ("cover.png", cover(), "image/png")}
    seller.http.post(form.action, data=fields, files=files).raise_for_status()
    return book


def pictures(visitor: Shopper, book: str) -> dict[str, str]:
    """Return the files of a book's cover, by their name, as digests of what is served."""
    served = {}
    for path in visitor.page(f"/books/{book}").values("src"):
        if path.endswith(".webp"):
            answer = visitor.http.get(path)
            answer.raise_for_status()
            served[path] = hashlib.sha256(answer.content).hexdigest()
    return served


def told(buyer: Shopper) -> dict[str, str]:
    """Return what the buyer reads of each order, without what is of the moment."""
    pages = {}
    for order in buyer.orders():
        answer = buyer.http.get(f"/orders/{order}")
        answer.raise_for_status()
        (main,) = MAIN.findall(answer.text)
        pages[order] = TOKEN.sub("", main)
    return pages


class People:
    """Who sells and who buys, at whatever step the shop is."""

    def __init__(self, url: str) -> None:
        seller, buyer = Shopper(url), Shopper(url)
        self.seller, self.buyer = seller.register(), buyer.register()
        self.book = publish(seller, "Cien años de soledad — 百年の孤独 📖")
        self.pictures = pictures(buyer, self.book)
        self.orders: dict[str, str] = {}
        self._buy(buyer)

    def _buy(self, buyer: Shopper) -> None:
        buyer.buy(self.book)
        self.orders = told(buyer)

    def find_all_and_buy_again(self, url: str) -> None:
        """Log in with the password of before, miss nothing, and buy one more copy."""
        buyer = Shopper(url)
        buyer.log_in(self.buyer)
        assert told(buyer) == self.orders
        assert pictures(buyer, self.book) == self.pictures
        copies = buyer.stock(self.book)
        assert copies == 5 - len(self.orders)
        self._buy(buyer)
        assert buyer.stock(self.book) == copies - 1
