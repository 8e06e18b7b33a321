"""Pages of the cart."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from bookstore.core.forms import Form
from bookstore.core.http import show_not_found
from bookstore.core.i18n import gettext
from bookstore.core.interfaces.auth import current_account, login_required, require_account
from bookstore.core.interfaces.catalogue import OutOfStock, catalogue_service
from bookstore.core.security import read_form
from bookstore.orders.basket import NotForSale, OwnBook
from bookstore.orders.cart import CartFull, NotInCart, TooManyCopies
from bookstore.orders.forms import MOST_COPIES, Choice, Copies
from bookstore.orders.labels import cart_refusal, copies_left
from bookstore.orders.parcels import parcels_of
from bookstore.orders.service import local_orders

blueprint = Blueprint("cart", __name__)
blueprint.register_error_handler(NotForSale, show_not_found)
blueprint.register_error_handler(NotInCart, show_not_found)


@blueprint.record
def counter(state: BlueprintSetupState) -> None:
    """Let the pages of people who are logged in tell how many copies are in their cart."""
    state.app.jinja_env.globals.update(
        cart_count=_count, copies_left=copies_left, most_copies=MOST_COPIES
    )


def _count() -> int:
    account = current_account()
    return local_orders().cart.count(account.id) if account else 0


@blueprint.get("/cart")
@login_required
def show() -> ResponseReturnValue:
    """Show the person's cart by seller, with what has changed since it was filled."""
    return _cart(200)


@blueprint.post("/cart")
@login_required
def add() -> ResponseReturnValue:
    """Put copies of a book into the cart, or go to buy just them now.

    :return: a redirect to the cart or the checkout; or the form again: 422 when a field is
        refused, 409 when the book cannot be had.
    :raise NotForSale: when there is no such book on sale.
    """
    form = Form(Choice)
    data = read_form(form)
    if data is None:
        return choice_page(form, 422)
    if "now" in request.form:
        address = url_for("checkout.checkout", book_id=data.book_id, quantity=data.quantity)
        return redirect(address, 303)
    try:
        local_orders().cart.add(require_account().id, data.book_id, data.quantity)
    except (OutOfStock, TooManyCopies) as short:
        form.errors["quantity"] = cart_refusal(short)
        return choice_page(form, 409)
    except (CartFull, OwnBook) as refused:
        form.fail(cart_refusal(refused))
        return choice_page(form, 409)
    flash(gettext("The book is in your cart."), "success")
    return redirect(url_for("cart.show"), 303)


@blueprint.post("/cart/<id:book_id>")
@login_required
def change(book_id: int) -> ResponseReturnValue:
    """Change how many copies of a book are in the cart.

    :return: a redirect to the cart, or the cart with what is wrong and what was typed.
    :raise NotInCart: when the book is not in this person's cart.
    """
    form = Form(Copies)
    data = read_form(form)
    if data is None:
        wrong = {book_id: form.errors["quantity"]}
        return _cart(422, wrong, {book_id: form.values.get("quantity", "")})
    try:
        local_orders().cart.change(require_account().id, book_id, data.quantity)
    except (OutOfStock, TooManyCopies) as short:
        return _cart(409, {book_id: cart_refusal(short)}, {book_id: str(data.quantity)})
    except NotForSale:
        return _cart(409)
    flash(gettext("Your cart is changed."), "success")
    return redirect(url_for("cart.show"), 303)


@blueprint.post("/cart/<id:book_id>/remove")
@login_required
def remove(book_id: int) -> ResponseReturnValue:
    """Take a book out of the cart.

    :raise NotInCart: when it is not in this person's cart.
    """
    local_orders().cart.remove(require_account().id, book_id)
    flash(gettext("The book is out of your cart."), "success")
    return redirect(url_for("cart.show"), 303)


def choice_page(form: Form[Choice], status: int) -> ResponseReturnValue:
    """Ask again how many copies of a book are wanted.

    :raise NotForSale: when the form names no book that is on sale.
    """
    asked = form.values.get("book_id", "")
    book_id = int(asked) if "book_id" not in form.errors and asked.strip().isdecimal() else 0
    offer = catalogue_service().offers([book_id]).get(book_id)
    if offer is None:
        raise NotForSale(book_id)
    form.values.setdefault("quantity", "1")
    return render_template("orders/choice.html", form=form, offer=offer), status


def _cart(
    status: int,
    errors: Mapping[int, str] | None = None,
    typed: Mapping[int, str] | None = None,
) -> ResponseReturnValue:
    lines = local_orders().cart.lines(require_account().id)
    if errors and not any(line.book_id in errors for line in lines):
        raise NotInCart
    page = render_template(
        "orders/cart.html",
        parcels=parcels_of(lines),
        ready=all(line.ready for line in lines),
        errors=errors or {},
        typed=typed or {},
    )
    return page, status
