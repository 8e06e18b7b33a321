"""Pages of what follows a paid order, for its buyer and its seller."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bookstore.core.interfaces.auth import login_required, require_account
from bookstore.core.services import service
from bookstore.core.web.forms import Form
from bookstore.core.web.i18n import gettext
from bookstore.core.web.security import asks_again, read_form
from bookstore.orders.forms import Tracking
from bookstore.orders.fulfilment import NotNow
from bookstore.orders.labels import REFUSALS
from bookstore.orders.service import LocalOrders

blueprint = Blueprint("fulfilment", __name__)


@blueprint.get("/sales")
@login_required
def sales() -> ResponseReturnValue:
    """Show the orders of the account's books, newest first."""
    account_id, history = require_account().id, service(LocalOrders).history
    page = history.sales(account_id, request.args.get("after"))
    return render_template("orders/sales.html", page=page, totals=history.earned(account_id))


@blueprint.post("/orders/<id:order_id>/ship")
@asks_again
@login_required
def ship(order_id: int) -> ResponseReturnValue:
    """Mark an order as shipped, under the carrier's tracking code.

    :return: a redirect to the order; or its page, 422 when the code is refused and 409 when the
        order is in another state.
    :raise NotFound: when the account is not its seller.
    """
    form = Form(Tracking)
    data = read_form(form)
    if data is None:
        return show_order(order_id, form)
    try:
        service(LocalOrders).fulfilment.ship(require_account().id, order_id, data.tracking)
    except NotNow as refusal:
        return _refused(order_id, form, refusal)
    return _show_done(order_id, gettext("The order is marked as shipped."))


@blueprint.post("/orders/<id:order_id>/receive")
@login_required
def receive(order_id: int) -> ResponseReturnValue:
    """Mark an order as received.

    :return: a redirect to the order, or its page and 409 when it is in another state.
    :raise NotFound: when the account is not its buyer.
    """
    try:
        service(LocalOrders).fulfilment.receive(require_account().id, order_id)
    except NotNow as refusal:
        return _refused(order_id, Form(Tracking), refusal)
    return _show_done(order_id, gettext("Thank you. Enjoy the reading."))


@blueprint.post("/orders/<id:order_id>/cancel")
@login_required
def cancel(order_id: int) -> ResponseReturnValue:
    """Cancel an order that was not shipped; the copies are on sale again.

    :return: a redirect to the order, or its page and 409 when it is in another state.
    :raise NotFound: when the order is none of the account's.
    """
    try:
        service(LocalOrders).fulfilment.cancel(require_account().id, order_id)
    except NotNow as refusal:
        return _refused(order_id, Form(Tracking), refusal)
    return _show_done(order_id, gettext("The order is cancelled. The payment is given back."))


def show_order(order_id: int, form: Form[Tracking] | None = None) -> tuple[str, int]:
    """Show an order to its buyer or seller, with what they may do next.

    :raise NotFound: when the order is none of the account's.
    """
    shown = service(LocalOrders).history.order(require_account().id, order_id)
    form = form or Form(Tracking)
    return render_template("orders/order.html", order=shown, form=form), form.status


def _refused(order_id: int, form: Form[Tracking], refusal: NotNow) -> tuple[str, int]:
    form.fail(REFUSALS[refusal.state], 409)
    return show_order(order_id, form)


def _show_done(order_id: int, sentence: str) -> ResponseReturnValue:
    flash(sentence, "success")
    return redirect(url_for("orders.order", order_id=order_id), 303)
