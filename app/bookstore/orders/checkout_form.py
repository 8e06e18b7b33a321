"""The form of the checkout: what it begins with, what is read from it, and what it shows."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from flask import abort, render_template, request

from bookstore.core.interfaces.auth import Account, ShippingAddress
from bookstore.core.services import service
from bookstore.core.web.forms import Form
from bookstore.core.web.i18n import gettext
from bookstore.core.web.security import read_form
from bookstore.orders.cart import CartItem
from bookstore.orders.forms import Bought, Checkout, Destination, wanted_text
from bookstore.orders.purchase_request import PurchaseRequest
from bookstore.orders.service import LocalOrders
from bookstore.orders.shipments import CARRIER_FIELD, estimate
from bookstore.orders.shipping import CARRIERS, CarrierCode

NEW_ADDRESS = "new"
OPTIONAL_FIELDS = ("line2", "region", "postal_code", "phone")
_SAVED_FIELDS = frozenset(Destination.model_fields) - {"name"}
_CARRIER = re.compile(rf"{CARRIER_FIELD}([1-9]\d{{0,18}})", re.ASCII)
_CHOSEN = re.compile(rf"({CARRIER_FIELD}[1-9]\d{{0,18}})=(\w+)", re.ASCII)


def first_form(
    account: Account, saved: Sequence[ShippingAddress], asked: Mapping[str, str]
) -> Form[Checkout]:
    """Return the form as a checkout begins with it.

    :param asked: the address's query, which may choose carriers.
    """
    chosen = str(saved[0].id) if saved else NEW_ADDRESS
    form = Form(Checkout, {"name": account.name, "country": "Colombia", "address": chosen})
    form.values |= {name: code for name, code in asked.items() if _CARRIER.fullmatch(name)}
    return form


def read_checkout(form: Form[Checkout], saved: Sequence[ShippingAddress]) -> PurchaseRequest | None:
    """Read what was sent into the form.

    :return: what is asked for; None when the form is to be shown again, with what is wrong with
        it, or because a carrier was chosen, which the total shall follow.
    """
    typed = request.form.to_dict()
    data = read_form(form, {**typed, **_saved_destination(typed, saved)})
    carriers = _read_carriers(form)
    form.values |= {name: typed[name] for name in {*Destination.model_fields, "address"} & {*typed}}
    if typed.get("address", NEW_ADDRESS) not in {NEW_ADDRESS, *(str(each.id) for each in saved)}:
        form.errors["address"] = gettext("Choose one of the options.")
    for hidden in ("lines", "idempotency_key"):
        if form.errors.pop(hidden, None):
            form.fail(gettext("What you want to buy got lost; open your cart again."))
    if (chosen := _CHOSEN.fullmatch(typed.get("choose", ""))) and chosen[2] in CARRIERS:
        form.values[chosen[1]] = chosen[2]
        form.errors.clear()
        return None
    if data is None or form.errors:
        return None
    return PurchaseRequest(
        key=data.idempotency_key,
        lines=data.lines,
        destination=Destination(**data.model_dump(include={*Destination.model_fields})),
        card_number=data.card_number,
        carriers=carriers,
    )


def form_page(
    form: Form[Checkout], lines: Sequence[CartItem], saved: Sequence[ShippingAddress]
) -> tuple[str, int]:
    """Show the form, and what is to be bought comes to."""
    # A refused purchase that is sent again is another one, and gets a key of its own; a card's
    # number is never sent back.
    form.values.pop("card_number", None)
    form.values["idempotency_key"] = str(uuid.uuid4())
    form.values["lines"] = wanted_text([line.wanted for line in lines])
    is_written = any(form.values.get(name) or name in form.errors for name in OPTIONAL_FIELDS)
    page = render_template(
        "orders/checkout.html",
        form=form,
        estimate=estimate(lines, form.values),
        saved=saved,
        optional_open=is_written,
    )
    return page, form.status


def still_had(account: Account) -> Sequence[CartItem]:
    """Return what a form that was sent is about, as far as it can be had still."""
    orders = service(LocalOrders)
    asked = Form(Bought).read(request.form)
    lines = orders.items_of(asked.lines) if asked else orders.cart(account.id).items()
    lines = [line for line in lines if line.book is not None]
    if not lines:
        abort(404 if asked else 400)
    had = [replace(line, quantity=min(line.quantity, line.left)) for line in lines if line.left]
    return had or lines


def _read_carriers(form: Form[Checkout]) -> list[tuple[int, CarrierCode]]:
    carriers = []
    for name, value in request.form.items(multi=True):
        if (match := _CARRIER.fullmatch(name)) is None:
            continue
        form.values.setdefault(name, value)
        try:
            carriers.append((int(match[1]), CarrierCode(value)))
        except ValueError:
            form.errors[name] = gettext("Choose one of the options.")
    # A replay goes by a seller's last carrier, and a form by the first text of a field.
    return carriers[::-1]


def _saved_destination(
    typed: Mapping[str, str], saved: Sequence[ShippingAddress]
) -> dict[str, str]:
    for address in saved:
        if str(address.id) == typed.get("address"):
            kept = {name: getattr(address, name) for name in _SAVED_FIELDS}
            return {"name": address.recipient, **kept}
    return {}
