"""Pages of one's own books: put on sale, change, withdraw."""

from typing import TypeVar

from flask import (
    Blueprint,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from bookstore.catalogue.coverfiles import CoverChange, Covers
from bookstore.catalogue.forms import BookInput, BookRevisionForm
from bookstore.catalogue.labels import (
    too_many_copies,
)
from bookstore.catalogue.pictures import (
    Picture,
    PictureRefused,
    file_too_large,
    read_picture,
)
from bookstore.catalogue.publishing import Hidden, TooManyCopies
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.interfaces.auth import (
    login_required,
    require_account,
)
from bookstore.core.money import money_text
from bookstore.core.services import service
from bookstore.core.web.forms import Form, Input
from bookstore.core.web.i18n import gettext
from bookstore.core.web.security import is_too_large, read_form, takes_files

# Large enough that a file past the largest cover is still told so beside its field.
LARGEST_REQUEST_BYTES = 24 * 1024 * 1024

M = TypeVar("M", bound=Input)

blueprint = Blueprint("own_books", __name__)


@blueprint.errorhandler(Hidden)
def show_hidden(_error: Hidden) -> ResponseReturnValue:
    """Answer a seller why their book is neither listed nor withdrawn."""
    flash(gettext("The shop has hidden this book; write to us about it."), "info")
    return redirect(url_for("own_books.show"), 303)


@blueprint.get("/sell")
@blueprint.post("/sell")
@takes_files(LARGEST_REQUEST_BYTES)
@login_required
def sell() -> ResponseReturnValue:
    """Put a book on sale.

    :return: a redirect to the book's page, or the form, with 422 when it is refused.
    """
    form = Form(BookInput, {"quantity": "1", "condition": "good", "language": "es"})
    data, picture = _read_with_picture(form)
    if data is None:
        return render_template("catalogue/sell.html", form=form, book=None), form.status
    with service(Covers).keeping(picture) as cover:
        book_id = service(LocalCatalogue).publishing.publish(require_account(), data, cover)
    flash(gettext("Your book is on sale."), "success")
    return redirect(url_for("catalogue.book", book_id=book_id), 303)


@blueprint.get("/books/<id:book_id>/edit")
@blueprint.post("/books/<id:book_id>/edit")
@takes_files(LARGEST_REQUEST_BYTES)
@login_required
def edit(book_id: int) -> ResponseReturnValue:
    """Change one's own book.

    :return: a redirect to the book's page, or the form, with 422 when it is refused.
    :raise NotFound: when there is none or it is another's.
    """
    seller_id = require_account().id
    shown = service(LocalCatalogue).own_books.book(book_id, seller_id)
    form = Form(BookRevisionForm, {**shown.typed(), "price": money_text(shown.price_minor)})
    data, picture = _read_with_picture(form)
    if data is None:
        return render_template("catalogue/sell.html", form=form, book=shown), form.status
    try:
        with service(Covers).keeping(picture) as cover:
            change = CoverChange(cover, data.remove_cover)
            replaced = service(LocalCatalogue).publishing.revise(
                book_id, seller_id, data, cover=change
            )
    except TooManyCopies as refused:
        form.errors["quantity"] = too_many_copies(data.quantity, refused.most)
        if picture is not None:
            form.errors["cover"] = _chosen_again()
        return render_template("catalogue/sell.html", form=form, book=shown), form.status
    service(Covers).drop(replaced)
    flash(gettext("Your changes are saved."), "success")
    return redirect(url_for("catalogue.book", book_id=book_id), 303)


@blueprint.post("/books/<id:book_id>/withdraw")
@login_required
def withdraw(book_id: int) -> ResponseReturnValue:
    """Take one's own book off sale.

    :raise NotFound: when there is none or it is another's.
    """
    service(LocalCatalogue).publishing.withdraw(book_id, require_account().id)
    flash(gettext("The book is withdrawn. You can list it again at any time."), "success")
    return redirect(url_for("own_books.show"), 303)


@blueprint.post("/books/<id:book_id>/republish")
@login_required
def republish(book_id: int) -> ResponseReturnValue:
    """Put one's own withdrawn book back on sale.

    :raise NotFound: when there is none or it is another's.
    """
    service(LocalCatalogue).publishing.republish(book_id, require_account().id)
    flash(gettext("The book is on sale again."), "success")
    return redirect(url_for("own_books.show"), 303)


@blueprint.get("/account/books")
@login_required
def show() -> ResponseReturnValue:
    """Show the person's own books, in any state, with the copies that were sold."""
    seller_id, own = require_account().id, service(LocalCatalogue).own_books
    page = own.page(seller_id, request.args.get("after"))
    return render_template("catalogue/ownbooks.html", page=page, on_sale=own.on_sale(seller_id))


def _read_with_picture(form: Form[M]) -> tuple[M | None, Picture | None]:
    data = read_form(form)
    if is_too_large():
        form.problem = None
        form.errors["cover"] = file_too_large(request.content_length)
        return None, None
    upload = request.files.get("cover")
    if upload is None or not upload.filename:
        return data, None
    try:
        picture = read_picture(upload.stream, upload.filename)
    except PictureRefused as refused:
        form.errors["cover"] = str(refused)
        return None, None
    if data is None:
        form.errors["cover"] = _chosen_again()
    return data, picture


def _chosen_again() -> str:
    # A browser does not send a file again that it sent once.
    return gettext("Choose the picture again.")
