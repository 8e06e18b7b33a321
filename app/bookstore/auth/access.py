"""Access tokens, where auth is a service of its own: readers carry to the others who they are."""

from typing import cast

from flask import Flask, Response, request, session

from bookstore.auth.service import LocalAuth
from bookstore.core.api.scope import in_api
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.identity import access as tokens
from bookstore.core.interfaces.auth import SESSION_FIELD
from bookstore.core.rpc.tokens import TokenRefused, Verifier
from bookstore.core.services import service
from bookstore.core.web.pagecache import is_anonymous
from bookstore.core.web.security import SAFE_METHODS


def hand_out(app: Flask, verifier: Verifier) -> None:
    """Give who is logged in a token, a new one after each change, and take it from who is not.

    :param verifier: knows auth's own keys.
    """

    @app.after_request
    def keep(response: Response) -> Response:
        if in_api():
            return response
        held = None if is_anonymous() and not session.modified else session.get(SESSION_FIELD)
        text = request.cookies.get(tokens.COOKIE)
        if not isinstance(held, list) or len(held) != 2:
            if text is not None:
                response.delete_cookie(tokens.COOKIE)
        elif request.method not in SAFE_METHODS or not _is_good(verifier, text, held):
            signed = service(LocalAuth).session_token(*held)
            if signed is not None:
                tokens.set_cookie(response, tokens.read(verifier, signed))
        return response


def _is_good(verifier: Verifier, text: str | None, held: list[int]) -> bool:
    try:
        access = tokens.read(verifier, text or "")
    except (TokenRefused, ServiceUnavailable):
        return False
    return access.is_of(*cast("tuple[int, int]", tuple(held))) and access.is_fresh
