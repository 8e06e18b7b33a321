"""The API of moderation: what moderators do on their pages, by the same verbs."""

from datetime import datetime

from flask import Response
from pydantic import Field

from bookstore.auth.forms import Email, Reason
from bookstore.auth.labels import REFUSALS
from bookstore.auth.moderation import (
    Action,
    AuditRecord,
    NothingToDo,
    OwnAccount,
    Target,
    moderation,
)
from bookstore.auth.service import local_auth
from bookstore.core.api.models import LINK, PageOf, Paging, Reply, View, next_address, page_reply
from bookstore.core.api.problems import Problem, problem_response
from bookstore.core.api.routes import Api
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import BookState

api = Api("moderation", moderates=True)

CODES: dict[type[Exception], str] = {NothingToDo: "nothing-to-do", OwnAccount: "own-account"}


@api.blueprint.errorhandler(NothingToDo)
@api.blueprint.errorhandler(OwnAccount)
def show_refusal(refusal: NothingToDo | OwnAccount) -> Response:
    """Tell a moderator why nothing was done."""
    kind = type(refusal)
    return problem_response(Problem(409, str(REFUSALS[kind]), CODES[kind]))


class PersonView(View):
    """Show a person to a moderator."""

    id: int
    name: str
    email: str
    is_admin: bool = Field(description="Whether the account moderates the shop.")
    suspended_at: datetime | None = Field(
        description="Since when they are kept out; null for who is not suspended."
    )
    created_at: datetime


class PersonPage(PageOf[PersonView]):
    """Show a page of people."""


class PersonSummary(View):
    """Tell who a person is."""

    id: int
    name: str | None


class ModeratedBook(View):
    """Show a book in any state to a moderator."""

    id: int
    title: str
    author: str
    description: str
    state: BookState = Field(description="`paused` while its seller is suspended.")
    seller: PersonSummary


class AuditEntryView(View):
    """Show what a moderator did to whom or what, and why."""

    id: int
    action: Action
    target_kind: Target
    target_id: int
    target_name: str = Field(description="An email address or a title, as it was at the moment.")
    reason: str
    done_at: datetime
    actor: PersonSummary | None = Field(
        description="The moderator; null for what was done from the command line."
    )


class AuditPage(PageOf[AuditEntryView]):
    """Show a page of the audit trail."""


class PersonQuery(Paging):
    """Choose people."""

    email: Email | None = Field(None, description="Whose account alone is looked for.")


@api.route("get", "/admin/people", headers=LINK)
def list_people(query: PersonQuery) -> Reply[PersonPage]:
    """List the accounts, newest first, or the one with an email address."""
    page = moderation().people(query.email or "", query.after)
    items = [PersonView.model_validate(person) for person in page.items]
    return page_reply(PersonPage(items=items, next=next_address(page)))


@api.route("get", "/admin/people/<int:account_id>")
def show_person(account_id: int) -> PersonView:
    """Show a person, and whether they are suspended.

    :raise NotFound: when there is none.
    """
    return PersonView.model_validate(moderation().person(account_id))


@api.route("post", "/admin/people/<int:account_id>/suspend", problems=(409,))
def suspend_person(account_id: int, body: Reason, account: Account) -> PersonView:
    """Suspend a person: sessions and tokens end at once, and their listings go off sale.

    :raise NotFound: when there is none.
    :raise NothingToDo: when they are suspended already.
    :raise OwnAccount: when it is the moderator's own.
    """
    moderation().suspend(account.id, account_id, body.reason)
    return show_person(account_id)


@api.route("post", "/admin/people/<int:account_id>/restore", problems=(409,))
def restore_person(account_id: int, body: Reason, account: Account) -> PersonView:
    """Lift a suspension: the person can log in, and their listings are on sale again.

    :raise NotFound: when there is none.
    :raise NothingToDo: when they are not suspended.
    """
    moderation().restore(account.id, account_id, body.reason)
    return show_person(account_id)


@api.route("get", "/admin/books/<int:book_id>")
def show_moderated_book(book_id: int) -> ModeratedBook:
    """Show a book in any state, also one that is hidden or withdrawn.

    :raise NotFound: when there is none.
    """
    listing = moderation().listing(book_id)
    name = local_auth().name(listing.seller_id)
    seller = PersonSummary(id=listing.seller_id, name=name)
    return ModeratedBook.model_validate({**vars(listing), "id": book_id, "seller": seller})


@api.route("post", "/admin/books/<int:book_id>/hide", problems=(409,))
def hide_book(book_id: int, body: Reason, account: Account) -> ModeratedBook:
    """Take a listed book off the catalogue; its seller cannot put it back.

    :raise NotFound: when there is none.
    :raise NothingToDo: when it is not listed.
    """
    moderation().hide(account.id, book_id, body.reason)
    return show_moderated_book(book_id)


@api.route("post", "/admin/books/<int:book_id>/unhide", problems=(409,))
def unhide_book(book_id: int, body: Reason, account: Account) -> ModeratedBook:
    """Put a hidden book back on the catalogue.

    :raise NotFound: when there is none.
    :raise NothingToDo: when it is not hidden.
    """
    moderation().unhide(account.id, book_id, body.reason)
    return show_moderated_book(book_id)


@api.route("get", "/admin/audit", headers=LINK)
def list_audit_entries(query: Paging) -> Reply[AuditPage]:
    """List what moderators did, newest first."""
    page = moderation().trail(query.after)
    items = [_entry(record) for record in page.items]
    return page_reply(AuditPage(items=items, next=next_address(page)))


def _entry(record: AuditRecord) -> AuditEntryView:
    by_person = record.actor_id is not None
    actor = {"id": record.actor_id, "name": record.actor} if by_person else None
    return AuditEntryView.model_validate({**vars(record), "actor": actor})
