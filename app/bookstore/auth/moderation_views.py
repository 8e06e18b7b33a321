"""Pages of moderators on accounts; for everybody else there is nothing at their addresses."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from bookstore.auth.audit import Action, AuditTrail
from bookstore.auth.forms import InvitationInput, Verdict
from bookstore.auth.invitations import Invitations
from bookstore.auth.labels import ACTIONS, DONE, NOT_INVITED, REFUSALS
from bookstore.auth.moderation import Moderation, NothingToDo, OwnAccount
from bookstore.auth.moderators import LastModerator, Moderators
from bookstore.core.interfaces.auth import moderator_required, require_account
from bookstore.core.services import service
from bookstore.core.web.forms import Form
from bookstore.core.web.i18n import gettext, language
from bookstore.core.web.security import asks_again, read_form

Verb = Callable[[int, int, str], None]

blueprint = Blueprint("moderation", __name__, url_prefix="/admin")


@blueprint.get("")
@moderator_required
def accounts() -> ResponseReturnValue:
    """Show the accounts, newest first, or the one with the email address that is looked for."""
    email = " ".join(request.args.get("email", "").lower().split())[:254]
    page = service(Moderation).accounts(email, request.args.get("after"))
    return render_template("auth/moderation/accounts.html", page=page, email=email)


@blueprint.get("/accounts/<id:account_id>")
@blueprint.post("/accounts/<id:account_id>")
@asks_again
@moderator_required
def account(account_id: int) -> ResponseReturnValue:
    """Show an account, and suspend it, lift its suspension, or demote a moderator.

    :return: the page, with 422 when the form is refused and 409 when there is nothing to do; or
        a redirect to it, or to the catalogue for who has demoted themselves.
    :raise NotFound: when there is no such account.
    """
    verbs: dict[str, Verb] = {
        Action.SUSPEND: service(Moderation).suspend,
        Action.RESTORE: service(Moderation).restore,
        Action.DEMOTE: service(Moderators).demote,
    }
    form = Form(Verdict)
    data = read_form(form)
    actor_id = require_account().id
    if data is not None:
        try:
            verbs[data.action](actor_id, account_id, data.reason)
        except (NothingToDo, OwnAccount, LastModerator) as refusal:
            form.fail(str(REFUSALS[type(refusal)]), 409)
        else:
            flash(str(DONE[data.action]), "success")
            has_left = data.action == "demote" and account_id == actor_id
            shown = url_for("moderation.account", account_id=account_id)
            return redirect(url_for("account.profile") if has_left else shown, 303)
    moderated = service(Moderation).account(account_id)
    page = render_template("auth/moderation/account.html", form=form, shown=moderated)
    return page, form.status


@blueprint.get("/moderators")
@blueprint.post("/moderators")
@asks_again
@moderator_required
def moderators() -> ResponseReturnValue:
    """Show who moderates and who is invited to, and invite somebody.

    :return: the page, with 422 when the form is refused and 409 when they moderate already; or a
        redirect to it.
    """
    form = Form(InvitationInput)
    data = read_form(form)
    invitations = service(Invitations)
    if data is not None:
        try:
            invitations.invite(require_account().id, data.email, data.reason, language())
        except NothingToDo:
            form.fail(str(NOT_INVITED), 409)
        else:
            flash(
                gettext(
                    "An invitation is on its way to %(email)s. Its link works for three days.",
                    email=data.email,
                ),
                "success",
            )
            return redirect(url_for("moderation.moderators"), 303)
    page = render_template(
        "auth/moderation/moderators.html",
        form=form,
        moderators=service(Moderators).all(),
        invitations=invitations.all(),
    )
    return page, form.status


@blueprint.post("/invitations/<id:invitation_id>/withdraw")
@moderator_required
def withdraw(invitation_id: int) -> ResponseReturnValue:
    """Take an invitation back.

    :return: a redirect to the moderators.
    :raise NotFound: when there is none, or it was accepted.
    """
    service(Invitations).withdraw(require_account().id, invitation_id)
    flash(gettext("The invitation is withdrawn; its link does not work any more."), "success")
    return redirect(url_for("moderation.moderators"), 303)


@blueprint.get("/audit")
@moderator_required
def audit() -> ResponseReturnValue:
    """Show what moderators did to accounts and to each other, newest first."""
    page = service(AuditTrail).page(request.args.get("after"))
    return render_template("auth/moderation/audit.html", page=page, actions=ACTIONS)
