"""What people type to publish a book and to look for one."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from bookstore.catalogue.isbn import parse_isbn
from bookstore.catalogue.models import BookLanguage, Condition
from bookstore.core.forms import Input, ShortLine, Text, refuse
from bookstore.core.i18n import lazy_gettext
from bookstore.core.money import LARGEST_MINOR, parse_money

LARGEST_QUANTITY = 1000


def _isbn(typed: str) -> str:
    try:
        return parse_isbn(typed)
    except ValueError:
        raise refuse(
            "isbn",
            lazy_gettext("This is no ISBN: it has 10 or 13 digits and the last one checks them."),
        ) from None


def _pesos(typed: object) -> object:
    if not isinstance(typed, str):
        return typed
    try:
        return parse_money(typed)
    except ValueError:
        raise refuse(
            "price", lazy_gettext("Write the price in pesos, such as 25000 or 25.000.")
        ) from None


def _price(minor: int) -> int:
    if not 0 < minor <= LARGEST_MINOR:
        raise refuse("price_range", lazy_gettext("Write a price from 1 to 100,000,000 pesos."))
    return minor


PriceMinor = Annotated[
    int,
    AfterValidator(_price),
    Field(json_schema_extra={"minimum": 1, "maximum": LARGEST_MINOR}),
]
CopiesOffered = Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)]
CopiesLeft = Annotated[int, Field(ge=0, le=LARGEST_QUANTITY)]


class Publication(Input):
    """What a seller says of a book; the price is in minor units once it is read."""

    title: Annotated[ShortLine, StringConstraints(min_length=1)]
    author: Annotated[ShortLine, StringConstraints(min_length=1)]
    isbn: Annotated[str, AfterValidator(_isbn)] | None = None
    description: Annotated[Text, StringConstraints(min_length=10, max_length=4000)]
    condition: Condition
    language: BookLanguage
    price: Annotated[PriceMinor, BeforeValidator(_pesos)]
    quantity: CopiesOffered = 1


class Revision(Publication):
    """What a seller changes of a publication; here no copy may be left.

    ``stock_seen`` is the stock that the form was shown with, so that copies sold since then are
    not put back.
    """

    quantity: CopiesLeft
    stock_seen: Annotated[int, Field(ge=0)] | None = None


class Search(Input):
    """What a reader looks for."""

    q: Annotated[Text, StringConstraints(max_length=200)] = ""
    after: Annotated[str, StringConstraints(max_length=16)] = ""
