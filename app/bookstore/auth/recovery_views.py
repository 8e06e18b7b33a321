"""Pages of a forgotten password."""

from flask import Blueprint, flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from bookstore.auth.attempts import HELD_UP, TooManyAttempts
from bookstore.auth.forms import NewPassword, ResetRequest
from bookstore.auth.links import LinkInvalid, limit_referrer
from bookstore.auth.recovery import recovery
from bookstore.auth.recovery_mail import send_link
from bookstore.core.forms import Form
from bookstore.core.i18n import gettext
from bookstore.core.security import asks_again, read_form

blueprint = Blueprint("recovery", __name__, url_prefix="/auth/reset")
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
            send_link(data.email)
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
        email = recovery().holder(token)
        data = read_form(form)
        if data is not None:
            recovery().reset(token, data.password)
            session.clear()
            flash(gettext("Your password is changed. Log in with it."), "success")
            return redirect(url_for("auth.login"), 303)
    except LinkInvalid:
        return render_template("auth/dead_link.html", again=url_for("recovery.ask")), 400
    return render_template("auth/reset.html", form=form, email=email), form.status
