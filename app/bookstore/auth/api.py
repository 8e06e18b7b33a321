"""The API of ways in: registrations, tokens and password resets."""

from datetime import datetime
from typing import Literal

from flask import request
from pydantic import Field

from bookstore.auth.applicants import applicant_of
from bookstore.auth.attempts import HELD_UP, TooManyAttempts
from bookstore.auth.forms import (
    Confirmation,
    Credentials,
    PasswordResetInput,
    Registration,
    ResetRequest,
)
from bookstore.auth.labels import (
    EMAIL_TAKEN,
    LINK_INVALID,
    SUSPENDED,
    WRONG_CREDENTIALS,
    WRONG_PASSWORD,
)
from bookstore.auth.links import LinkInvalid
from bookstore.auth.password_reset import PasswordReset
from bookstore.auth.registration import Registrations
from bookstore.auth.service import EmailTaken, LocalAuth, Suspended, WrongCredentials
from bookstore.core.api.models import View
from bookstore.core.api.problems import FieldProblem, Problem
from bookstore.core.api.routes import Api, unprocessable
from bookstore.core.api.tokens import CHALLENGE, TOKEN_LIFETIME, issue_token
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service

api = Api("auth")


class TokenView(View):
    """A token, as OAuth 2.0 names its parts (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, not one
    expires_in: int = Field(description="Seconds.")
    expires_at: datetime


@api.route("post", "/registrations", status=202, problems=(409, 429))
def register(body: Registration) -> None:
    """Ask for an account.

    Where the shop sends mail, whoever reads the address gets a link that opens the account, or
    word that it has one; the answer does not tell which. Where it sends none, the account is open
    at once.

    :raise Problem: 409 ``email-taken`` when the address has an account, where the shop sends no
        mail; 429 after too many attempts.
    """
    registrations, applicant = service(Registrations), applicant_of(body)
    try:
        if registrations.confirms:
            registrations.ask(applicant)
        else:
            registrations.open(applicant)
    except EmailTaken:
        raise _email_taken("email") from None
    except TooManyAttempts:
        raise too_many_attempts() from None


@api.route("put", "/registrations", problems=(409, 429))
def confirm_registration(body: Confirmation) -> TokenView:
    """Open an account by the token at the end of the link in the mail, and log it in.

    :raise Problem: 422 when the token does not work or the password is not the registration's,
        409 ``email-taken`` when the address has got an account meanwhile, 429 after too many
        attempts.
    """
    try:
        account, epoch = service(Registrations).confirm(body.token, body.password, _address())
    except LinkInvalid:
        raise refused("token", str(LINK_INVALID)) from None
    except WrongCredentials:
        raise refused("password", str(WRONG_PASSWORD)) from None
    except EmailTaken:
        raise _email_taken("token") from None
    except TooManyAttempts:
        raise too_many_attempts() from None
    return new_token(account.id, epoch)


@api.route("post", "/tokens", status=201, problems=(401, 403, 429))
def log_in(body: Credentials) -> TokenView:
    """Log in and get a token for further requests.

    :raise Problem: 401 on wrong credentials, 403 ``suspended`` to who is, 429 after too many
        attempts.
    """
    try:
        account, epoch = service(LocalAuth).authenticate(body.email, body.password, _address())
    except WrongCredentials:
        told = str(WRONG_CREDENTIALS)
        headers = {"WWW-Authenticate": CHALLENGE}
        raise Problem(401, told, "wrong-credentials", headers=headers) from None
    except Suspended:
        told = str(SUSPENDED)
        raise Problem(403, told, "suspended") from None
    except TooManyAttempts:
        raise too_many_attempts() from None
    return new_token(account.id, epoch)


@api.route("delete", "/tokens", status=204)
def log_out_everywhere(account: Account) -> None:
    """End all tokens and sessions of the account, this token too."""
    service(LocalAuth).end_sessions(account.id)


@api.route("post", "/password-resets", status=202, problems=(429,))
def ask_for_password_reset(body: ResetRequest) -> None:
    """Send a link to a person who forgot their password; the answer does not tell who is known.

    :raise Problem: 429 after too many attempts.
    """
    try:
        service(PasswordReset).ask(body.email, _address())
    except TooManyAttempts:
        raise too_many_attempts() from None


@api.route("put", "/password-resets", status=204)
def reset_password(body: PasswordResetInput) -> None:
    """Set a new password by the token at the end of the link in the mail; then log in with it.

    :raise Problem: 422 when the token does not work.
    """
    try:
        service(PasswordReset).reset(body.token, body.password)
    except LinkInvalid:
        raise refused("token", str(LINK_INVALID)) from None


def too_many_attempts() -> Problem:
    """Return the refusal of one attempt too many."""
    return Problem(429, str(HELD_UP))


def new_token(account_id: int, epoch: int) -> TokenView:
    """Return a token for the account's sessions from now on."""
    token = issue_token(account_id, epoch)
    return TokenView(
        access_token=token.text,
        expires_in=int(TOKEN_LIFETIME.total_seconds()),
        expires_at=token.expires_at,
    )


def _email_taken(field: str) -> Problem:
    told = str(EMAIL_TAKEN)
    errors = [FieldProblem(field=field, message=told)]
    return Problem(409, told, "email-taken", errors=errors)


def refused(field: str, told: str) -> Problem:
    """Return the refusal of what was sent in a field."""
    return unprocessable([FieldProblem(field=field, message=told)])


def _address() -> str:
    return request.remote_addr or ""
