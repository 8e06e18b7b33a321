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
    moderation,
)
from bookstore.core.api.models import LINK, PageOf, Paging, Reply, View, next_address, page_reply
from bookstore.core.api.problems import Problem, problem_response
from bookstore.core.api.routes import Api
from bookstore.core.interfaces.auth import Account

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


class AuditEntryView(View):
    """Show what a moderator did to whom, and why."""

    id: int
    action: Action
    target_id: int
    target_name: str = Field(description="The email address, as it was at the moment.")
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
    """Suspend a person: sessions and tokens end at once, and their books go off sale.

    :raise NotFound: when there is none.
    :raise NothingToDo: when they are suspended already.
    :raise OwnAccount: when it is the moderator's own.
    """
    moderation().suspend(account.id, account_id, body.reason)
    return show_person(account_id)


@api.route("post", "/admin/people/<int:account_id>/restore", problems=(409,))
def restore_person(account_id: int, body: Reason, account: Account) -> PersonView:
    """Lift a suspension: the person can log in, and their books are on sale again.

    :raise NotFound: when there is none.
    :raise NothingToDo: when they are not suspended.
    """
    moderation().restore(account.id, account_id, body.reason)
    return show_person(account_id)


@api.route("get", "/admin/audit", headers=LINK)
def list_audit_entries(query: Paging) -> Reply[AuditPage]:
    """List what moderators did to people, newest first."""
    page = moderation().trail(query.after)
    items = [_entry(record) for record in page.items]
    return page_reply(AuditPage(items=items, next=next_address(page)))


def _entry(record: AuditRecord) -> AuditEntryView:
    by_person = record.actor_id is not None
    actor = {"id": record.actor_id, "name": record.actor} if by_person else None
    return AuditEntryView.model_validate({**vars(record), "actor": actor})
