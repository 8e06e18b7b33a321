"""Pages of the catalogue."""

from typing import TypeVar

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from bookstore.catalogue.browsing import Browsing
from bookstore.catalogue.coverfiles import CoverChange, Covers, cover_of
from bookstore.catalogue.forms import FILTERS, BookInput, BookRevisionForm, Search
from bookstore.catalogue.labels import (
    BOOK_LANGUAGES,
    BOOK_STATES,
    CONDITIONS,
    SORTS,
    filters_told,
    too_many_copies,
)
from bookstore.catalogue.metadata import book_metadata
from bookstore.catalogue.ownbooks import Hidden, TooManyCopies
from bookstore.catalogue.pictures import (
    ACCEPTED_TYPES,
    Picture,
    PictureRefused,
    file_too_large,
    read_picture,
)
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.forms import Form, Input
from bookstore.core.http import STATIC
from bookstore.core.i18n import gettext
from bookstore.core.interfaces.auth import (
    current_account,
    login_required,
    require_account,
)
from bookstore.core.interfaces.orders import orders_service
from bookstore.core.money import money_text
from bookstore.core.pagecache import asked, public_page, shared_part
from bookstore.core.security import is_too_large, read_form, takes_files
from bookstore.core.services import service

# Large enough that a file past the largest cover is still told so beside its field.
LARGEST_REQUEST_BYTES = 24 * 1024 * 1024
# How long caches keep showing the cover of a book that was hidden meanwhile.
COVER_SECONDS = 600
PLAIN_COVER = STATIC / "no-cover.svg"

M = TypeVar("M", bound=Input)

blueprint = Blueprint("catalogue", __name__)


@blueprint.errorhandler(Hidden)
def show_hidden(_error: Hidden) -> ResponseReturnValue:
    """Tell a seller why their book is neither listed nor withdrawn."""
    flash(gettext("The shop has hidden this book; write to us about it."), "info")
    return redirect(url_for("catalogue.own_books"), 303)


@blueprint.record
def labels(state: BlueprintSetupState) -> None:
    """Give the templates the catalogue's terms."""
    state.app.jinja_env.globals.update(
        conditions=CONDITIONS,
        book_languages=BOOK_LANGUAGES,
        book_states=BOOK_STATES,
        sorts=SORTS,
        cover_types=ACCEPTED_TYPES,
    )


@blueprint.get("/")
@public_page(*Search.model_fields)
def index() -> ResponseReturnValue:
    """Show listed books, all or those that a search and filters find, in an order.

    :return: the page, or the form, with 422 when it is refused.
    """
    form = Form(Search)
    typed = asked(Search.model_fields, request.args)
    search = form.read(typed)
    kept = tuple((name, text) for name, text in form.values.items() if name != "after")
    query = form.values.get("q", "")
    if search is None:
        errors = tuple(form.errors.items())
        shown = render_template("catalogue/index.html", query=query, kept=kept, errors=errors)
        return shown, 422

    def results() -> str:
        return render_template(
            "catalogue/results.html",
            page=service(LocalCatalogue).browsing.browse(search),
            query=query,
            kept=kept,
            told=tuple(filters_told(search)),
            unfiltered=tuple(pair for pair in kept if pair[0] not in FILTERS),
        )

    part = shared_part(Search.model_fields, results)
    place = tuple(typed.items())
    return render_template(
        "catalogue/index.html", query=query, kept=kept, place=place, results=part
    )


@blueprint.get("/books/<id:book_id>")
@public_page()
def book(book_id: int) -> ResponseReturnValue:
    """Show a book, with what its reader may do with it.

    :raise NotFound: when there is none to show to this reader.
    """
    account = current_account()
    reader_id = account.id if account else None
    shown = service(LocalCatalogue).browsing.book(book_id, reader_id)
    metadata = book_metadata(shown)
    return render_template(
        "catalogue/book.html",
        book=shown,
        metadata=metadata,
        picture=metadata.image,
        shipping=orders_service().shipping_estimates(1),
    )


@blueprint.get("/sellers/<id:seller_id>")
@public_page("after")
def seller(seller_id: int) -> ResponseReturnValue:
    """Show a seller with the books that they have on sale.

    :raise NotFound: when there is none to show.
    """
    catalogue, after = service(LocalCatalogue), request.args.get("after")
    return render_template(
        "catalogue/seller.html",
        # Pages after the first are pages of their own.
        place=(("after", after),) if after else (),
        seller=catalogue.sellers.profile(seller_id),
        page=catalogue.browsing.books_of(seller_id, after),
    )


@blueprint.get("/covers/<name>")
def cover_picture(name: str) -> ResponseReturnValue:
    """Serve a cover's file to whom its book is shown.

    The file never changes under its name, but the book may be hidden, withdrawn or paused: then
    its seller and moderators alone see it, and what caches hold ends in ``COVER_SECONDS``.

    A book may have lost its file, as by a restore of the database alone. Browsers draw a picture
    whatever its status is, so its page shows a plain cover and not a broken picture.

    :raise 404: when the name is none of ours; with a plain cover when there is no such file.
    """
    path = service(Covers).path(name)
    if path is None:
        abort(404)
    cover, browsing = cover_of(name), service(LocalCatalogue).browsing
    is_public = browsing.shows_cover(cover)
    if not is_public and not _sees_cover(browsing, cover):
        return _plain_cover()
    try:
        served = send_file(path, mimetype="image/webp", max_age=COVER_SECONDS)
    except FileNotFoundError:
        return _plain_cover()
    if is_public:
        served.headers["Cache-Control"] = f"public, max-age={COVER_SECONDS}"
    else:
        served.headers["Cache-Control"] = "private, no-store"
    return served


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
        book_id = service(LocalCatalogue).own_books.publish(require_account(), data, cover)
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
            replaced = service(LocalCatalogue).own_books.revise(
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
    service(LocalCatalogue).own_books.withdraw(book_id, require_account().id)
    flash(gettext("The book is withdrawn. You can list it again at any time."), "success")
    return redirect(url_for("catalogue.own_books"), 303)


@blueprint.post("/books/<id:book_id>/republish")
@login_required
def republish(book_id: int) -> ResponseReturnValue:
    """Put one's own withdrawn book back on sale.

    :raise NotFound: when there is none or it is another's.
    """
    service(LocalCatalogue).own_books.republish(book_id, require_account().id)
    flash(gettext("The book is on sale again."), "success")
    return redirect(url_for("catalogue.own_books"), 303)


@blueprint.get("/account/books")
@login_required
def own_books() -> ResponseReturnValue:
    """Show the person's own books, in any state, with the copies that were sold."""
    seller_id, own = require_account().id, service(LocalCatalogue).own_books
    page = own.page(seller_id, request.args.get("after"))
    return render_template("catalogue/ownbooks.html", page=page, on_sale=own.on_sale(seller_id))


def _sees_cover(browsing: Browsing, cover: str) -> bool:
    account = current_account()
    return account is not None and (
        account.is_moderator or browsing.shows_cover(cover, reader_id=account.id)
    )


def _plain_cover() -> Response:
    return Response(PLAIN_COVER.read_bytes(), 404, mimetype="image/svg+xml")


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
