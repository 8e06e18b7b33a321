"""What people type to buy a book."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from bookstore.core.forms import Input, Line, refuse
from bookstore.core.i18n import lazy_gettext
from bookstore.orders.gateway import TEST_CARDS
from bookstore.orders.shipping import CarrierCode

MOST_COPIES = 20


def _card(typed: str) -> str:
    digits = typed.replace(" ", "").replace("-", "")
    if digits not in TEST_CARDS:
        raise refuse("card", lazy_gettext("Payment is simulated: use one of the test cards."))
    return digits


def _tracking(typed: str) -> str:
    if not re.fullmatch(r"[A-Z0-9-]+", typed):
        raise refuse("tracking", lazy_gettext("Write only letters, digits and hyphens."))
    return typed


IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")]


class Wish(Input):
    """What a buyer asks for, where it goes and how it is paid."""

    quantity: Annotated[int, Field(ge=1, le=MOST_COPIES)] = 1
    name: Annotated[Line, StringConstraints(min_length=2, max_length=120)]
    line1: Annotated[Line, StringConstraints(min_length=3, max_length=200)]
    city: Annotated[Line, StringConstraints(min_length=2, max_length=120)]
    country: Annotated[Line, StringConstraints(min_length=2, max_length=80)]
    carrier: CarrierCode
    card_number: Annotated[str, AfterValidator(_card), Field(examples=list(TEST_CARDS))]
    price_seen: int | None = None


class Parcel(Input):
    """What a seller tells when an order is sent."""

    tracking: Annotated[
        str,
        StringConstraints(to_upper=True, min_length=4, max_length=40),
        AfterValidator(_tracking),
    ]


class Purchase(Wish):
    """A buyer's wish under a key: however often it is sent, it is one order."""

    idempotency_key: IdempotencyKey
