"""The API of moderation: what moderators do to accounts on their pages, by the same verbs."""

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
    """Answer a moderator why nothing was done."""
    kind = type(refusal)
    return problem_response(Problem(409, str(REFUSALS[kind]), CODES[kind]))


for refusal in CODES:
    api.blueprint.register_error_handler(refusal, show_refusal)


class ModeratedAccountView(View):
    """An account, as moderators see it."""

    id: int
    name: str
    email: str
    is_moderator: bool = Field(description="Whether the account moderates the shop.")
    suspended_at: datetime | None = Field(
        description="Since when it is suspended; null for one that is not."
    )
    created_at: datetime


class ModeratedAccountPage(PageOf[ModeratedAccountView]):
    """A page of accounts."""


class AccountSummary(View):
    """Whose an account is."""

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
    actor: AccountSummary | None = Field(
        description="The moderator; null for what was done from the command line."
    )


class AuditPage(PageOf[AuditEntryView]):
    """A page of the audit trail."""


class AccountQuery(Paging):
    """Which accounts are listed."""

    email: Email | None = Field(None, description="Whose account alone is looked for.")


@api.route("get", "/admin/accounts", headers=LINK)
def list_accounts(query: AccountQuery) -> Reply[ModeratedAccountPage]:
    """List the accounts, newest first, or the one with an email address."""
    page = service(Moderation).accounts(query.email or "", query.after)
    items = [ModeratedAccountView.model_validate(account) for account in page.items]
    return page_reply(ModeratedAccountPage(items=items, next=next_address(page)))


@api.route("get", "/admin/accounts/<int:account_id>")
def show_moderated_account(account_id: int) -> ModeratedAccountView:
    """Show an account, and whether it is suspended.

    :raise NotFound: when there is none.
    """
    return ModeratedAccountView.model_validate(service(Moderation).account(account_id))


@api.route("post", "/admin/accounts/<int:account_id>/suspend", problems=(409,))
def suspend_account(account_id: int, body: Reason, account: Account) -> ModeratedAccountView:
    """Suspend an account: sessions and tokens end at once, and its books go off sale.

    :raise NotFound: when there is none.
    :raise NothingToDo: when it is suspended already.
    :raise OwnAccount: when it is the moderator's own.
    """
    service(Moderation).suspend(account.id, account_id, body.reason)
    return show_moderated_account(account_id)


@api.route("post", "/admin/accounts/<int:account_id>/restore", problems=(409,))
def restore_account(account_id: int, body: Reason, account: Account) -> ModeratedAccountView:
    """Lift a suspension: who has the account can log in, and its books are on sale again.

    :raise NotFound: when there is none.
    :raise NothingToDo: when it is not suspended.
    """
    service(Moderation).restore(account.id, account_id, body.reason)
    return show_moderated_account(account_id)


@api.route("get", "/admin/audit", headers=LINK)
def list_audit_entries(query: Paging) -> Reply[AuditPage]:
    """List what moderators did to accounts and to each other, newest first."""
    page = service(AuditTrail).page(query.after)
    items = [_entry(record) for record in page.items]
    return page_reply(AuditPage(items=items, next=next_address(page)))


def _entry(record: AuditRecord) -> AuditEntryView:
    by_moderator = record.actor_id is not None
    actor = {"id": record.actor_id, "name": record.actor} if by_moderator else None
    return AuditEntryView.model_validate({**vars(record), "actor": actor})
