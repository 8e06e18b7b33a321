"""Who is logged in, known without asking auth: by the token that it signed of their session.

A token past half its life is renewed by a call in passing. Where auth does not answer, the old one
goes on until it ends.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import cast

from flask import Flask, Response, g, has_request_context, request

from bookstore.core.api.scope import in_api
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.identity import access as tokens
from bookstore.core.identity.access import Access
from bookstore.core.identity.revocations import Belief
from bookstore.core.interfaces.auth import Account, AuthService, ShippingAddress
from bookstore.core.rpc import deadline
from bookstore.core.rpc.tokens import TokenRefused, Verifier

# A page waits no longer for what it can do without.
RENEWAL_SECONDS = 1.0
MOST_REMEMBERED = 4096


class KnownSessions:
    """What a service asks of accounts; see ``AuthService``. Sessions it mostly knows by itself.

    :param auth: a client of auth.
    :param verifier: knows auth's keys.
    :param belief: tells which tokens of an account are believed.
    """

    def __init__(
        self, auth: AuthService, verifier: Verifier, belief: Callable[[int], Belief]
    ) -> None:
        self._auth = auth
        self._verifier = verifier
        self._belief = belief
        # For programs, which have no cookie, and for readers whose cookie is about to come.
        self._remembered: OrderedDict[tuple[int, int], Access] = OrderedDict()
        self._lock = threading.Lock()

    def resolve(self, account_id: int, epoch: int) -> Account | None:
        """Return the account of a session, or None when it was revoked or they are suspended.

        :raise ServiceUnavailable: when there is no token that holds, and auth does not answer.
        """
        known = self._known(account_id, epoch)
        if known is None or not known.is_fresh:
            try:
                known = self._renewed(account_id, epoch)
            except ServiceUnavailable:
                if known is None:
                    raise
        if known is None:
            return None
        if has_request_context():
            g.access = known
        return known.account

    def session_token(self, account_id: int, epoch: int) -> str | None:
        """Return a new token of a session, or None when it was revoked."""
        return self._auth.session_token(account_id, epoch)

    def account(self, account_id: int) -> Account | None:
        """Return an account, as for a mail to it, or None when there is none."""
        return self._auth.account(account_id)

    def addresses(self, account_id: int) -> Sequence[ShippingAddress]:
        """Return an account's shipping addresses, the default first; none is an empty list."""
        return self._auth.addresses(account_id)

    def _known(self, account_id: int, epoch: int) -> Access | None:
        belief: Belief | None = None
        old = None
        for access in self._candidates(account_id, epoch):
            if belief is None:
                belief = self._belief(account_id)
            if access.has_ended or not belief.admits(access.version, access.issued_at):
                continue
            if access.is_fresh:
                return access
            old = old or access
        return old

    def _candidates(self, account_id: int, epoch: int) -> Iterator[Access]:
        remembered = self._remembered.get((account_id, epoch))
        text = _cookie()
        if text is not None and (remembered is None or remembered.text != text):
            access = self._read(text)
            if access is not None and access.is_of(account_id, epoch):
                yield access
        if remembered is not None:
            yield remembered

    def _read(self, text: str) -> Access | None:
        try:
            return tokens.read(self._verifier, text)
        except (TokenRefused, ServiceUnavailable):
            # Auth is asked for another, and says so if it does not answer.
            return None

    def _renewed(self, account_id: int, epoch: int) -> Access | None:
        with deadline.until(deadline.within(RENEWAL_SECONDS)):
            text = self._auth.session_token(account_id, epoch)
        if text is None:
            with self._lock:
                self._remembered.pop((account_id, epoch), None)
            return None
        try:
            access = tokens.read(self._verifier, text)
        except TokenRefused as refused:
            raise ServiceUnavailable(tokens.ISSUER, f"its token is refused: {refused}") from None
        with self._lock:
            self._remembered[account_id, epoch] = access
            self._remembered.move_to_end((account_id, epoch))
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return access


def _cookie() -> str | None:
    # The API reads none.
    return request.cookies.get(tokens.COOKIE) if has_request_context() and not in_api() else None


def keep_cookie(app: Flask) -> None:
    """Give readers the token that they were known by, where their browser has another or none."""

    @app.after_request
    def keep(response: Response) -> Response:
        access = cast("Access | None", g.get("access"))
        if access is not None and not in_api() and _cookie() != access.text:
            tokens.set_cookie(response, access)
        return response
