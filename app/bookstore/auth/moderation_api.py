"""The API of moderation: what moderators do to people on their pages, by the same verbs."""

from datetime import datetime

from flask import Response
from pydantic import Field

from bookstore.auth.audit import Action, AuditRecord, AuditTrail
from bookstore.auth.forms import Email, Reason
from bookstore.auth.labels import REFUSALS
from bookstore.auth.moderation import Moderation, NothingToDo, OwnAccount
from bookstore.auth.moderators import LastModerator
from bookstore.core.api.models import LINK, PageOf, Paging, Reply, View, next_address, page_reply
from bookstore.core.api.problems import Problem, problem_response
from bookstore.core.api.routes import Api
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service

api = Api("moderation", moderates=True)

CODES: dict[type[Exception], str] = {
    NothingToDo: "nothing-to-do",
    OwnAccount: "own-account",
    LastModerator: "last-moderator",
}


def show_refusal(refusal: Exception) -> Response:
    """Tell a moderator why nothing was done."""
    kind = type(refusal)
    return problem_response(Problem(409, str(REFUSALS[kind]), CODES[kind]))


for refusal in CODES:
    api.blueprint.register_error_handler(refusal, show_refusal)


class PersonView(View):
    """A person, as moderators see them."""

    id: int
    name: str
    email: str
    is_moderator: bool = Field(description="Whether the account moderates the shop.")
    suspended_at: datetime | None = Field(
        description="Since when they are kept out; null for who is not suspended."
    )
    created_at: datetime


class PersonPage(PageOf[PersonView]):
    """A page of people."""


class PersonSummary(View):
    """Who a person is."""

    id: int
    name: str | None


class AuditEntryView(View):
    """What a moderator did to whom, and why."""

    id: int
    action: Action
    target_id: int | None = Field(description="The account; null for who was invited and had none.")
    target_name: str = Field(description="An email address, as it was at the moment.")
    reason: str | None = Field(
        description="What the moderator typed; null where nobody is asked for a reason."
    )
    done_at: datetime
    actor: PersonSummary | None = Field(
        description="The moderator; null for what was done from the command line."
    )


class AuditPage(PageOf[AuditEntryView]):
    """A page of the audit trail."""


class PersonQuery(Paging):
    """Which people are listed."""

    email: Email | None = Field(None, description="Whose account alone is looked for.")


@api.route("get", "/admin/people", headers=LINK)
def list_people(query: PersonQuery) -> Reply[PersonPage]:
    """List the accounts, newest first, or the one with an email address."""
    page = service(Moderation).people(query.email or "", query.after)
    items = [PersonView.model_validate(person) for person in page.items]
    return page_reply(PersonPage(items=items, next=next_address(page)))


@api.route("get", "/admin/people/<int:account_id>")
def show_person(account_id: int) -> PersonView:
    """Show a person, and whether they are suspended.

    :raise NotFound: when there is none.
    """
    return PersonView.model_validate(service(Moderation).person(account_id))


@api.route("post", "/admin/people/<int:account_id>/suspend", problems=(409,))
def suspend_person(account_id: int, body: Reason, account: Account) -> PersonView:
    """Suspend a person: sessions and tokens end at once, and their books go off sale.

    :raise NotFound: when there is none.
    :raise NothingToDo: when they are suspended already.
    :raise OwnAccount: when it is the moderator's own.
    """
    service(Moderation).suspend(account.id, account_id, body.reason)
    return show_person(account_id)


@api.route("post", "/admin/people/<int:account_id>/restore", problems=(409,))
def restore_person(account_id: int, body: Reason, account: Account) -> PersonView:
    """Lift a suspension: the person can log in, and their books are on sale again.

    :raise NotFound: when there is none.
    :raise NothingToDo: when they are not suspended.
    """
    service(Moderation).restore(account.id, account_id, body.reason)
    return show_person(account_id)


@api.route("get", "/admin/audit", headers=LINK)
def list_audit_entries(query: Paging) -> Reply[AuditPage]:
    """List what moderators did to people and to each other, newest first."""
    page = service(AuditTrail).page(query.after)
    items = [_entry(record) for record in page.items]
    return page_reply(AuditPage(items=items, next=next_address(page)))


def _entry(record: AuditRecord) -> AuditEntryView:
    by_person = record.actor_id is not None
    actor = {"id": record.actor_id, "name": record.actor} if by_person else None
    return AuditEntryView.model_validate({**vars(record), "actor": actor})
