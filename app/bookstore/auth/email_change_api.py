"""The API of a changed email address."""

from flask import request

from bookstore.auth.api import TokenView, new_token, too_many_attempts
from bookstore.auth.attempts import TooManyAttempts
from bookstore.auth.email_change import AnothersLink, EmailChange, SameEmail
from bookstore.auth.forms import EmailChangeInput, EmailConfirmation
from bookstore.auth.labels import EMAIL_TAKEN_MEANWHILE, LINK_INVALID, SAME_EMAIL, WRONG_PASSWORD
from bookstore.auth.links import LinkInvalid
from bookstore.auth.service import EmailTaken, WrongCredentials
from bookstore.core.api.problems import FieldProblem, Problem
from bookstore.core.api.routes import Api, unprocessable
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service
from bookstore.core.web.i18n import gettext

api = Api("email_change")


@api.route("post", "/account/email-changes", status=202, problems=(429,))
def ask_for_email_change(body: EmailChangeInput, account: Account) -> None:
    """Send a link to the new address and a notice to the old one.

    The answer does not tell whether the address is taken.

    :raise Problem: 422 when the password is wrong or the address is the account's, 429 after too
        many attempts.
    """
    try:
        address = request.remote_addr or ""
        service(EmailChange).ask(account, body.email, body.password, address)
    except SameEmail:
        raise _refused("email", str(SAME_EMAIL)) from None
    except WrongCredentials:
        raise _refused("password", str(WRONG_PASSWORD)) from None
    except TooManyAttempts:
        raise too_many_attempts() from None


@api.route("put", "/account/email-changes", problems=(409,))
def confirm_email_change(body: EmailConfirmation, account: Account) -> TokenView:
    """Change the address by the token at the end of the link in the mail.

    All tokens and sessions end and a new token goes on.

    :raise Problem: 422 when the token does not work or is for another account, 409
        ``email-taken`` when the address has got an account meanwhile.
    """
    try:
        return new_token(*service(EmailChange).confirm(body.token, account))
    except LinkInvalid:
        raise _refused("token", str(LINK_INVALID)) from None
    except AnothersLink:
        raise _refused("token", gettext("This link is for another account.")) from None
    except EmailTaken:
        told = str(EMAIL_TAKEN_MEANWHILE)
        errors = [FieldProblem(field="token", message=told)]
        raise Problem(409, told, "email-taken", errors=errors) from None


def _refused(field: str, told: str) -> Problem:
    return unprocessable([FieldProblem(field=field, message=told)])
