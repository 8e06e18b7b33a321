"""Pages of the catalogue for everybody."""

from flask import (
    Blueprint,
    Response,
    abort,
    render_template,
    request,
    send_file,
)
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from bookstore.catalogue.browsing import Browsing
from bookstore.catalogue.coverfiles import Covers, cover_of
from bookstore.catalogue.forms import FILTERS, Search
from bookstore.catalogue.labels import (
    BOOK_LANGUAGES,
    BOOK_STATES,
    CONDITIONS,
    SORTS,
    filters_told,
)
from bookstore.catalogue.metadata import book_metadata
from bookstore.catalogue.pictures import (
    ACCEPTED_TYPES,
)
from bookstore.catalogue.service import LocalCatalogue
from bookstore.catalogue.shippingestimates import ShippingEstimates
from bookstore.core.interfaces.auth import (
    current_account,
)
from bookstore.core.interfaces.orders import OrdersService
from bookstore.core.services import service
from bookstore.core.web.forms import Form
from bookstore.core.web.http import STATIC
from bookstore.core.web.pagecache import asked, may_be_late, public_page, shared_part

# How long caches keep showing the cover of a book that was hidden meanwhile.
COVER_SECONDS = 600
PLAIN_COVER = STATIC / "no-cover.svg"

blueprint = Blueprint("catalogue", __name__)


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
            page=service(LocalCatalogue).browsing.browse(search, late=may_be_late()),
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
    shown = service(LocalCatalogue).browsing.book(book_id, reader_id, late=may_be_late())
    metadata = book_metadata(shown)
    return render_template(
        "catalogue/book.html",
        book=shown,
        metadata=metadata,
        picture=metadata.image,
        shipping=service(ShippingEstimates).of_one_copy(service(OrdersService)),
    )


@blueprint.get("/sellers/<id:seller_id>")
@public_page("after")
def seller(seller_id: int) -> ResponseReturnValue:
    """Show a seller with the books that they have on sale.

    :raise NotFound: when there is none to show.
    """
    catalogue, after = service(LocalCatalogue), request.args.get("after")
    late = may_be_late()
    return render_template(
        "catalogue/seller.html",
        # Pages after the first are pages of their own.
        place=(("after", after),) if after else (),
        seller=catalogue.sellers.profile(seller_id, late=late),
        page=catalogue.browsing.books_of(seller_id, after, late=late),
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


def _sees_cover(browsing: Browsing, cover: str) -> bool:
    account = current_account()
    return account is not None and (
        account.is_moderator or browsing.shows_cover(cover, reader_id=account.id)
    )


def _plain_cover() -> Response:
    return Response(PLAIN_COVER.read_bytes(), 404, mimetype="image/svg+xml")
