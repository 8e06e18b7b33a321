"""What other domains may ask of accounts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, Protocol, cast

from flask import abort, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from bookstore.core.errors import ServiceUnavailable
from bookstore.core.services import service
from bookstore.core.web.i18n import DEFAULT_LANGUAGE, gettext
from bookstore.core.web.pagecache import is_anonymous

P = ParamSpec("P")

SESSION_FIELD = "account"


@dataclass(frozen=True)
class Account:
    """What other domains know of an account.

    :ivar language: of mails to it.
    :ivar time_zone: a name of the tz database; None for the shop's own.
    """

    id: int
    name: str
    email: str
    is_moderator: bool = False
    language: str = DEFAULT_LANGUAGE
    time_zone: str | None = None


@dataclass(frozen=True)
class ShippingAddress:
    """Where a person has orders sent; what they left out is an empty text.

    ``line2``, ``region``, ``postal_code`` and ``phone`` may be left out.
    """

    id: int
    recipient: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str
    is_default: bool


class AuthService(Protocol):
    """What other domains ask of accounts; here ``LocalAuth``, elsewhere a client."""

    def resolve(self, account_id: int, epoch: int) -> Account | None:
        """Return the account of a session, or None when it was revoked or they are suspended."""

    def session_token(self, account_id: int, epoch: int) -> str | None:
        """Return a token that says for some minutes whose a session is, or None as ``resolve``.

        Auth signs it only where it is a service of its own.
        """

    def account(self, account_id: int) -> Account | None:
        """Return an account, as for a mail to it, or None when there is none."""

    def addresses(self, account_id: int) -> Sequence[ShippingAddress]:
        """Return an account's shipping addresses, the default first; none is an empty list."""


def auth_service() -> AuthService:
    """Return the implementation that this app was made with."""
    return service(AuthService)


def current_account() -> Account | None:
    """Return who is logged in, asking once a request, and nothing without a session cookie.

    Nobody, also, while accounts are another service's that does not answer; then what is for
    people who are logged in is not shown, see ``login_required``.
    """
    if "account" not in g:
        g.account = None if is_anonymous() else _account_of_session()
    return cast("Account | None", g.account)


def _account_of_session() -> Account | None:
    held = session.get(SESSION_FIELD)
    if not isinstance(held, list) or len(held) != 2:
        return None
    try:
        account = auth_service().resolve(*held)
    except ServiceUnavailable as away:
        g.auth_away = away
        return None
    if account is None:
        session.pop(SESSION_FIELD)
    return account


def _known_account() -> Account | None:
    account = current_account()
    if account is None and "auth_away" in g:
        raise g.auth_away
    return account


def require_account() -> Account:
    """Return who is logged in, in a view that ``login_required`` guards."""
    account = current_account()
    if account is None:
        raise RuntimeError("require_account was called in a view without login_required")
    return account


def login_required(
    view: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Let only people in who are logged in; others log in first and then come back.

    :raise ServiceUnavailable: while nobody can tell who is.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if _known_account() is not None:
            return view(*args, **kwargs)
        flash(gettext("Log in to go on."), "info")
        target = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("auth.login", next=target), 303)

    return guarded


def moderator_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let moderators in alone; others are told nothing of what is here."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        account = _known_account()
        if account is None or not account.is_moderator:
            abort(404)
        return view(*args, **kwargs)

    return guarded
