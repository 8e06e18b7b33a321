"""The API of one's own account: what others see of it, and its password."""

from dataclasses import replace

from flask import request
from pydantic import Field

from bookstore.auth.api import TokenView, new_token, refused, too_many_attempts
from bookstore.auth.attempts import TooManyAttempts
from bookstore.auth.forms import PasswordChange, Profile
from bookstore.auth.labels import WRONG_PASSWORD
from bookstore.auth.service import LocalAuth, WrongCredentials
from bookstore.core.api.models import View
from bookstore.core.api.routes import Api
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service

api = Api("account")


class AccountView(View):
    """A person's own account."""

    id: int
    name: str
    email: str
    is_moderator: bool = Field(description="Whether the account moderates the shop.")
    language: str = Field(description="Of mails to the account: `es` or `en`.")


@api.route("get", "/account")
def show_account(account: Account) -> AccountView:
    """Show the account that the token is for."""
    return AccountView.model_validate(account)


@api.route("put", "/account")
def change_account(body: Profile, account: Account) -> AccountView:
    """Change what others see of the account, and the language of mails to it."""
    changed = body.model_dump(exclude_none=True)
    service(LocalAuth).change_profile(account.id, **changed)
    return AccountView.model_validate(replace(account, **changed))


@api.route("put", "/account/password", problems=(429,))
def change_password(body: PasswordChange, account: Account) -> TokenView:
    """Change the password; all tokens and sessions end and a new token goes on.

    :raise Problem: 422 when the old password is wrong, 429 after too many attempts.
    """
    try:
        epoch = service(LocalAuth).change_password(
            account.email, body.old_password, body.password, request.remote_addr or ""
        )
    except WrongCredentials:
        raise refused("old_password", str(WRONG_PASSWORD)) from None
    except TooManyAttempts:
        raise too_many_attempts() from None
    return new_token(account.id, epoch)
