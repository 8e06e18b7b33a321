"""Pages of orders."""

from flask import Blueprint, render_template, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from bookstore.core.interfaces.auth import login_required, require_account
from bookstore.core.services import service
from bookstore.orders.fulfilment_views import show_order
from bookstore.orders.labels import FAILURES, PURCHASE_STATES, STATES
from bookstore.orders.service import LocalOrders
from bookstore.orders.shipping import CARRIERS

blueprint = Blueprint("orders", __name__)


@blueprint.record
def terms(state: BlueprintSetupState) -> None:
    """Give the templates the terms of orders."""
    state.app.jinja_env.globals.update(
        order_states=STATES,
        purchase_states=PURCHASE_STATES,
        payment_failures=FAILURES,
        carriers=CARRIERS,
    )


@blueprint.get("/orders")
@login_required
def orders() -> ResponseReturnValue:
    """Show the account's orders, newest first, and the purchases whose money is on its way."""
    account_id, local = require_account().id, service(LocalOrders)
    page = local.history.orders(account_id, request.args.get("after"))
    return render_template(
        "orders/orders.html",
        page=page,
        totals=local.history.spent(account_id),
        unsettled=local.purchases.unsettled(account_id),
    )


@blueprint.get("/orders/<id:order_id>")
@login_required
def order(order_id: int) -> ResponseReturnValue:
    """Show an order to its buyer or its seller.

    :raise NotFound: when there is none or it is another's.
    """
    return show_order(order_id)
