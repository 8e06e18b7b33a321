"""Public pages: what looks the same to every reader who is not logged in, so that it may be shared.

A view tells of its page what it asks of the database and how the answer is drawn. Caches may keep
the page, the shop's own one above all (``pagecache``).
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import NamedTuple

from flask import make_response, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

SHARED_SECONDS = 5
SESSION_COOKIE = "session"
# Where what a view rendered waits for the cache, and what the cache has asked already for the view.
RENDERED, ASKED = "bookstore.rendered", "bookstore.asked"

Facts = Mapping[str, object]


def is_anonymous() -> bool:
    """Tell whether the request carries no session, so that its page is the same for all."""
    return SESSION_COOKIE not in request.cookies


def asked(names: Iterable[str], typed: MultiDict[str, str]) -> dict[str, str]:
    """Return what a query asks by these names, in their order, trimmed, without blanks."""
    given = {name: typed[name].strip() for name in names if name in typed}
    return {name: text for name, text in given.items() if text}


@dataclass(frozen=True)
class PublicPage:
    """Make a public page: by a question to the database, and by drawing its answer.

    :ivar ask: what gives the facts, of which equal ones make equal pages. It may be called again
        outside of a request, in any thread.
    :ivar draw: what makes the page of them, as HTML. To a reader without a session it shows
        nothing else, in the reader's language; to others it may show what is theirs.
    """

    ask: Callable[[], Facts]
    draw: Callable[..., str]


class Rendered(NamedTuple):
    """Hold what was drawn: the page, the facts that its question gave, and the view's endpoint."""

    page: PublicPage
    facts: Facts
    endpoint: str | None


View = Callable[..., PublicPage | ResponseReturnValue]


def public_page(view: View) -> Callable[..., ResponseReturnValue]:
    """Let caches share a page among readers without a session; others get it fresh and uncached.

    The page is validated by a hash of its content (RFC 9110, 8.8.3). It may depend on the
    language, on there being no session cookie, and on those parameters of the query that the
    cache was installed with. What a view returns that is no ``PublicPage`` is not shared.
    """

    @wraps(view)
    def shared(**arguments: object) -> ResponseReturnValue:
        returned = view(**arguments)
        if not isinstance(returned, PublicPage):
            return returned
        facts = _facts(returned)
        text = returned.draw(**facts)
        if not is_anonymous() or "lang" in request.args:
            return text
        page = make_response(text)
        page.set_etag(hashlib.sha256(text.encode()).hexdigest()[:32])
        page.headers["Cache-Control"] = f"public, max-age=0, s-maxage={SHARED_SECONDS}"
        page.headers["Vary"] = "Accept-Language, Cookie"
        request.environ[RENDERED] = Rendered(returned, facts, request.endpoint)
        return page

    return shared


def _facts(page: PublicPage) -> Facts:
    asked_already: Facts | Exception | None = request.environ.get(ASKED)
    if isinstance(asked_already, Exception):
        raise asked_already
    return page.ask() if asked_already is None else asked_already
