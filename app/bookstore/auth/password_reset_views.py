"""Pages of the password reset."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from bookstore.auth.attempts import HELD_UP, TooManyAttempts
from bookstore.auth.forms import NewPassword, ResetRequest
from bookstore.auth.links import LinkInvalid, limit_referrer
from bookstore.auth.password_reset import PasswordReset
from bookstore.core.interfaces.auth import SESSION_FIELD
from bookstore.core.services import service
from bookstore.core.web.forms import Form
from bookstore.core.web.i18n import gettext
from bookstore.core.web.security import asks_again, read_form

blueprint = Blueprint("password_reset", __name__, url_prefix="/auth/reset")
blueprint.after_request(limit_referrer)


@blueprint.get("")
@blueprint.post("")
@asks_again
def ask() -> ResponseReturnValue:
    """Send a link to a person who forgot their password.

    :return: a redirect with the same sentence for known and unknown people; or the form, with
        422 when it is refused and 429 after too many attempts.
    """
    form = Form(ResetRequest)
    data = read_form(form)
    if data is not None:
        try:
            service(PasswordReset).ask(data.email, request.remote_addr or "")
        except TooManyAttempts:
            form.fail(str(HELD_UP), 429)
        else:
            flash(
                gettext(
                    "If this address has an account, a message with a link is on its way. "
                    "The link works for an hour."
                ),
                "success",
            )
            return redirect(url_for("auth.login"), 303)
    return render_template("auth/forgotten.html", form=form), form.status


@blueprint.get("/<token>")
@blueprint.post("/<token>")
@asks_again
def reset(token: str) -> ResponseReturnValue:
    """Set a new password by the link from the mail.

    :return: a redirect to the login; or the form, with 422 when it is refused and 400 when the
        link does not work.
    """
    form = Form(NewPassword)
    try:
        email = service(PasswordReset).holder(token)
        data = read_form(form)
        if data is not None:
            service(PasswordReset).reset(token, data.password)
            # What a guest has put into their cart stays.
            session.pop(SESSION_FIELD, None)
            flash(gettext("Your password is changed. Log in with it."), "success")
            return redirect(url_for("auth.login"), 303)
    except LinkInvalid:
        return render_template("auth/dead_link.html", again=url_for("password_reset.ask")), 400
    return render_template("auth/reset.html", form=form, email=email), form.status
