"""What the head of a book's page tells search engines and other sites."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

from tests.component.app.databases import on_sqlite
from tests.component.app.moderator import id_of
from tests.component.app.shopper import Shopper, purchase
from tests.component.app.test_covers import picture, publish

pytestmark = on_sqlite


def told(page: str) -> dict[str, str]:
    """Return the texts of a page's meta elements by their names."""
    found = re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', page)
    return {name: unescape(content) for name, content in found}


def product(page: str) -> dict[str, Any]:
    """Return a page's JSON-LD."""
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    read: dict[str, Any] = json.loads(found)
    return read


def test_a_book_is_a_product_with_an_offer(seller: Shopper, visitor: Shopper) -> None:
    isbn = "9788437604947"
    book = publish(seller, picture(), isbn=isbn, price="25.000,50")
    page = visitor.get(f"/books/{book}").text
    place = f"http://localhost/books/{book}"
    assert f'<link rel="canonical" href="{place}">' in page
    shown = product(page)
    assert shown["@type"] == ["Product", "Book"]
    assert (shown["name"], shown["isbn"], shown["inLanguage"]) == ("Rayuela", isbn, "es")
    assert shown["author"] == {"@type": "Person", "name": "Julio Cortázar"}
    offer = shown["offers"]
    assert (offer["price"], offer["priceCurrency"]) == ("25000.50", "COP")
    assert offer["availability"] == "https://schema.org/InStock"
    assert offer["itemCondition"] == "https://schema.org/UsedCondition"
    assert offer["seller"] == {
        "@type": "Person",
        "name": "Ana Gómez",
        "url": f"http://localhost/sellers/{id_of(seller)}",
    }
    meta = told(page)
    assert meta["description"] == "Tapa blanda, bien conservada."
    assert meta["og:title"] == "Rayuela · Julio Cortázar"
    assert meta["og:url"] == place
    assert meta["og:image"] == shown["image"]
    assert visitor.get(shown["image"].removeprefix("http://localhost")).mimetype == "image/webp"


def test_a_book_without_copies_is_out_of_stock(
    seller: Shopper, buyer: Shopper, visitor: Shopper
) -> None:
    book = seller.publish(quantity="1", condition="new")
    assert buyer.buy(book, purchase()).status_code == 303
    offer = product(visitor.get(f"/books/{book}").text)["offers"]
    assert offer["availability"] == "https://schema.org/OutOfStock"
    assert offer["itemCondition"] == "https://schema.org/NewCondition"


def test_what_a_seller_writes_stays_text(seller: Shopper, visitor: Shopper) -> None:
    title, words = '</script><script>alert("1")', "Good as new & 'clean' \n" * 20
    page = visitor.get(f"/books/{seller.publish(title=title, description=words)}").text
    shown = product(page)
    assert shown["name"] == title
    assert len(re.findall("<script", page)) == 1
    description = told(page)["description"]
    assert len(description) <= 160
    assert description.endswith("…")
    assert "\n" not in description


def test_a_withdrawn_book_tells_nothing(seller: Shopper) -> None:
    book = seller.publish()
    seller.post(f"/books/{book}/withdraw", {})
    page = seller.get(f"/books/{book}").text
    assert "ld+json" not in page
    assert "canonical" not in page


def test_each_page_of_a_sellers_books_is_its_own(seller: Shopper, visitor: Shopper) -> None:
    for _ in range(25):
        seller.publish()
    place = f"/sellers/{id_of(seller)}"
    visitor.language = "es"
    first = visitor.get(place).text
    assert f'<link rel="canonical" href="http://localhost{place}">' in first
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None
    assert f'<link rel="canonical" href="http://localhost{more[1]}">' in visitor.get(more[1]).text
    assert told(visitor.get(place).text)["description"] == (
        "Libros de segunda mano que vende Ana Gómez."
    )
