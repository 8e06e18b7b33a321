"""Pages of the checkout, for the whole cart or one book, and of the purchase that follows."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bookstore.core.forms import Form
from bookstore.core.http import show_not_found
from bookstore.core.i18n import gettext
from bookstore.core.interfaces.auth import (
    Account,
    ShippingAddress,
    auth_service,
    login_required,
    require_account,
)
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.security import asks_again, read_form
from bookstore.orders.basket import (
    Basket,
    CarriersRefused,
    KeyReused,
    NoCarrier,
    NotForSale,
    OwnBook,
    PriceChanged,
)
from bookstore.orders.cart import CartItem
from bookstore.orders.cart_views import choice_page
from bookstore.orders.forms import Bought, Checkout, Choice, Destination, Wanted, wanted_text
from bookstore.orders.labels import FAILURES, carriers_refused, copies_left, copies_left_of
from bookstore.orders.models import OrderState, PaymentFailure
from bookstore.orders.parcels import CARRIER_FIELD, parcels_of, sellers_named
from bookstore.orders.service import local_orders
from bookstore.orders.shipping import CarrierCode

NEW_ADDRESS = "new"
_SAVED_FIELDS = frozenset(Destination.model_fields) - {"name"}
_CARRIER = re.compile(rf"{CARRIER_FIELD}([1-9]\d{{0,18}})", re.ASCII)

blueprint = Blueprint("checkout", __name__)
blueprint.register_error_handler(NotForSale, show_not_found)


@blueprint.get("/checkout")
@login_required
def checkout() -> ResponseReturnValue:
    """Show what is to be bought, one book that the address names or the whole cart, as a form.

    :return: the form; or the way back where something cannot be had.
    :raise NotForSale: when the address names no book on sale.
    """
    account = require_account()
    if "book_id" in request.args:
        choice = Form(Choice)
        data = choice.read(request.args)
        if data is None:
            return choice_page(choice, 422)
        lines = local_orders().cart.asked([Wanted(data.book_id, data.quantity)])
        if not lines:
            raise NotForSale(data.book_id)
        if not lines[0].ready:
            choice.errors["quantity"] = copies_left(lines[0].left)
            return choice_page(choice, 409)
    else:
        lines = local_orders().cart.lines(account.id)
        if not all(line.ready for line in lines):
            flash(gettext("Some books in your cart cannot be had; change or remove them."), "info")
        if not lines or not all(line.ready for line in lines):
            return redirect(url_for("cart.show"), 303)
    saved = auth_service().addresses(account.id)
    return _page(Form(Checkout, _first_values(account, saved)), lines, saved)


@blueprint.post("/checkout")
@asks_again
@login_required
def pay() -> ResponseReturnValue:
    """Buy what the form holds.

    :return: a redirect to the purchase; or the form with what was typed: 422 when a field is
        refused, 409 when stock or price have changed, 402 when the payment failed.
    :raise NotFound: when nothing of it is on sale any more.
    """
    account = require_account()
    saved = auth_service().addresses(account.id)
    form = Form(Checkout)
    typed = request.form.to_dict()
    data = read_form(form, {**typed, **_destination(typed, saved)})
    carriers = _read_carriers(form)
    form.values |= {name: typed[name] for name in {*Destination.model_fields, "address"} & {*typed}}
    if typed.get("address", NEW_ADDRESS) not in {NEW_ADDRESS, *(str(each.id) for each in saved)}:
        form.errors["address"] = gettext("Choose one of the options.")
    for hidden in ("lines", "idempotency_key"):
        if form.errors.pop(hidden, None):
            form.fail(gettext("What you want to buy got lost; open your cart again."))
    if "again" in request.form:
        form.errors.clear()
        return _page(form, _held(account, typed), saved)
    if data is None or form.errors:
        return _page(form, _held(account, typed), saved), form.status
    basket = Basket(
        key=data.idempotency_key,
        lines=data.lines,
        destination=Destination(**data.model_dump(include={*Destination.model_fields})),
        card_number=data.card_number,
        carriers=carriers,
    )
    bought = _buy(account, basket, form)
    if bought is None:
        return _page(form, _held(account, typed), saved), form.status
    return bought


@blueprint.get("/purchases/<id:purchase_id>")
@login_required
def purchase(purchase_id: int) -> ResponseReturnValue:
    """Show one of the person's purchases: what was paid at once, and the orders it made.

    :raise NotFound: when there is none or it is another's.
    """
    shown = local_orders().history.purchase(require_account().id, purchase_id)
    names = sellers_named([order.seller_id for order in shown.orders])
    return render_template("orders/purchase.html", purchase=shown, sellers=names)


def _buy(account: Account, basket: Basket, form: Form[Checkout]) -> ResponseReturnValue | None:
    """Buy, and return where to go on; or tell the form what is wrong."""
    orders = local_orders()
    titles = {line.book_id: line.title for line in orders.cart.asked(basket.lines)}
    try:
        bought = orders.buy(account.id, basket)
    except OutOfStock as short:
        form.fail(copies_left_of(titles.get(short.book_id, ""), short.left), 409)
        return None
    except NotForSale:
        form.fail(gettext("A book is not on sale any more; the others are below."), 409)
        return None
    except OwnBook as own:
        form.fail(gettext("“%(title)s” is your own book.", title=titles[own.book_id]), 409)
        return None
    except PriceChanged as changed:
        form.fail(
            gettext(
                "The price of “%(title)s” has changed since you opened this page; look again.",
                title=titles.get(changed.book_id, ""),
            ),
            409,
        )
        return None
    except NoCarrier as parcel:
        form.errors[f"{CARRIER_FIELD}{parcel.seller_id}"] = gettext("Choose one of the options.")
        return None
    except CarriersRefused as refused:
        form.errors["carriers"] = carriers_refused(refused)
        return None
    except KeyReused:
        form.fail(gettext("This form was sent before with other data; please look and send again."))
        return None
    if bought.state == OrderState.PAYMENT_FAILED:
        form.fail(FAILURES[PaymentFailure(str(bought.payment_failure))], 402)
        return None
    if bought.state == OrderState.PAID:
        flash(gettext("Thank you. Your order is placed."), "success")
    return redirect(url_for("checkout.purchase", purchase_id=bought.id), 303)


def _page(
    form: Form[Checkout],
    lines: Sequence[CartItem],
    saved: Sequence[ShippingAddress],
) -> str:
    # A refused purchase that is sent again is another one, and gets a key of its own; a card's
    # number is never sent back.
    form.values.pop("card_number", None)
    form.values["idempotency_key"] = str(uuid.uuid4())
    form.values["lines"] = wanted_text([line.wanted for line in lines])
    parcels = parcels_of(lines)
    shipping = sum(parcel.shipping_minor(form.values) for parcel in parcels)
    return render_template(
        "orders/checkout.html",
        form=form,
        parcels=parcels,
        saved=saved,
        goods_minor=sum(parcel.goods_minor for parcel in parcels),
        shipping_minor=shipping,
        currency=lines[0].currency,
    )


def _held(account: Account, typed: Mapping[str, str]) -> Sequence[CartItem]:
    """Return what a form is about, as far as it can be had still."""
    cart = local_orders().cart
    asked = Form(Bought).read(typed)
    lines = cart.asked(asked.lines) if asked else cart.lines(account.id)
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


def _destination(typed: Mapping[str, str], saved: Sequence[ShippingAddress]) -> dict[str, str]:
    for address in saved:
        if str(address.id) == typed.get("address"):
            kept = {name: getattr(address, name) for name in _SAVED_FIELDS}
            return {"name": address.recipient, **kept}
    return {}


def _first_values(account: Account, saved: Sequence[ShippingAddress]) -> dict[str, str]:
    chosen = str(saved[0].id) if saved else NEW_ADDRESS
    return {"name": account.name, "country": "Colombia", "address": chosen}
