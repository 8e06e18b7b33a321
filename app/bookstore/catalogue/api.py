"""The API of the catalogue: books for everybody, and one's own for those who sell."""

from collections.abc import Iterable
from datetime import datetime
from typing import IO, Annotated, Any, Literal

from flask import Response, url_for
from pydantic import BeforeValidator, Field
from werkzeug.http import parse_etags

from bookstore.catalogue.cards import BookCard
from bookstore.catalogue.coverfiles import CoverChange, Covers, file_name
from bookstore.catalogue.forms import (
    BookInput,
    BookRevision,
    CopiesLeft,
    CopiesOffered,
    PriceBoundMinor,
    PriceMinor,
    Search,
)
from bookstore.catalogue.labels import too_many_copies
from bookstore.catalogue.models import BookLanguage, Condition
from bookstore.catalogue.ownbooks import Changed, Hidden, TooManyCopies
from bookstore.catalogue.pictures import (
    ACCEPTED_TYPES,
    LARGEST_UPLOAD_BYTES,
    WIDTHS,
    PictureRefused,
    read_picture,
)
from bookstore.catalogue.service import LocalCatalogue
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
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.money import CURRENCY
from bookstore.core.services import service

api = Api("catalogue")

ETAG = {"ETag": "The book's version, for `If-Match`."}
PICTURES = Media(tuple(ACCEPTED_TYPES.split(",")), LARGEST_UPLOAD_BYTES)
Currency = Literal["COP"]


@api.blueprint.errorhandler(Hidden)
def show_hidden(_error: Hidden) -> Response:
    """Tell a seller why their book is neither listed nor withdrawn."""
    told = gettext("The shop has hidden this book; write to us about it.")
    return problem_response(Problem(409, told, "hidden"))


class CoverView(View):
    """Where a cover's picture is, in one of its widths."""

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


class Seller(View):
    """Who sells a book."""

    id: int
    name: str


class BookSummary(View):
    """A book among many."""

    id: int
    seller: Seller
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


class BookView(BookSummary):
    """A book."""

    isbn: str | None
    description: str


class OwnBookSummary(BookSummary):
    """A book among many as its seller sees it."""

    sold: int = Field(description="The copies that were sold.")


class OwnBookView(OwnBookSummary):
    """A book as its seller sees it."""

    isbn: str | None
    description: str


class BookPage(PageOf[BookSummary]):
    """A page of books."""


class SellerView(View):
    """A seller."""

    id: int
    name: str
    since: datetime
    sold: int = Field(description="The copies that they have sold.")


class OnSaleView(View):
    """What a seller has on sale altogether."""

    titles: int
    copies: int
    value_minor: int = Field(description="What the copies cost together, in minor units.")
    currency: str


class OwnBookPage(PageOf[OwnBookSummary]):
    """A page of a seller's books, and what of all of them is on sale."""

    on_sale: OnSaleView


class BookQuery(Search):
    """Which books are looked for."""

    price_from: PriceBoundMinor | None = Field(None, alias="price_from_minor")
    price_to: PriceBoundMinor | None = Field(None, alias="price_to_minor")


class NewBook(BookInput):
    """A book to put on sale."""

    price: PriceMinor = Field(alias="price_minor")
    quantity: CopiesOffered = Field(1, alias="stock")
    currency: Currency = CURRENCY


class ChangedBook(BookRevision):
    """What a book becomes; ``stock_seen`` keeps copies sold since from coming back."""

    price: PriceMinor = Field(alias="price_minor")
    quantity: CopiesLeft = Field(alias="stock")
    currency: Currency = CURRENCY


class BookVersion(Input):
    """Which version of a book was read."""

    if_match: Annotated[
        str | None,
        Field(alias="If-Match", description="The `ETag` that was read; 412 if it has changed."),
    ] = None


@api.route("get", "/books", headers=LINK)
def list_books(query: BookQuery) -> Reply[BookPage]:
    """List the books on sale, newest first, all or those that a search and filters find."""
    page = service(LocalCatalogue).browsing.browse(query)
    return page_reply(BookPage(items=_summaries(page.items), next=next_address(page)))


@api.route("get", "/books/<int:book_id>")
def show_book(book_id: int, account: Account | None) -> BookView:
    """Show a book; one that is not on sale, to its seller only.

    :raise NotFound: when there is none to show to this reader.
    """
    book = service(LocalCatalogue).browsing.book(book_id, account.id if account else None)
    return BookView.model_validate(_with_seller(book))


@api.route("get", "/sellers/<int:seller_id>")
def show_seller(seller_id: int) -> SellerView:
    """Show a seller.

    :raise NotFound: when there is none: an account that neither sells nor has sold, or one that
        is suspended.
    """
    return SellerView.model_validate(service(LocalCatalogue).sellers.profile(seller_id))


@api.route("get", "/sellers/<int:seller_id>/books", headers=LINK)
def list_books_of_seller(seller_id: int, query: Paging) -> Reply[BookPage]:
    """List what a seller has on sale, newest first.

    :raise NotFound: when there is no such seller.
    """
    service(LocalCatalogue).sellers.profile(seller_id)
    page = service(LocalCatalogue).browsing.books_of(seller_id, query.after)
    return page_reply(BookPage(items=_summaries(page.items), next=next_address(page)))


@api.route("get", "/account/books", headers=LINK)
def list_own_books(query: Paging, account: Account) -> Reply[OwnBookPage]:
    """List the account's books in any state, newest first, and sum up what of it is on sale."""
    own = service(LocalCatalogue).own_books
    page = own.page(account.id, query.after)
    items = [OwnBookSummary.model_validate(_with_seller(card)) for card in page.items]
    on_sale = OnSaleView.model_validate(own.on_sale(account.id))
    return page_reply(OwnBookPage(items=items, next=next_address(page), on_sale=on_sale))


@api.route("post", "/account/books", status=201, headers={"Location": "The book.", **ETAG})
def publish(body: NewBook, account: Account) -> Reply[OwnBookView]:
    """Put a book on sale."""
    book_id = service(LocalCatalogue).own_books.publish(account, body)
    shown = _own(book_id, account)
    location = url_for("catalogue_api.show_own_book", book_id=book_id)
    return Reply(shown.body, {**shown.headers, "Location": location})


@api.route("get", "/account/books/<int:book_id>", headers=ETAG)
def show_own_book(book_id: int, account: Account) -> Reply[OwnBookView]:
    """Show one of the account's books.

    :raise NotFound: when there is none or it is another's.
    """
    return _own(book_id, account)


@api.route("put", "/account/books/<int:book_id>", problems=(412,), headers=ETAG)
def revise(
    book_id: int, headers: BookVersion, body: ChangedBook, account: Account
) -> Reply[OwnBookView]:
    """Change one of the account's books; orders keep the title and price of their moment.

    :raise NotFound: when there is none or it is another's.
    :raise Problem: 412 when it is not the version in ``If-Match`` any more, 422 when its copies
        would be too many.
    """
    seen = parse_etags(headers.if_match) if headers.if_match else None
    try:
        service(LocalCatalogue).own_books.revise(book_id, account.id, body, seen)
    except Changed:
        told = gettext("This has changed since you read it; please look again.")
        raise Problem(412, told) from None
    except TooManyCopies as refused:
        told = too_many_copies(body.quantity, refused.most)
        raise unprocessable([FieldProblem(field="stock", message=told)]) from None
    return _own(book_id, account)


@api.route("put", "/account/books/<int:book_id>/cover", headers=ETAG, media=PICTURES)
def put_cover(book_id: int, upload: IO[bytes], account: Account) -> Reply[OwnBookView]:
    """Give one of the account's books a picture: the request's body is the file.

    :raise NotFound: when there is none or it is another's.
    :raise Problem: 422 when it is no picture that the shop takes.
    """
    own = service(LocalCatalogue).own_books
    own.book(book_id, account.id)
    try:
        picture = read_picture(upload, "")
    except PictureRefused as refused:
        raise unprocessable([FieldProblem(field="cover", message=str(refused))]) from None
    with service(Covers).keeping(picture) as cover:
        replaced = own.set_cover(book_id, account.id, CoverChange(cover))
    service(Covers).drop(replaced)
    return _own(book_id, account)


@api.route("delete", "/account/books/<int:book_id>/cover", headers=ETAG)
def remove_cover(book_id: int, account: Account) -> Reply[OwnBookView]:
    """Take the picture of one of the account's books away; the shop draws a cover then.

    :raise NotFound: when there is none or it is another's.
    """
    change = CoverChange(remove=True)
    service(Covers).drop(service(LocalCatalogue).own_books.set_cover(book_id, account.id, change))
    return _own(book_id, account)


@api.route("post", "/account/books/<int:book_id>/withdraw", problems=(409,), headers=ETAG)
def withdraw(book_id: int, account: Account) -> Reply[OwnBookView]:
    """Take one of the account's books off sale.

    :raise NotFound: when there is none or it is another's.
    :raise Hidden: when a moderator has hidden it.
    """
    service(LocalCatalogue).own_books.withdraw(book_id, account.id)
    return _own(book_id, account)


@api.route("post", "/account/books/<int:book_id>/republish", problems=(409,), headers=ETAG)
def republish(book_id: int, account: Account) -> Reply[OwnBookView]:
    """Put one of the account's withdrawn books back on sale.

    :raise NotFound: when there is none or it is another's.
    :raise Hidden: when a moderator has hidden it.
    """
    service(LocalCatalogue).own_books.republish(book_id, account.id)
    return _own(book_id, account)


def _own(book_id: int, account: Account) -> Reply[OwnBookView]:
    book = service(LocalCatalogue).own_books.book(book_id, account.id)
    return Reply(OwnBookView.model_validate(_with_seller(book)), {"ETag": f'"{book.version}"'})


def _summaries(cards: Iterable[BookCard]) -> list[BookSummary]:
    return [BookSummary.model_validate(_with_seller(card)) for card in cards]


def _with_seller(card: BookCard) -> dict[str, Any]:
    return {**vars(card), "seller": {"id": card.seller_id, "name": card.seller_name}}
