"""Pages of orders."""

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bookstore.core.forms import Form
from bookstore.core.http import show_not_found
from bookstore.core.i18n import gettext
from bookstore.core.interfaces.auth import login_required, require_account
from bookstore.core.interfaces.catalogue import Offer, OutOfStock, catalogue_service
from bookstore.core.security import asks_again, read_form
from bookstore.orders.forms import Purchase
from bookstore.orders.fulfilment_views import show_order
from bookstore.orders.history import NotFound, OrderDetail
from bookstore.orders.labels import FAILURES, STATES, copies_left
from bookstore.orders.models import OrderState, PaymentFailure
from bookstore.orders.service import KeyReused, NotForSale, OwnBook, PriceChanged, local_orders
from bookstore.orders.shipping import CARRIERS

blueprint = Blueprint("orders", __name__)
blueprint.register_error_handler(NotFound, show_not_found)
blueprint.register_error_handler(NotForSale, show_not_found)

SETTLED_AT_A_VISIT = 3


@blueprint.app_context_processor
def terms() -> dict[str, object]:
    """Give the templates the terms of orders."""
    return {"order_states": STATES, "payment_failures": FAILURES, "carriers": CARRIERS}


@blueprint.get("/books/<id:book_id>/buy")
@blueprint.post("/books/<id:book_id>/buy")
@asks_again
@login_required
def buy(book_id: int) -> ResponseReturnValue:
    """Buy copies of a book.

    :return: a redirect to the order; or the form with what was typed: 422 when a field is
        refused, 409 when stock or price have changed, 402 when the payment failed.
    :raise NotForSale: when there is no such book on sale.
    """
    account = require_account()
    offer = catalogue_service().offer(book_id)
    if offer is None:
        raise NotForSale(book_id)
    form = Form(Purchase, _first_values(account.name))
    if request.method == "GET":
        return _checkout(form, offer, 200)
    data = read_form(form)
    if data is None:
        return _checkout(form, offer, 422)
    try:
        order = local_orders().place(account.id, book_id, data)
    except OutOfStock as short:
        form.errors["quantity"] = copies_left(short.left)
        return _checkout(form, offer, 409)
    except OwnBook:
        form.fail(gettext("This book is your own."))
        return _checkout(form, offer, 409)
    except PriceChanged:
        form.fail(gettext("The price has changed since you opened this page; please look again."))
        return _checkout(form, offer, 409)
    except KeyReused:
        form.fail(gettext("This form was sent before with other data; please look and send again."))
        return _checkout(form, offer, 422)
    if order.state == OrderState.PAYMENT_FAILED:
        form.fail(_failure(order))
        return _checkout(form, offer, 402)
    flash(gettext("Thank you. Your order is placed."), "success")
    return redirect(url_for("orders.order", order_id=order.id), 303)


@blueprint.get("/orders")
@login_required
def orders() -> ResponseReturnValue:
    """Show the person's orders, newest first."""
    # A buyer who comes back finds an end to what was left open, without waiting for the timer.
    local_orders().settle_stale(SETTLED_AT_A_VISIT)
    local_orders().fulfilment.settle_refunds(SETTLED_AT_A_VISIT)
    person, history = require_account().id, local_orders().history
    page = history.orders(person, request.args.get("after"))
    return render_template("orders/orders.html", page=page, totals=history.spent(person))


@blueprint.get("/orders/<id:order_id>")
@login_required
def order(order_id: int) -> ResponseReturnValue:
    """Show an order to its buyer, or to its seller once it is paid.

    :raise NotFound: when there is none or it is another's.
    """
    return show_order(order_id)


def _first_values(name: str) -> dict[str, str]:
    return {
        "quantity": request.args.get("quantity", "1")[:6],
        "name": name,
        "country": "Colombia",
        "carrier": "standard",
    }


def _checkout(form: Form[Purchase], offer: Offer, status: int) -> ResponseReturnValue:
    # A refused purchase that is sent again is another one, and gets a key of its own; a card's
    # number is never sent back.
    form.values.pop("card_number", None)
    form.values["idempotency_key"] = str(uuid.uuid4())
    page = render_template("orders/buy.html", form=form, offer=offer)
    return page, status


def _failure(order: OrderDetail) -> str:
    return FAILURES[PaymentFailure(str(order.order.payment_failure))]
