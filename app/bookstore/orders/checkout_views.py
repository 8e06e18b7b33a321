"""Pages of the checkout, for the whole cart or one book, and of the purchase that follows."""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bookstore.core.errors import ServiceUnavailable
from bookstore.core.interfaces.auth import (
    Account,
    AuthService,
    ShippingAddress,
    login_required,
    require_account,
)
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.services import service
from bookstore.core.web.forms import Form
from bookstore.core.web.http import show_not_found
from bookstore.core.web.i18n import gettext
from bookstore.core.web.security import asks_again
from bookstore.orders.cart_views import choice_page, own_cart
from bookstore.orders.checkout_form import (
    NEW_ADDRESS,
    first_form,
    form_page,
    read_checkout,
    still_had,
)
from bookstore.orders.forms import Checkout, Choice, Wanted
from bookstore.orders.labels import FAILURES, carriers_refused, copies_left, copies_left_of
from bookstore.orders.models import PurchaseState
from bookstore.orders.purchase_request import (
    CarriersRefused,
    KeyReused,
    NoCarrier,
    NotForSale,
    OwnBook,
    PriceChanged,
    PurchaseRequest,
)
from bookstore.orders.service import LocalOrders
from bookstore.orders.shipments import CARRIER_FIELD

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
    # What was chosen as a guest is in the cart from now on, also of who buys one book alone.
    cart = own_cart()
    if "book_id" in request.args:
        choice = Form(Choice)
        data = choice.read(request.args)
        if data is None:
            return choice_page(choice, 422)
        lines = service(LocalOrders).items_of([Wanted(data.book_id, data.quantity)])
        if not lines:
            raise NotForSale(data.book_id)
        if not lines[0].ready:
            choice.errors["quantity"] = copies_left(lines[0].left)
            return choice_page(choice, 409)
    else:
        lines = cart.items()
        if not all(line.ready for line in lines):
            flash(gettext("Some books in your cart cannot be had; change or remove them."), "info")
        if not lines or not all(line.ready for line in lines):
            return redirect(url_for("cart.show"), 303)
    saved = _addresses(account)
    return form_page(first_form(account, saved, request.args), lines, saved)


@blueprint.post("/checkout")
@asks_again
@login_required
def pay() -> ResponseReturnValue:
    """Buy what the form holds, or choose another carrier in it.

    :return: a redirect to the purchase; or the form with what was typed: 422 when a field is
        refused, 409 when stock or price have changed, 402 when the payment failed.
    :raise NotFound: when nothing of it is on sale any more.
    """
    account = require_account()
    saved = _saved_addresses(account)
    form = Form(Checkout)
    wanted = read_checkout(form, saved)
    bought = _buy(account, wanted, form) if wanted else None
    if bought is None:
        saved = saved or _addresses(account)
        return form_page(form, still_had(account), saved)
    return bought


@blueprint.get("/purchases/<id:purchase_id>")
@login_required
def purchase(purchase_id: int) -> ResponseReturnValue:
    """Show one of the account's purchases: what became of its payment, and the orders it made.

    :raise NotFound: when there is none or it is another's.
    """
    shown = service(LocalOrders).purchases.purchase(require_account().id, purchase_id)
    return render_template("orders/purchase.html", purchase=shown)


def _addresses(account: Account) -> Sequence[ShippingAddress]:
    """Return the account's addresses, or none while auth is away: one can type a new one."""
    try:
        return service(AuthService).addresses(account.id)
    except ServiceUnavailable:
        return []


def _saved_addresses(account: Account) -> Sequence[ShippingAddress]:
    """Return the account's addresses, unless the form has one of its own."""
    typed = request.form.get("address", NEW_ADDRESS)
    return [] if typed == NEW_ADDRESS else service(AuthService).addresses(account.id)


def _buy(
    account: Account, wanted: PurchaseRequest, form: Form[Checkout]
) -> ResponseReturnValue | None:
    """Buy, and return where to go on; or say in the form what is wrong."""
    try:
        bought = service(LocalOrders).buy(account.id, account.name, wanted)
    except OutOfStock as short:
        form.fail(copies_left_of(_title(short.book_id), short.left), 409)
    except NotForSale:
        form.fail(gettext("A book is not on sale any more; the others are below."), 409)
    except OwnBook as own:
        form.fail(gettext("“%(title)s” is your own book.", title=_title(own.book_id)), 409)
    except PriceChanged as changed:
        form.fail(
            gettext(
                "The price of “%(title)s” has changed since you opened this page; look again.",
                title=_title(changed.book_id),
            ),
            409,
        )
    except NoCarrier as shipment:
        form.errors[f"{CARRIER_FIELD}{shipment.seller_id}"] = gettext("Choose one of the options.")
    except CarriersRefused as refused:
        form.errors["carriers"] = carriers_refused(refused)
    except KeyReused:
        form.fail(gettext("This form was sent before with other data; please look and send again."))
    else:
        if bought.state in FAILURES:
            form.fail(str(FAILURES[bought.state]), 402)
            form.errors["card_number"] = gettext("Nothing was bought with this card.")
            return None
        if bought.state == PurchaseState.PAID:
            flash(gettext("Thank you. Your order is placed."), "success")
        return redirect(url_for("checkout.purchase", purchase_id=bought.id), 303)
    return None


def _title(book_id: int) -> str:
    return next((line.title for line in service(LocalOrders).items_of([Wanted(book_id, 1)])), "")
