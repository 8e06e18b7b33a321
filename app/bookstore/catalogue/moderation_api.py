"""The API of the moderation of books: what moderators do on their pages, by the same verbs."""

from datetime import datetime

from flask import Response
from pydantic import Field

from bookstore.catalogue.forms import BookAction, Reason
from bookstore.catalogue.labels import NOTHING_TO_DO
from bookstore.catalogue.moderation import BookAuditRecord, NothingToDo
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.api.models import LINK, PageOf, Paging, Reply, View, next_address, page_reply
from bookstore.core.api.problems import Problem, problem_response
from bookstore.core.api.routes import Api
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.services import service

api = Api("book-moderation", moderates=True)


@api.blueprint.errorhandler(NothingToDo)
def show_refusal(_refusal: NothingToDo) -> Response:
    """Answer a moderator why nothing was done."""
    return problem_response(Problem(409, str(NOTHING_TO_DO), "nothing-to-do"))


class SellerOfBook(View):
    """Who sells a book."""

    id: int
    name: str


class Actor(View):
    """The moderator who did something; the name is that of the moment."""

    id: int
    name: str


class ModeratedBookView(View):
    """A book in any state, for a moderator."""

    id: int
    title: str
    author: str
    description: str
    state: BookState = Field(description="`paused` while its seller is suspended.")
    seller: SellerOfBook


class BookAuditEntryView(View):
    """What a moderator did to a book, and why."""

    id: int
    action: BookAction
    book_id: int
    title: str = Field(description="The book's, as it was at the moment.")
    reason: str
    done_at: datetime
    actor: Actor


class BookAuditPage(PageOf[BookAuditEntryView]):
    """A page of what was done to books."""


@api.route("get", "/admin/books/<int:book_id>")
def show_moderated_book(book_id: int) -> ModeratedBookView:
    """Show a book in any state, also one that is hidden or withdrawn.

    :raise NotFound: when there is none.
    """
    book = service(LocalCatalogue).moderation.book(book_id)
    seller = {"id": book.seller_id, "name": book.seller_name}
    return ModeratedBookView.model_validate({**vars(book), "seller": seller})


@api.route("post", "/admin/books/<int:book_id>/hide", problems=(409,))
def hide_book(book_id: int, body: Reason, account: Account) -> ModeratedBookView:
    """Take a book off sale; its seller cannot put it back.

    :raise NotFound: when there is none.
    :raise NothingToDo: when it is hidden or withdrawn.
    """
    service(LocalCatalogue).moderation.hide(account, book_id, body.reason)
    return show_moderated_book(book_id)


@api.route("post", "/admin/books/<int:book_id>/unhide", problems=(409,))
def unhide_book(book_id: int, body: Reason, account: Account) -> ModeratedBookView:
    """Put a hidden book back on sale.

    :raise NotFound: when there is none.
    :raise NothingToDo: when it is not hidden.
    """
    service(LocalCatalogue).moderation.unhide(account, book_id, body.reason)
    return show_moderated_book(book_id)


@api.route("get", "/admin/books/audit", headers=LINK)
def list_book_audit_entries(query: Paging) -> Reply[BookAuditPage]:
    """List what moderators did to books, newest first."""
    page = service(LocalCatalogue).moderation.trail(query.after)
    items = [_entry(record) for record in page.items]
    return page_reply(BookAuditPage(items=items, next=next_address(page)))


def _entry(record: BookAuditRecord) -> BookAuditEntryView:
    actor = {"id": record.actor_id, "name": record.actor_name}
    return BookAuditEntryView.model_validate({**vars(record), "actor": actor})
