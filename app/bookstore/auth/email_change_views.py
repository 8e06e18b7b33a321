"""Pages of a changed email address."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from bookstore.auth.account import account_page, profile_form
from bookstore.auth.attempts import HELD_UP, TooManyAttempts
from bookstore.auth.email_change import AnothersLink, EmailChange, SameEmail
from bookstore.auth.forms import EmailChangeInput
from bookstore.auth.labels import EMAIL_TAKEN_MEANWHILE, SAME_EMAIL, WRONG_PASSWORD
from bookstore.auth.links import LinkInvalid, limit_referrer
from bookstore.auth.service import EmailTaken, WrongCredentials
from bookstore.core.interfaces.auth import (
    SESSION_FIELD,
    current_account,
    login_required,
    require_account,
)
from bookstore.core.services import service
from bookstore.core.web.forms import Form, Input
from bookstore.core.web.i18n import gettext
from bookstore.core.web.security import asks_again, read_form

blueprint = Blueprint("email_change", __name__, url_prefix="/account/email")
blueprint.after_request(limit_referrer)


@blueprint.get("")
@blueprint.post("")
@asks_again
@login_required
def ask() -> ResponseReturnValue:
    """Send a link to the address that the person wants, and a notice to the one they have.

    :return: a redirect to the account with the same sentence for free and taken addresses; or
        the account's page, with 422 when the form is refused and 429 after too many attempts.
    """
    account = require_account()
    form = Form(EmailChangeInput)
    data = read_form(form)
    if data is not None:
        try:
            address = request.remote_addr or ""
            service(EmailChange).ask(account, data.email, data.password, address)
        except SameEmail:
            form.errors["email"] = str(SAME_EMAIL)
        except WrongCredentials:
            form.errors["password"] = str(WRONG_PASSWORD)
        except TooManyAttempts:
            form.fail(str(HELD_UP), 429)
        else:
            flash(
                gettext(
                    "A message with a link is on its way to %(email)s. Your address changes "
                    "once you confirm it there, within an hour.",
                    email=data.email,
                ),
                "success",
            )
            return redirect(url_for("account.profile"), 303)
    return account_page(profile_form(account), form), form.status


@blueprint.get("/<token>")
@blueprint.post("/<token>")
@asks_again
def confirm(token: str) -> ResponseReturnValue:
    """Change the address by the link from the mail, once its button is pressed.

    Not when it is opened, for programs open the links of mails too. A session of the account
    goes on; without one, nobody is logged in.

    :return: a redirect to the account or the login; or the page, with 400 when the link does
        not work, 403 when it is for another account, 409 when the address is taken by now and
        422 when the page had been open too long.
    """
    form: Form[Input] = Form(Input)
    asking = current_account()
    try:
        email = service(EmailChange).pending(token, asking)
        if read_form(form) is not None:
            account_id, epoch = service(EmailChange).confirm(token, asking)
            return _changed(account_id, epoch)
    except LinkInvalid:
        return render_template("auth/dead_link.html", again=url_for("account.profile")), 400
    except AnothersLink:
        return render_template("auth/anothers_link.html"), 403
    except EmailTaken:
        form.fail(str(EMAIL_TAKEN_MEANWHILE), 409)
    return render_template("auth/email.html", form=form, email=email), form.status


def _changed(account_id: int, epoch: int) -> ResponseReturnValue:
    if current_account() is None:
        flash(gettext("Your email address is changed. Log in with it."), "success")
        return redirect(url_for("auth.login"), 303)
    session[SESSION_FIELD] = [account_id, epoch]
    flash(gettext("Your email address is changed; other devices are logged out."), "success")
    return redirect(url_for("account.profile"), 303)
