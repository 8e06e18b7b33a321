"""Pages of orders."""

from flask import Blueprint, render_template, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from bookstore.core.interfaces.auth import login_required, require_account
from bookstore.orders.fulfilment_views import show_order
from bookstore.orders.labels import FAILURES, STATES
from bookstore.orders.service import local_orders
from bookstore.orders.shipping import CARRIERS

blueprint = Blueprint("orders", __name__)

SETTLED_AT_A_VISIT = 3


@blueprint.record
def terms(state: BlueprintSetupState) -> None:
    """Give the templates the terms of orders."""
    state.app.jinja_env.globals.update(
        order_states=STATES, payment_failures=FAILURES, carriers=CARRIERS
    )


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
