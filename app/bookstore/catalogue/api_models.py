"""What the API of the catalogue takes and shows."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from flask import url_for
from pydantic import BeforeValidator, Field

from bookstore.catalogue.cards import BookCard
from bookstore.catalogue.coverfiles import file_name
from bookstore.catalogue.forms import (
    BookInput,
    BookRevision,
    CopiesLeft,
    CopiesOffered,
    PriceBoundMinor,
    PriceMinor,
    Search,
)
from bookstore.catalogue.models import BookLanguage, Condition
from bookstore.catalogue.pictures import (
    WIDTHS,
)
from bookstore.core.api.models import (
    PageOf,
    View,
)
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.money import CURRENCY
from bookstore.core.web.forms import Input

Currency = Literal["COP"]


class CoverView(View):
    """Where a cover's picture is, in one of its widths."""

    width: int = Field(description="Pixels.")
    address: str = Field(json_schema_extra={"format": "uri-reference"})


def _cover_views(cover: object) -> object:
    if cover is None:
        return []
    names = {width: file_name(str(cover), width) for width in WIDTHS}
    return [
        CoverView(width=width, address=url_for("catalogue.cover_picture", name=name))
        for width, name in names.items()
    ]


class Seller(View):
    """Who sells a book."""

    id: int
    name: str


class BookSummary(View):
    """A book among many."""

    id: int
    seller: Seller
    title: str
    author: str
    condition: Condition
    language: BookLanguage
    price_minor: int = Field(description="For one copy, in minor units.")
    currency: str
    stock: int = Field(description="The copies that are left.")
    state: BookState
    cover: Annotated[list[CoverView], BeforeValidator(_cover_views)] = Field(
        description="Its picture in several widths; none where the seller gave none."
    )


class BookView(BookSummary):
    """A book."""

    isbn: str | None
    description: str


class OwnBookSummary(BookSummary):
    """A book among many as its seller sees it."""

    sold: int = Field(description="The copies that were sold.")


class OwnBookView(OwnBookSummary):
    """A book as its seller sees it."""

    isbn: str | None
    description: str


class BookPage(PageOf[BookSummary]):
    """A page of books."""


class SellerView(View):
    """A seller."""

    id: int
    name: str
    since: datetime
    sold: int = Field(description="The copies that they have sold.")


class OnSaleView(View):
    """What a seller has on sale altogether."""

    titles: int
    copies: int
    value_minor: int = Field(description="What the copies cost together, in minor units.")
    currency: str


class OwnBookPage(PageOf[OwnBookSummary]):
    """A page of a seller's books, and what of all of them is on sale."""

    on_sale: OnSaleView


class BookQuery(Search):
    """Which books are looked for."""

    price_from: PriceBoundMinor | None = Field(None, alias="price_from_minor")
    price_to: PriceBoundMinor | None = Field(None, alias="price_to_minor")


class NewBook(BookInput):
    """A book to put on sale."""

    price: PriceMinor = Field(alias="price_minor")
    quantity: CopiesOffered = Field(1, alias="stock")
    currency: Currency = CURRENCY


class ChangedBook(BookRevision):
    """What a book becomes; ``stock_seen`` keeps copies sold since from coming back."""

    price: PriceMinor = Field(alias="price_minor")
    quantity: CopiesLeft = Field(alias="stock")
    currency: Currency = CURRENCY


class BookVersion(Input):
    """Which version of a book was read."""

    if_match: Annotated[
        str | None,
        Field(alias="If-Match", description="The `ETag` that was read; 412 if it has changed."),
    ] = None


def summaries(cards: Iterable[BookCard]) -> list[BookSummary]:
    """Return books as a list shows them."""
    return [BookSummary.model_validate(with_seller(card)) for card in cards]


def with_seller(card: BookCard) -> dict[str, Any]:
    """Return a book's fields with its seller as one of them."""
    return {**vars(card), "seller": {"id": card.seller_id, "name": card.seller_name}}
