"""The API of the catalogue: books for everybody, listings for those who sell them."""

from typing import IO, Annotated, Literal

from flask import Response, url_for
from pydantic import BeforeValidator, Field
from werkzeug.http import parse_etags

from bookstore.catalogue.coverfiles import CoverChange, file_name, local_covers
from bookstore.catalogue.forms import (
    CopiesLeft,
    CopiesOffered,
    PriceBoundMinor,
    PriceMinor,
    Publication,
    Revision,
    Search,
)
from bookstore.catalogue.labels import too_many_copies
from bookstore.catalogue.models import BookLanguage, Condition
from bookstore.catalogue.pictures import (
    ACCEPTED_TYPES,
    LARGEST_UPLOAD_BYTES,
    WIDTHS,
    PictureRefused,
    read_picture,
)
from bookstore.catalogue.service import Changed, Hidden, TooManyCopies, local_catalogue
from bookstore.core.api.models import (
    LINK,
    PageOf,
    Paging,
    Reply,
    View,
    next_address,
    page_reply,
)
from bookstore.core.api.problems import FieldProblem, Problem, problem_response
from bookstore.core.api.routes import Api, Media, unprocessable
from bookstore.core.forms import Input
from bookstore.core.i18n import gettext
from bookstore.core.interfaces.auth import Account, auth_service
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.interfaces.orders import orders_service
from bookstore.core.money import CURRENCY

api = Api("catalogue")

ETAG = {"ETag": "The listing's version, for `If-Match`."}
PICTURES = Media(tuple(ACCEPTED_TYPES.split(",")), LARGEST_UPLOAD_BYTES)
Currency = Literal["COP"]


@api.blueprint.errorhandler(Hidden)
def show_hidden(_error: Hidden) -> Response:
    """Tell a seller why their listing is neither listed nor withdrawn."""
    told = gettext("The shop has hidden this publication; write to us about it.")
    return problem_response(Problem(409, told, "hidden"))


class CoverView(View):
    """Show where a cover's picture is, in one of its widths."""

    width: int = Field(description="Pixels.")
    address: str = Field(json_schema_extra={"format": "uri-reference"})


def _cover_views(cover: object) -> object:
    if cover is None:
        return []
    names = {width: file_name(str(cover), width) for width in WIDTHS}
    return [
        CoverView(width=width, address=url_for("catalogue.cover_picture", name=name))
        for width, name in names.items()
    ]


class BookSummary(View):
    """Show a book among many."""

    id: int
    title: str
    author: str
    condition: Condition
    language: BookLanguage
    price_minor: int = Field(description="For one copy, in minor units.")
    currency: str
    stock: int = Field(description="The copies that are left.")
    state: BookState
    cover: Annotated[list[CoverView], BeforeValidator(_cover_views)] = Field(
        description="Its picture in several widths; none where the seller gave none."
    )


class Seller(View):
    """Tell who sells a book."""

    id: int
    name: str | None


class BookView(BookSummary):
    """Show a book."""

    isbn: str | None
    description: str
    seller: Seller


class ListingSummary(BookSummary):
    """Show a seller one of their listings among many."""

    copies_sold: int


class ListingView(ListingSummary):
    """Show a seller their listing."""

    isbn: str | None
    description: str


class BookPage(PageOf[BookSummary]):
    """Show a page of books."""


class OfferedView(View):
    """Sum up what a seller has on sale."""

    titles: int
    copies: int
    value_minor: int = Field(description="What the copies cost together, in minor units.")
    currency: str


class ListingPage(PageOf[ListingSummary]):
    """Show a page of a seller's listings, and what of all of them is on sale."""

    offered: OfferedView


class BookQuery(Search):
    """Choose books."""

    price_from: PriceBoundMinor | None = Field(None, alias="price_from_minor")
    price_to: PriceBoundMinor | None = Field(None, alias="price_to_minor")


class ListingInput(Publication):
    """Offer copies of a book."""

    price: PriceMinor = Field(alias="price_minor")
    quantity: CopiesOffered = Field(1, alias="stock")
    currency: Currency = CURRENCY


class ListingRevision(Revision):
    """Change what is said of a book; ``stock_seen`` keeps copies sold since from coming back."""

    price: PriceMinor = Field(alias="price_minor")
    quantity: CopiesLeft = Field(alias="stock")
    currency: Currency = CURRENCY


class ListingVersion(Input):
    """Tell which version of a listing was read."""

    if_match: Annotated[
        str | None,
        Field(alias="If-Match", description="The `ETag` that was read; 412 if it has changed."),
    ] = None


@api.route("get", "/books", headers=LINK)
def list_books(query: BookQuery) -> Reply[BookPage]:
    """List the books on sale, newest first, all or those that a search and filters find."""
    page = local_catalogue().browse(query)
    items = [BookSummary.model_validate(card) for card in page.items]
    return page_reply(BookPage(items=items, next=next_address(page)))


@api.route("get", "/books/<int:book_id>")
def show_book(book_id: int, account: Account | None) -> BookView:
    """Show a book; one that is withdrawn, to its seller only.

    :raise NotFound: when there is none to show to this reader.
    """
    book = local_catalogue().book(book_id, account.id if account else None)
    name = auth_service().name(book.seller_id)
    seller = Seller(id=book.seller_id, name=name)
    return BookView.model_validate({**vars(book), "seller": seller})


@api.route("get", "/listings", headers=LINK)
def list_listings(query: Paging, account: Account) -> Reply[ListingPage]:
    """List what the account sells, newest first, and sum up what of it is on sale."""
    page = local_catalogue().publications(account.id, query.after)
    sold = orders_service().copies_sold([card.id for card in page.items])
    items = [
        ListingSummary.model_validate({**vars(card), "copies_sold": sold.get(card.id, 0)})
        for card in page.items
    ]
    offered = OfferedView.model_validate(local_catalogue().offered(account.id))
    return page_reply(ListingPage(items=items, next=next_address(page), offered=offered))


@api.route("post", "/listings", status=201, headers={"Location": "The listing.", **ETAG})
def publish(body: ListingInput, account: Account) -> Reply[ListingView]:
    """Offer a book."""
    book_id = local_catalogue().publish(account.id, body)
    shown = _listing(book_id, account)
    location = url_for("catalogue_api.show_listing", book_id=book_id)
    return Reply(shown.body, {**shown.headers, "Location": location})


@api.route("get", "/listings/<int:book_id>", headers=ETAG)
def show_listing(book_id: int, account: Account) -> Reply[ListingView]:
    """Show one of the account's listings.

    :raise NotFound: when there is none or it is another's.
    """
    return _listing(book_id, account)


@api.route("put", "/listings/<int:book_id>", problems=(412,), headers=ETAG)
def revise(
    book_id: int, headers: ListingVersion, body: ListingRevision, account: Account
) -> Reply[ListingView]:
    """Change one of the account's listings; orders keep the title and price of their moment.

    :raise NotFound: when there is none or it is another's.
    :raise Problem: 412 when it is not the version in ``If-Match`` any more, 422 when its copies
        would be too many.
    """
    seen = parse_etags(headers.if_match) if headers.if_match else None
    try:
        local_catalogue().revise(book_id, account.id, body, seen)
    except Changed:
        told = gettext("This has changed since you read it; please look again.")
        raise Problem(412, told) from None
    except TooManyCopies as refused:
        told = too_many_copies(body.quantity, refused.most)
        raise unprocessable([FieldProblem(field="stock", message=told)]) from None
    return _listing(book_id, account)


@api.route("put", "/listings/<int:book_id>/cover", headers=ETAG, media=PICTURES)
def put_cover(book_id: int, upload: IO[bytes], account: Account) -> Reply[ListingView]:
    """Give one of the account's listings a picture: the request's body is the file.

    :raise NotFound: when there is none or it is another's.
    :raise Problem: 422 when it is no picture that the shop takes.
    """
    local_catalogue().own_book(book_id, account.id)
    try:
        picture = read_picture(upload, "")
    except PictureRefused as refused:
        raise unprocessable([FieldProblem(field="cover", message=str(refused))]) from None
    with local_covers().keeping(picture) as cover:
        replaced = local_catalogue().set_cover(book_id, account.id, CoverChange(cover))
    local_covers().drop(replaced)
    return _listing(book_id, account)


@api.route("delete", "/listings/<int:book_id>/cover", headers=ETAG)
def remove_cover(book_id: int, account: Account) -> Reply[ListingView]:
    """Take the picture of one of the account's listings away; the shop draws a cover then.

    :raise NotFound: when there is none or it is another's.
    """
    change = CoverChange(remove=True)
    local_covers().drop(local_catalogue().set_cover(book_id, account.id, change))
    return _listing(book_id, account)


@api.route("post", "/listings/<int:book_id>/withdraw", problems=(409,), headers=ETAG)
def withdraw(book_id: int, account: Account) -> Reply[ListingView]:
    """Take one of the account's listings off the catalogue.

    :raise NotFound: when there is none or it is another's.
    :raise Hidden: when a moderator has hidden it.
    """
    local_catalogue().set_state(book_id, account.id, BookState.WITHDRAWN)
    return _listing(book_id, account)


@api.route("post", "/listings/<int:book_id>/republish", problems=(409,), headers=ETAG)
def republish(book_id: int, account: Account) -> Reply[ListingView]:
    """Put one of the account's withdrawn listings back on the catalogue.

    :raise NotFound: when there is none or it is another's.
    :raise Hidden: when a moderator has hidden it.
    """
    local_catalogue().set_state(book_id, account.id, BookState.LISTED)
    return _listing(book_id, account)


def _listing(book_id: int, account: Account) -> Reply[ListingView]:
    book = local_catalogue().own_book(book_id, account.id)
    sold = orders_service().copies_sold([book_id]).get(book_id, 0)
    shown = ListingView.model_validate({**vars(book), "copies_sold": sold})
    return Reply(shown, {"ETag": f'"{book.version}"'})
