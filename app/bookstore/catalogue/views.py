"""Pages of the catalogue."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bookstore.catalogue.forms import FILTERS, Publication, Revision, Search
from bookstore.catalogue.labels import (
    BOOK_LANGUAGES,
    BOOK_ORDERS,
    BOOK_STATES,
    CONDITIONS,
    filters_told,
)
from bookstore.catalogue.models import BookState
from bookstore.catalogue.service import Hidden, NotFound, local_catalogue
from bookstore.core.forms import Form
from bookstore.core.http import show_not_found
from bookstore.core.i18n import gettext
from bookstore.core.interfaces.auth import (
    auth_service,
    current_account,
    login_required,
    require_account,
)
from bookstore.core.interfaces.orders import orders_service
from bookstore.core.money import money_text
from bookstore.core.pagecache import asked, public_page
from bookstore.core.security import asks_again, read_form

blueprint = Blueprint("catalogue", __name__)
blueprint.register_error_handler(NotFound, show_not_found)


@blueprint.errorhandler(Hidden)
def show_hidden(_error: Hidden) -> ResponseReturnValue:
    """Tell a seller why their publication is neither listed nor withdrawn."""
    flash(gettext("The shop has hidden this publication; write to us about it."), "info")
    return redirect(url_for("catalogue.publications"), 303)


@blueprint.app_context_processor
def labels() -> dict[str, object]:
    """Give the templates the catalogue's terms."""
    return {
        "conditions": CONDITIONS,
        "book_languages": BOOK_LANGUAGES,
        "book_states": BOOK_STATES,
        "book_orders": BOOK_ORDERS,
    }


@blueprint.get("/")
@public_page(*Search.model_fields)
def index() -> ResponseReturnValue:
    """Show listed books, all or those that a search and filters find, in an order.

    :return: the page, or the form, with 422 when it is refused.
    """
    form = Form(Search)
    search = form.read(asked(Search.model_fields))
    kept = {name: text for name, text in form.values.items() if name != "after"}
    shown: dict[str, object] = {"form": form, "query": kept.get("q", ""), "kept": kept}
    if search is None:
        return render_template("catalogue/index.html", page=None, **shown), 422
    shown["told"] = filters_told(search)
    shown["unfiltered"] = {name: text for name, text in kept.items() if name not in FILTERS}
    page = local_catalogue().browse(search)
    return render_template("catalogue/index.html", page=page, **shown)


@blueprint.get("/books/<id:book_id>")
@public_page()
def book(book_id: int) -> ResponseReturnValue:
    """Show a book, with what its reader may do with it.

    :raise NotFound: when there is none to show to this reader.
    """
    account = current_account()
    shown = local_catalogue().book(book_id, account.id if account else None)
    seller = auth_service().names([shown.seller_id]).get(shown.seller_id)
    return render_template("catalogue/book.html", book=shown, seller=seller)


@blueprint.get("/sell")
@blueprint.post("/sell")
@asks_again
@login_required
def sell() -> ResponseReturnValue:
    """Publish a book.

    :return: a redirect to the book's page, or the form, with 422 when it is refused.
    """
    form = Form(Publication, {"quantity": "1", "condition": "good", "language": "es"})
    if request.method == "GET":
        return render_template("catalogue/sell.html", form=form, book=None)
    data = read_form(form)
    if data is None:
        return render_template("catalogue/sell.html", form=form, book=None), 422
    book_id = local_catalogue().publish(require_account().id, data)
    flash(gettext("Your book is on sale."), "success")
    return redirect(url_for("catalogue.book", book_id=book_id), 303)


@blueprint.get("/books/<id:book_id>/edit")
@blueprint.post("/books/<id:book_id>/edit")
@asks_again
@login_required
def edit(book_id: int) -> ResponseReturnValue:
    """Change one's own publication.

    :return: a redirect to the book's page, or the form, with 422 when it is refused.
    :raise NotFound: when there is none or it is another's.
    """
    seller_id = require_account().id
    shown = local_catalogue().own_book(book_id, seller_id)
    form = Form(Revision, {**shown.typed(), "price": money_text(shown.price_minor)})
    if request.method == "GET":
        return render_template("catalogue/sell.html", form=form, book=shown)
    data = read_form(form)
    if data is None:
        return render_template("catalogue/sell.html", form=form, book=shown), 422
    local_catalogue().revise(book_id, seller_id, data)
    flash(gettext("Your changes are saved."), "success")
    return redirect(url_for("catalogue.book", book_id=book_id), 303)


@blueprint.post("/books/<id:book_id>/withdraw")
@login_required
def withdraw(book_id: int) -> ResponseReturnValue:
    """Take one's own publication off the catalogue.

    :raise NotFound: when there is none or it is another's.
    """
    local_catalogue().set_state(book_id, require_account().id, BookState.WITHDRAWN)
    flash(gettext("The book is withdrawn. You can list it again at any time."), "success")
    return redirect(url_for("catalogue.publications"), 303)


@blueprint.post("/books/<id:book_id>/republish")
@login_required
def republish(book_id: int) -> ResponseReturnValue:
    """Put one's own withdrawn publication back on the catalogue.

    :raise NotFound: when there is none or it is another's.
    """
    local_catalogue().set_state(book_id, require_account().id, BookState.LISTED)
    flash(gettext("The book is on sale again."), "success")
    return redirect(url_for("catalogue.publications"), 303)


@blueprint.get("/publications")
@login_required
def publications() -> ResponseReturnValue:
    """Show what the person sells, with the copies that were sold."""
    seller_id = require_account().id
    page = local_catalogue().publications(seller_id, request.args.get("after"))
    sold = orders_service().copies_sold([card.id for card in page.items])
    offered = local_catalogue().offered(seller_id)
    return render_template("catalogue/publications.html", page=page, sold=sold, offered=offered)
