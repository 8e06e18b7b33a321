"""What people type to publish a book and to look for one."""

from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from bookstore.catalogue.isbn import parse_isbn
from bookstore.catalogue.models import BookLanguage, Condition
from bookstore.core.money import LARGEST_MINOR, parse_money
from bookstore.core.paging import LONGEST_MARK, Mark, decode_cursor, decode_mark
from bookstore.core.web.forms import Input, Line, ShortLine, Text, refuse
from bookstore.core.web.i18n import lazy_gettext

LARGEST_QUANTITY = 1000
# What the column of the stock holds on MySQL.
LARGEST_STOCK = 2**31 - 1
FILTERS = ("price_from", "price_to", "condition", "language", "availability")


def _isbn(typed: str) -> str:
    try:
        return parse_isbn(typed)
    except ValueError:
        raise refuse(
            "isbn",
            lazy_gettext("This is no ISBN: it has 10 or 13 digits and the last one checks them."),
        ) from None


def _pesos(typed: str) -> int:
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


def _bound(minor: int) -> int:
    if not 0 <= minor <= LARGEST_MINOR:
        raise refuse("price_bound", lazy_gettext("Write a price from 0 to 100,000,000 pesos."))
    return minor


PriceMinor = Annotated[
    int,
    AfterValidator(_price),
    Field(json_schema_extra={"minimum": 1, "maximum": LARGEST_MINOR}),
]
PriceBoundMinor = Annotated[
    int,
    AfterValidator(_bound),
    Field(json_schema_extra={"minimum": 0, "maximum": LARGEST_MINOR}),
]
CopiesOffered = Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)]
CopiesLeft = Annotated[
    int,
    Field(
        ge=0,
        description=f"At most {LARGEST_QUANTITY} once it is changed; more that cancelled orders "
        "brought back may stay.",
    ),
]


class BookInput(Input):
    """What a seller says of a book; the price is in minor units once it is read."""

    title: Annotated[ShortLine, StringConstraints(min_length=1)]
    author: Annotated[ShortLine, StringConstraints(min_length=1)]
    isbn: Annotated[str, AfterValidator(_isbn)] | None = None
    description: Annotated[Text, StringConstraints(min_length=10, max_length=4000)]
    condition: Condition
    language: BookLanguage
    price: Annotated[PriceMinor, BeforeValidator(_pesos)]
    quantity: CopiesOffered = 1


class BookRevision(BookInput):
    """What a seller changes of a book; here no copy may be left.

    How many there may be depends on the stock of the moment: ``revise`` sees to it.

    ``stock_seen`` is the stock that the form was shown with, so that copies sold since then are
    not put back.
    """

    quantity: CopiesLeft
    stock_seen: Annotated[int, Field(ge=0, le=LARGEST_STOCK)] | None = None


class BookRevisionForm(BookRevision):
    """What the page for a change sends beside it: whether the cover goes."""

    remove_cover: bool = False


class Reason(Input):
    """Why a moderator does something; only moderators read it."""

    reason: Annotated[Line, StringConstraints(min_length=3, max_length=500)]


class BookAction(StrEnum):
    """What a moderator does to a book."""

    HIDE = "hide"
    UNHIDE = "unhide"


class BookVerdict(Reason):
    """What a moderator does to a book, and why."""

    action: BookAction


class Availability(StrEnum):
    """Whether books that are sold out are left out."""

    IN_STOCK = "in_stock"


class Sort(StrEnum):
    """The order in which books are listed."""

    NEWEST = "newest"
    CHEAPEST = "cheapest"
    DEAREST = "dearest"
    TITLE = "title"


class Search(Input):
    """What a reader looks for; prices are in minor units once they are read."""

    q: Annotated[Text, StringConstraints(max_length=200)] = ""
    price_from: Annotated[PriceBoundMinor, BeforeValidator(_pesos)] | None = None
    price_to: Annotated[PriceBoundMinor, BeforeValidator(_pesos)] | None = None
    condition: Condition | None = None
    language: BookLanguage | None = None
    availability: Availability | None = None
    sort: Sort = Sort.NEWEST
    after: Annotated[str, StringConstraints(max_length=LONGEST_MARK)] = Field(
        default="", description="Where the page before ended, in the same order; see `next`."
    )

    @field_validator("price_to")
    @classmethod
    def _is_not_below(cls, price_to: int | None, info: ValidationInfo) -> int | None:
        price_from = info.data.get("price_from")
        if price_to is not None and price_from is not None and price_to < price_from:
            told = lazy_gettext("Write a highest price that is not below the lowest.")
            raise refuse("price_order", told)
        return price_to

    @field_validator("after")
    @classmethod
    def _is_a_mark(cls, after: str, info: ValidationInfo) -> str:
        sort = info.data.get("sort")
        if after and sort and read_mark(after, sort) is None:
            told = lazy_gettext("Take the address from the page before, as it is.")
            raise refuse("cursor", told)
        return after

    @property
    def mark(self) -> Mark | None:
        """Return where the page before ended, or None for the first page."""
        return read_mark(self.after, self.sort)

    @property
    def filtered(self) -> bool:
        """Return whether books are left out that the words alone would find."""
        return any(getattr(self, name) is not None for name in FILTERS)


def read_mark(after: str, sort: Sort) -> Mark | None:
    """Read the cursor of an order; None for one that is not ours, or another order's."""
    if sort is Sort.NEWEST:
        position = decode_cursor(after)
        return (position, position) if position is not None else None
    return decode_mark(after, str if sort is Sort.TITLE else int)
