"""Pages of the cart, of accounts and of guests."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from bookstore.core.interfaces.auth import current_account
from bookstore.core.interfaces.catalogue import CatalogueService, OutOfStock
from bookstore.core.interfaces.orders import GUEST_CART
from bookstore.core.services import service
from bookstore.core.web.forms import Form
from bookstore.core.web.http import show_not_found
from bookstore.core.web.i18n import gettext
from bookstore.core.web.pagecache import is_anonymous
from bookstore.core.web.security import asks_again, read_form
from bookstore.orders.cart import Cart, CartFull, NotInCart, TooManyCopies, on_sale
from bookstore.orders.forms import MOST_COPIES, Choice, Copies
from bookstore.orders.guest_cart import guest_lines
from bookstore.orders.labels import cart_refusal, copies_left, merge_notice
from bookstore.orders.purchase_request import NotForSale, OwnBook
from bookstore.orders.service import LocalOrders
from bookstore.orders.shipments import estimate

blueprint = Blueprint("cart", __name__)
blueprint.register_error_handler(NotForSale, show_not_found)
blueprint.register_error_handler(NotInCart, show_not_found)


@blueprint.record
def counter(state: BlueprintSetupState) -> None:
    """Let all pages say how many copies are in the reader's cart."""
    state.app.jinja_env.globals.update(
        cart_count=cart_count, copies_left=copies_left, most_copies=MOST_COPIES
    )


def cart_count() -> int:
    """Return how many copies are in the reader's cart."""
    return 0 if is_anonymous() else own_cart().count()


def own_cart() -> Cart:
    """Return the cart of whoever asks.

    What they chose as a guest becomes a part of their account's cart, once they have logged in.
    """
    account = current_account()
    if account is None:
        return service(LocalOrders).guest_cart(session)
    cart = service(LocalOrders).cart(account.id)
    if GUEST_CART in session:
        notice = merge_notice(cart.merge(guest_lines(session)))
        del session[GUEST_CART]
        if notice:
            flash(notice, "info")
    return cart


@blueprint.get("/cart")
def show() -> ResponseReturnValue:
    """Show the cart by seller, with what has changed since it was filled and what it comes to.

    The address may choose the carriers, by the names of a checkout's fields.
    """
    return _cart(200)


@blueprint.post("/cart")
@asks_again
def add() -> ResponseReturnValue:
    """Put copies of a book into the cart, or go to buy just them now.

    :return: a redirect to the cart or the checkout; or the form again: 422 when a field is
        refused, 409 when the book cannot be had.
    :raise NotForSale: when there is no such book on sale.
    """
    form = Form(Choice)
    data = form.read(request.form) if _is_guest_on_own_page() else read_form(form)
    if data is None:
        return choice_page(form, 422)
    if "now" in request.form:
        address = url_for("checkout.checkout", book_id=data.book_id, quantity=data.quantity)
        return redirect(address, 303)
    try:
        own_cart().add(data.book_id, data.quantity)
    except (OutOfStock, TooManyCopies) as short:
        form.errors["quantity"] = cart_refusal(short)
        return choice_page(form, 409)
    except (CartFull, OwnBook) as refused:
        form.fail(cart_refusal(refused))
        return choice_page(form, 409)
    flash(gettext("The book is in your cart."), "success")
    return redirect(url_for("cart.show"), 303)


@blueprint.post("/cart/<id:book_id>")
def change(book_id: int) -> ResponseReturnValue:
    """Change how many copies of a book are in the cart.

    :return: a redirect to the cart, or the cart with what is wrong and what was typed.
    :raise NotInCart: when the book is not in this cart.
    """
    form = Form(Copies)
    data = read_form(form)
    if data is None:
        wrong = {book_id: form.errors["quantity"]}
        return _cart(422, wrong, {book_id: form.values.get("quantity", "")})
    try:
        own_cart().change(book_id, data.quantity)
    except (OutOfStock, TooManyCopies) as short:
        return _cart(409, {book_id: cart_refusal(short)}, {book_id: str(data.quantity)})
    except NotForSale:
        return _cart(409)
    flash(gettext("Your cart is changed."), "success")
    return redirect(url_for("cart.show"), 303)


@blueprint.post("/cart/<id:book_id>/remove")
def remove(book_id: int) -> ResponseReturnValue:
    """Take a book out of the cart.

    :raise NotInCart: when it is not in this cart.
    """
    own_cart().remove(book_id)
    flash(gettext("The book is out of your cart."), "success")
    return redirect(url_for("cart.show"), 303)


def choice_page(form: Form[Choice], status: int) -> ResponseReturnValue:
    """Ask again how many copies of a book are wanted.

    :raise NotForSale: when the form names no book that is on sale.
    """
    asked = form.values.get("book_id", "")
    book_id = int(asked) if "book_id" not in form.errors and asked.strip().isdecimal() else 0
    book = on_sale(service(CatalogueService).books([book_id]), book_id)
    form.values.setdefault("quantity", "1")
    return render_template("orders/choice.html", form=form, book=book), status


def _is_guest_on_own_page() -> bool:
    """Return whether a guest sends a form of the shop's own.

    The pages of books are the same for all guests, so that no token can be in their forms. Every
    browser of today names the page's site with a POST, which another site cannot change.
    """
    origin = _host(request.headers.get("Origin", ""))
    return current_account() is None and origin is not None and origin == _host(request.host_url)


def _host(address: str) -> str | None:
    # Without the port, which a proxy may leave out.
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _cart(
    status: int,
    errors: Mapping[int, str] | None = None,
    typed: Mapping[int, str] | None = None,
) -> ResponseReturnValue:
    items = own_cart().items()
    if errors and not any(item.book_id in errors for item in items):
        raise NotInCart
    on_sale_now = [item for item in items if item.book is not None]
    page = render_template(
        "orders/cart.html",
        gone=[item for item in items if item.book is None],
        estimate=estimate(on_sale_now, request.args) if on_sale_now else None,
        ready=all(item.ready for item in items),
        errors=errors or {},
        typed=typed or {},
    )
    return page, status
