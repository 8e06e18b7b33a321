"""The API of one's own books, for those who sell."""

from typing import IO

from flask import Response, url_for
from werkzeug.http import parse_etags

from bookstore.catalogue.api_models import (
    BookVersion,
    ChangedBook,
    NewBook,
    OnSaleView,
    OwnBookPage,
    OwnBookSummary,
    OwnBookView,
    with_seller,
)
from bookstore.catalogue.coverfiles import CoverChange, Covers
from bookstore.catalogue.labels import too_many_copies
from bookstore.catalogue.pictures import (
    ACCEPTED_TYPES,
    LARGEST_UPLOAD_BYTES,
    PictureRefused,
    read_picture,
)
from bookstore.catalogue.publishing import Changed, Hidden, TooManyCopies
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.api.models import (
    LINK,
    Paging,
    Reply,
    next_address,
    page_reply,
)
from bookstore.core.api.problems import FieldProblem, Problem, problem_response
from bookstore.core.api.routes import Api, Media, unprocessable
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service
from bookstore.core.web.i18n import gettext

api = Api("own-books")

ETAG = {"ETag": "The book's version, for `If-Match`."}
PICTURES = Media(tuple(ACCEPTED_TYPES.split(",")), LARGEST_UPLOAD_BYTES)


@api.blueprint.errorhandler(Hidden)
def show_hidden(_error: Hidden) -> Response:
    """Answer a seller why their book is neither listed nor withdrawn."""
    told = gettext("The shop has hidden this book; write to us about it.")
    return problem_response(Problem(409, told, "hidden"))


@api.route("get", "/account/books", headers=LINK)
def list_own_books(query: Paging, account: Account) -> Reply[OwnBookPage]:
    """List the account's books in any state, newest first, and sum up what of it is on sale."""
    own = service(LocalCatalogue).own_books
    page = own.page(account.id, query.after)
    items = [OwnBookSummary.model_validate(with_seller(card)) for card in page.items]
    on_sale = OnSaleView.model_validate(own.on_sale(account.id))
    return page_reply(OwnBookPage(items=items, next=next_address(page), on_sale=on_sale))


@api.route("post", "/account/books", status=201, headers={"Location": "The book.", **ETAG})
def publish(body: NewBook, account: Account) -> Reply[OwnBookView]:
    """Put a book on sale."""
    book_id = service(LocalCatalogue).publishing.publish(account, body)
    shown = _own(book_id, account)
    location = url_for("own-books_api.show_own_book", book_id=book_id)
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
        service(LocalCatalogue).publishing.revise(book_id, account.id, body, seen)
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
    catalogue = service(LocalCatalogue)
    catalogue.own_books.book(book_id, account.id)
    try:
        picture = read_picture(upload, "")
    except PictureRefused as refused:
        raise unprocessable([FieldProblem(field="cover", message=str(refused))]) from None
    with service(Covers).keeping(picture) as cover:
        replaced = catalogue.publishing.set_cover(book_id, account.id, CoverChange(cover))
    service(Covers).drop(replaced)
    return _own(book_id, account)


@api.route("delete", "/account/books/<int:book_id>/cover", headers=ETAG)
def remove_cover(book_id: int, account: Account) -> Reply[OwnBookView]:
    """Take the picture of one of the account's books away; the shop draws a cover then.

    :raise NotFound: when there is none or it is another's.
    """
    change = CoverChange(remove=True)
    service(Covers).drop(service(LocalCatalogue).publishing.set_cover(book_id, account.id, change))
    return _own(book_id, account)


@api.route("post", "/account/books/<int:book_id>/withdraw", problems=(409,), headers=ETAG)
def withdraw(book_id: int, account: Account) -> Reply[OwnBookView]:
    """Take one of the account's books off sale.

    :raise NotFound: when there is none or it is another's.
    :raise Hidden: when a moderator has hidden it.
    """
    service(LocalCatalogue).publishing.withdraw(book_id, account.id)
    return _own(book_id, account)


@api.route("post", "/account/books/<int:book_id>/republish", problems=(409,), headers=ETAG)
def republish(book_id: int, account: Account) -> Reply[OwnBookView]:
    """Put one of the account's withdrawn books back on sale.

    :raise NotFound: when there is none or it is another's.
    :raise Hidden: when a moderator has hidden it.
    """
    service(LocalCatalogue).publishing.republish(book_id, account.id)
    return _own(book_id, account)


def _own(book_id: int, account: Account) -> Reply[OwnBookView]:
    book = service(LocalCatalogue).own_books.book(book_id, account.id)
    return Reply(OwnBookView.model_validate(with_seller(book)), {"ETag": f'"{book.version}"'})
