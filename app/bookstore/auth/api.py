"""The API of accounts: tokens, one's own account, its password and its shipping addresses."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from flask import request, url_for
from pydantic import Field

from bookstore.auth.addresses import TooManyAddresses
from bookstore.auth.applicants import applicant_of
from bookstore.auth.attempts import HELD_UP, TooManyAttempts
from bookstore.auth.forms import (
    AddressInput,
    Confirmation,
    Credentials,
    PasswordChange,
    PasswordResetInput,
    Profile,
    Registration,
    ResetRequest,
)
from bookstore.auth.labels import (
    EMAIL_TAKEN,
    LINK_INVALID,
    SUSPENDED,
    WRONG_CREDENTIALS,
    WRONG_PASSWORD,
    too_many_addresses,
)
from bookstore.auth.links import LinkInvalid
from bookstore.auth.password_reset import PasswordReset
from bookstore.auth.registration import Registrations
from bookstore.auth.service import EmailTaken, Suspended, WrongCredentials, local_auth
from bookstore.core.api.models import Reply, View
from bookstore.core.api.problems import FieldProblem, Problem
from bookstore.core.api.routes import Api, unprocessable
from bookstore.core.api.tokens import CHALLENGE, TOKEN_LIFETIME, issue_token
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service

api = Api("auth")

LOCATION = {"Location": "What was made."}


class AccountView(View):
    """A person's own account."""

    id: int
    name: str
    email: str
    is_moderator: bool = Field(description="Whether the account moderates the shop.")
    language: str = Field(description="Of mails to the account: `es` or `en`.")


class TokenView(View):
    """A token, as OAuth 2.0 names its parts (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, not one
    expires_in: int = Field(description="Seconds.")
    expires_at: datetime


class AddressView(View):
    """One of a person's own shipping addresses; what was left out is an empty text."""

    id: int
    recipient: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str
    is_default: bool = Field(description="Whether a checkout begins with it.")


class AddressList(View):
    """A person's own shipping addresses, the default first."""

    items: list[AddressView]


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
        raise _refused("token", str(LINK_INVALID)) from None
    except WrongCredentials:
        raise _refused("password", str(WRONG_PASSWORD)) from None
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
        account, epoch = local_auth().authenticate(body.email, body.password, _address())
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
    local_auth().end_sessions(account.id)


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
        raise _refused("token", str(LINK_INVALID)) from None


@api.route("get", "/account")
def show_account(account: Account) -> AccountView:
    """Show the account that the token is for."""
    return AccountView.model_validate(account)


@api.route("put", "/account")
def change_account(body: Profile, account: Account) -> AccountView:
    """Change what others see of the account, and the language of mails to it."""
    changed = body.model_dump(exclude_none=True)
    local_auth().change_profile(account.id, **changed)
    return AccountView.model_validate(replace(account, **changed))


@api.route("put", "/account/password", problems=(429,))
def change_password(body: PasswordChange, account: Account) -> TokenView:
    """Change the password; all tokens and sessions end and a new token goes on.

    :raise Problem: 422 when the old password is wrong, 429 after too many attempts.
    """
    try:
        epoch = local_auth().change_password(
            account.email, body.old_password, body.password, _address()
        )
    except WrongCredentials:
        raise _refused("old_password", str(WRONG_PASSWORD)) from None
    except TooManyAttempts:
        raise too_many_attempts() from None
    return new_token(account.id, epoch)


@api.route("get", "/account/addresses")
def list_addresses(account: Account) -> AddressList:
    """List the account's shipping addresses, the default first."""
    shown = local_auth().addresses(account.id)
    return AddressList(items=[AddressView.model_validate(address) for address in shown])


@api.route("post", "/account/addresses", status=201, problems=(409,), headers=LOCATION)
def add_address(body: AddressInput, account: Account) -> Reply[AddressView]:
    """Keep a shipping address; the first one becomes the default.

    :raise Problem: 409 ``too-many-addresses`` when no more can be kept.
    """
    try:
        address_id = local_auth().address_book.add(account.id, body)
    except TooManyAddresses:
        told = too_many_addresses()
        raise Problem(409, told, "too-many-addresses") from None
    location = url_for("auth_api.show_address", address_id=address_id)
    return Reply(show_address(address_id, account), {"Location": location})


@api.route("get", "/account/addresses/<int:address_id>")
def show_address(address_id: int, account: Account) -> AddressView:
    """Show one of the account's shipping addresses.

    :raise NotFound: when there is none or it is another's.
    """
    return AddressView.model_validate(local_auth().address_book.get(account.id, address_id))


@api.route("put", "/account/addresses/<int:address_id>")
def change_address(address_id: int, body: AddressInput, account: Account) -> AddressView:
    """Change one of the account's shipping addresses; orders keep the one of their moment.

    :raise NotFound: when there is none or it is another's.
    """
    local_auth().address_book.change(account.id, address_id, body)
    return show_address(address_id, account)


@api.route("delete", "/account/addresses/<int:address_id>", status=204)
def remove_address(address_id: int, account: Account) -> None:
    """Forget one of the account's shipping addresses.

    :raise NotFound: when there is none or it is another's.
    """
    local_auth().address_book.remove(account.id, address_id)


@api.route("post", "/account/addresses/<int:address_id>/default")
def make_default(address_id: int, account: Account) -> AddressView:
    """Make one of the account's addresses the one that a checkout begins with.

    :raise NotFound: when there is none or it is another's.
    """
    local_auth().address_book.make_default(account.id, address_id)
    return show_address(address_id, account)


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


def _refused(field: str, told: str) -> Problem:
    return unprocessable([FieldProblem(field=field, message=told)])


def _address() -> str:
    return request.remote_addr or ""
