"""What search engines and other sites show of a book: a description, a picture, and JSON-LD."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import url_for

from bookstore.catalogue.browsing import BookDetail
from bookstore.catalogue.coverfiles import file_name
from bookstore.catalogue.models import BookLanguage, Condition
from bookstore.catalogue.pictures import WIDTHS
from bookstore.core.money import MINOR_UNITS
from bookstore.core.web.security import public_address

LONGEST_DESCRIPTION = 160


@dataclass(frozen=True)
class BookMetadata:
    """What the head of a book's page tells.

    :ivar description: the beginning of the seller's, in one line.
    :ivar image: the address of the cover; None without one, and where the shop does not know its
        own public address.
    :ivar price: in pesos, with a point.
    :ivar json_ld: the book as a product that is offered (schema.org).
    """

    description: str
    image: str | None
    price: str
    json_ld: dict[str, Any]


def book_metadata(book: BookDetail) -> BookMetadata:
    """Return what the head of a book's page tells."""
    price = f"{Decimal(book.price_minor) / MINOR_UNITS:.2f}"
    address = _absolute("catalogue.book", book_id=book.id)
    image = None
    if book.cover is not None:
        name = file_name(book.cover, max(WIDTHS))
        image = _absolute("catalogue.cover_picture", name=name)
    return BookMetadata(
        description=_beginning(book.description),
        image=image,
        price=price,
        json_ld=_product(book, price, address, image),
    )


def _product(
    book: BookDetail, price: str, address: str | None, image: str | None
) -> dict[str, Any]:
    is_new = book.condition == Condition.NEW
    seller = {
        "@type": "Person",
        "name": book.seller_name,
        "url": _absolute("catalogue.seller", seller_id=book.seller_id),
    }
    product = {
        "@context": "https://schema.org",
        "@type": ["Product", "Book"],
        "name": book.title,
        "author": {"@type": "Person", "name": book.author},
        "isbn": book.isbn,
        "inLanguage": None if book.language == BookLanguage.OTHER else book.language,
        "description": book.description,
        "image": image,
        "url": address,
        "offers": _told(
            {
                "@type": "Offer",
                "price": price,
                "priceCurrency": book.currency,
                "availability": f"https://schema.org/{'InStock' if book.stock else 'OutOfStock'}",
                "itemCondition": f"https://schema.org/{'New' if is_new else 'Used'}Condition",
                "url": address,
                "seller": _told(seller),
            }
        ),
    }
    return _told(product)


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _absolute(endpoint: str, **values: Any) -> str | None:
    root = public_address()
    return None if root is None else root + url_for(endpoint, **values)


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= LONGEST_DESCRIPTION:
        return line
    return line[: LONGEST_DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"
