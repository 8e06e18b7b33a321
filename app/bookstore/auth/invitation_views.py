"""The page of an invitation to moderate the shop."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from bookstore.auth.email_change import AnothersLink
from bookstore.auth.forms import NewModerator, NewPassword
from bookstore.auth.invitations import Invitations, Invitee
from bookstore.auth.links import LinkInvalid, limit_referrer
from bookstore.auth.sessions import begin_session
from bookstore.core.interfaces.auth import Account, current_account
from bookstore.core.services import service
from bookstore.core.web.forms import Form, Input
from bookstore.core.web.i18n import gettext, language
from bookstore.core.web.security import asks_again, read_form

blueprint = Blueprint("invitation", __name__, url_prefix="/auth/invitation")
blueprint.after_request(limit_referrer)


@blueprint.get("/<token>")
@blueprint.post("/<token>")
@asks_again
def accept(token: str) -> ResponseReturnValue:
    """Make a moderator of who has the link: of their session, or with a new password.

    :return: a redirect to the pages of moderators; or the page, with 422 when the form is
        refused, 403 in the session of another account and 400 when the link does not work.
    """
    try:
        invitee = service(Invitations).invitee(token)
        account = current_account()
        if account is not None and account.email != invitee.email:
            return _anothers()
        form = _form(invitee, account)
        data = read_form(form)
        if data is not None:
            _accept(token, data, account)
            flash(gettext("You are a moderator now."), "success")
            return redirect(url_for("moderation.accounts"), 303)
    except LinkInvalid:
        return render_template("auth/dead_link.html", again=None), 400
    except AnothersLink:
        return _anothers()
    page = render_template("auth/invitation.html", form=form, invitee=invitee, account=account)
    return page, form.status


def _anothers() -> ResponseReturnValue:
    return render_template("auth/anothers_link.html"), 403


def _form(invitee: Invitee, account: Account | None) -> Form[Input]:
    if account is not None:
        return Form(Input)
    return Form[Input](NewPassword if invitee.has_account else NewModerator)


def _accept(token: str, data: Input, account: Account | None) -> None:
    invitations = service(Invitations)
    if account is not None:
        invitations.accept(token, account)
    elif isinstance(data, NewPassword):
        name = data.name if isinstance(data, NewModerator) else ""
        opened, epoch = invitations.accept_with_password(token, data.password, name, language())
        begin_session(opened.id, epoch)
