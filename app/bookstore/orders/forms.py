"""What people type to buy books."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from bookstore.core.paging import LARGEST_ID
from bookstore.core.web.forms import (
    City,
    Country,
    Input,
    PersonName,
    Phone,
    PostalCode,
    Region,
    ShortLine,
    Street,
    refuse,
)
from bookstore.core.web.i18n import lazy_gettext
from bookstore.orders.gateway import TEST_CARDS

MOST_COPIES = 20
MOST_LINES = 50

_KEY = re.compile(r"[A-Za-z0-9-]{8,64}")
_LINE = re.compile(r"([1-9]\d{0,18})x([1-9]\d{0,1})@([1-9]\d{0,18})", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """Copies of a book to be bought; ``price_seen`` is what the buyer agreed to, in minor units."""

    book_id: int
    quantity: int
    price_seen: int | None = None


def _card(typed: str) -> str:
    digits = typed.replace(" ", "").replace("-", "")
    if digits not in TEST_CARDS:
        raise refuse("card", lazy_gettext("Payment is simulated: use one of the test cards."))
    return digits


def _key(typed: str) -> str:
    if not _KEY.fullmatch(typed):
        raise refuse("key", lazy_gettext("Write 8 to 64 letters, digits or hyphens."))
    return typed


def _tracking(typed: str) -> str:
    if not re.fullmatch(r"[A-Z0-9-]+", typed):
        raise refuse("tracking", lazy_gettext("Write only letters, digits and hyphens."))
    return typed


def wanted_text(lines: Sequence[Wanted]) -> str:
    """Return what is bought as the text that a checkout's form carries."""
    return " ".join(f"{line.book_id}x{line.quantity}@{line.price_seen}" for line in lines)


def _wanted(text: object) -> object:
    matches = [_LINE.fullmatch(part) for part in str(text).split()]
    lines = {
        int(match[1]): Wanted(int(match[1]), int(match[2]), int(match[3]))
        for match in matches
        if match is not None
        and int(match[1]) <= LARGEST_ID
        and int(match[2]) <= MOST_COPIES
        and int(match[3]) <= LARGEST_ID
    }
    if not 0 < len(lines) == len(matches) <= MOST_LINES:
        raise refuse("lines", lazy_gettext("What you want to buy got lost; open your cart again."))
    return tuple(lines.values())


IdempotencyKey = Annotated[
    str, AfterValidator(_key), Field(json_schema_extra={"pattern": f"^{_KEY.pattern}$"})
]
Quantity = Annotated[int, Field(ge=1, le=MOST_COPIES)]
Card = Annotated[str, AfterValidator(_card), Field(examples=list(TEST_CARDS))]


class Copies(Input):
    """A number of copies of a book."""

    quantity: Quantity = 1


class Choice(Copies):
    """A book and a number of copies of it."""

    book_id: Annotated[int, Field(ge=1, le=LARGEST_ID)]


class Destination(Input):
    """Where a purchase goes; what is left out is an empty text."""

    name: PersonName
    line1: Street
    line2: ShortLine = ""
    city: City
    region: Region = ""
    postal_code: PostalCode = ""
    country: Country
    phone: Phone = ""


class Tracking(Input):
    """What a seller writes when an order is sent."""

    tracking: Annotated[
        str,
        StringConstraints(to_upper=True, min_length=4, max_length=40),
        AfterValidator(_tracking),
    ]


class Bought(Input):
    """What a checkout is about."""

    lines: Annotated[tuple[Wanted, ...], BeforeValidator(_wanted)]


class Checkout(Destination, Bought):
    """What a buyer sends to buy; the carriers of the shipments stand in fields of their own."""

    card_number: Card
    idempotency_key: IdempotencyKey
