"""Short shared caching of pages that look the same to every reader who is not logged in."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from urllib.parse import urlencode

from flask import Response, current_app, make_response, request
from flask.typing import ResponseReturnValue

from bookstore.core.i18n import language

SHARED_SECONDS = 5
LARGEST_CACHE = 256

View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True)
class CachedPage:
    """Hold a rendered page, its validator and the monotonic second until which it is served."""

    body: bytes
    etag: str
    until: float


class PageCache:
    """Keep the pages asked for last; one for each process, safe for its threads."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._pages: OrderedDict[str, CachedPage] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> CachedPage | None:
        """Return the page under a key unless it is too old."""
        with self._lock:
            page = self._pages.get(key)
            if page is None or page.until < time.monotonic():
                return None
            self._pages.move_to_end(key)
            return page

    def put(self, key: str, body: bytes) -> CachedPage:
        """Keep a rendered page and return it; the longest unused one makes room."""
        etag = hashlib.sha256(body).hexdigest()[:32]
        page = CachedPage(body, etag, time.monotonic() + self.seconds)
        with self._lock:
            self._pages[key] = page
            self._pages.move_to_end(key)
            while len(self._pages) > LARGEST_CACHE:
                self._pages.popitem(last=False)
        return page


def is_anonymous() -> bool:
    """Tell whether the request carries no session, so that its page is the same for all."""
    return current_app.config["SESSION_COOKIE_NAME"] not in request.cookies


def asked(names: Iterable[str]) -> dict[str, str]:
    """Return what a request asks by these names, in their order, trimmed, without blanks."""
    typed = {name: request.args.get(name, "").strip() for name in names}
    return {name: text for name, text in typed.items() if text}


def public_page(*names: str) -> Callable[[View], View]:
    """Cache a page for readers without a session; others get it fresh and uncached.

    The page is validated by a hash of its content (RFC 9110, 8.8.3) and may stay in a shared
    cache for five seconds. It depends on the language, on there being no session cookie, and on
    nothing in the query but what ``asked`` returns, so other parameters make no other page.

    :param names: the query's parameters that the page depends on.
    """

    def public(view: View) -> View:
        @wraps(view)
        def cached(**arguments: object) -> ResponseReturnValue:
            if not is_anonymous() or "lang" in request.args:
                return view(**arguments)
            cache: PageCache = current_app.extensions["bookstore.pages"]
            key = f"{language()} {request.path}?{urlencode(asked(names))}"
            page = cache.get(key)
            if page is None:
                rendered = make_response(view(**arguments))
                if rendered.status_code != 200:
                    return rendered
                page = cache.put(key, rendered.get_data())
            return _shared(page)

        return cached

    return public


def _shared(page: CachedPage) -> ResponseReturnValue:
    response = Response(page.body, mimetype="text/html")
    response.set_etag(page.etag)
    response.headers["Cache-Control"] = f"public, max-age=0, s-maxage={SHARED_SECONDS}"
    response.vary.update(("Accept-Language", "Cookie"))
    return response.make_conditional(request)
