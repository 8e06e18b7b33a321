"""The API of who moderates: list, invite, demote."""

from datetime import datetime

from pydantic import Field

from bookstore.auth.forms import InvitationInput, Reason
from bookstore.auth.invitations import Invitations
from bookstore.auth.moderation_api import (
    CODES,
    ModeratedAccountView,
    show_moderated_account,
    show_refusal,
)
from bookstore.auth.moderators import Moderators
from bookstore.core.api.models import View
from bookstore.core.api.routes import Api
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service
from bookstore.core.web.i18n import language

api = Api("moderators", moderates=True)
for refusal in CODES:
    api.blueprint.register_error_handler(refusal, show_refusal)


class ModeratorList(View):
    """The moderators, oldest first."""

    items: list[ModeratedAccountView]


class InvitationView(View):
    """An invitation that nobody has accepted."""

    id: int
    email: str
    invited_at: datetime
    actor: str | None = Field(
        description="The moderator's name; null for one from the command line."
    )


class InvitationList(View):
    """The invitations that are open, oldest first."""

    items: list[InvitationView]


@api.route("get", "/admin/moderators")
def list_moderators() -> ModeratorList:
    """List who moderates."""
    found = service(Moderators).all()
    return ModeratorList(items=[ModeratedAccountView.model_validate(account) for account in found])


@api.route("post", "/admin/accounts/<int:account_id>/demote", problems=(409,))
def demote_moderator(account_id: int, body: Reason, account: Account) -> ModeratedAccountView:
    """Make a moderator an account like any other.

    :raise NotFound: when there is no such account.
    :raise NothingToDo: when they do not moderate.
    :raise LastModerator: when nobody else could moderate then.
    """
    service(Moderators).demote(account.id, account_id, body.reason)
    return show_moderated_account(account_id)


@api.route("get", "/admin/invitations")
def list_invitations() -> InvitationList:
    """List who is invited to moderate."""
    found = service(Invitations).all()
    return InvitationList(items=[InvitationView.model_validate(each) for each in found])


@api.route("post", "/admin/invitations", status=202, problems=(409,))
def invite_moderator(body: InvitationInput, account: Account) -> None:
    """Invite whoever reads mail at an address to moderate; an earlier invitation is void.

    :raise NothingToDo: when they moderate already, or are suspended.
    """
    service(Invitations).invite(account.id, body.email, body.reason, language())


@api.route("delete", "/admin/invitations/<int:invitation_id>", status=204)
def withdraw_invitation(invitation_id: int, account: Account) -> None:
    """Take an invitation back; its link is void.

    :raise NotFound: when there is none, or it was accepted.
    """
    service(Invitations).withdraw(account.id, invitation_id)
