"""Public pages: the same for every reader without a session, so one answer serves them all.

A view marked with ``public_page`` is kept for a few seconds in each process. Of those who come when
it is too old one draws it anew, and the others get the old one; while it cannot be drawn, because
the database is away, everybody does. Who has the page already is answered by its ETag.

Flask-Caching and cachelib keep what a view returned for a time and no more: a page that many ask
for is drawn by each of them at once, nothing is left when drawing fails, and each hit is unpickled.
Those three are what this cache is for, so it stays our own.
"""

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps

from flask import Response, make_response, request, session
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.datastructures import MultiDict

from bookstore.core.services import service
from bookstore.core.web.i18n import language
from bookstore.core.web.timezones import time_zone

SESSION_COOKIE = "session"
LARGEST_CACHE = 256
# For caches between the shop and its readers.
HEADERS = {
    "Cache-Control": "public, max-age=0, s-maxage=5",
    "Vary": "Accept-Language, Cookie",
}
# A page takes milliseconds; one that takes longer is held up, and waiting for it helps nobody.
PATIENCE_SECONDS = 1
# How long an old page is better than none (RFC 5861, stale-if-error).
STALE_SECONDS = 600

View = Callable[..., ResponseReturnValue]

log = logging.getLogger("bookstore.pages")


def is_anonymous() -> bool:
    """Return whether the request carries no session, so that its page is the same for all."""
    return SESSION_COOKIE not in request.cookies


def may_be_late() -> bool:
    """Return whether what the request shows may be a moment late: nobody known asks for it.

    Who has a session or sends a token may have written just now what they read, and sees it; and
    whoever has put something in a cart has a session.
    """
    return is_anonymous() and "Authorization" not in request.headers


def asked(names: Iterable[str], typed: MultiDict[str, str]) -> dict[str, str]:
    """Return what a query asks by these names, in their order, trimmed, without blanks."""
    given = {name: typed[name].strip() for name in names if name in typed}
    return {name: text for name, text in given.items() if text}


def public_page(*names: str) -> Callable[[View], View]:
    """Mark a view whose page is the same for all readers without a session.

    It may depend on its address, the reader's language and time zone, and the query's parameters
    of these names. What is no page (a refusal, a redirect) or gives a cookie is not kept.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def shared(**arguments: object) -> ResponseReturnValue:
            # With ``lang`` the reader gets a cookie, which remembers the language.
            if not is_anonymous() or "lang" in request.args:
                return view(**arguments)
            cache = service(PageCache)
            found = cache.find(_key(names), lambda: make_response(view(**arguments)))
            return _answer(found) if isinstance(found, Page) else found

        return shared

    return mark


def shared_part(names: Iterable[str], draw: Callable[[], str]) -> Markup:
    """Return the part of a page that is the same for everybody, whoever is logged in.

    It is kept as public pages are, and may depend on the same things.
    """
    if is_anonymous():
        return Markup(draw())  # noqa: S704 - our template, and the whole page is kept
    found = service(PageCache).find((*_key(names), "part"), lambda: Response(draw()))
    text = found.body.decode() if isinstance(found, Page) else found.get_data(as_text=True)
    return Markup(text)  # noqa: S704 - our template


def _key(names: Iterable[str]) -> tuple[Hashable, ...]:
    place = request.scheme, request.host, request.root_path, request.path
    return (*place, language(), time_zone().key, *asked(names, request.args).items())


@dataclass(frozen=True)
class Page:
    """A public page, when it was drawn, and until when it is sent without being drawn anew."""

    body: bytes
    etag: str
    drawn: float
    until: float


class PageCache:
    """The pages asked for last, in the memory of one process and shared by its threads.

    :param seconds: how long a page is sent as it is; 0 to draw one for each reader.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._making: dict[Hashable, Future[Page | None]] = {}
        self._lock = threading.Lock()

    def find(self, key: Hashable, draw: Callable[[], Response]) -> Page | Response:
        """Return the page that is kept under a key, or draw it.

        :return: the page, or the response that was drawn where it is nothing to be shared.
        """
        if not self._seconds:
            return self._drawn(draw)
        with self._lock:
            now = time.monotonic()
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
                if now < page.until:
                    return page
            making = self._making.get(key)
            if making is None:
                made = self._making[key] = Future[Page | None]()
        if making is None:
            return self._make(key, draw, page, made)
        if page is not None and now < page.until + self._seconds:
            return page
        with suppress(TimeoutError):
            page = making.result(PATIENCE_SECONDS)
        return page or self._drawn(draw)

    def _make(
        self,
        key: Hashable,
        draw: Callable[[], Response],
        old: Page | None,
        made: Future[Page | None],
    ) -> Page | Response:
        page = None
        try:
            drawn = self._drawn_or_old(draw, old)
            page = drawn if isinstance(drawn, Page) else None
            return drawn
        finally:
            with self._lock:
                del self._making[key]
                if page is not None:
                    self._pages[key] = page
                    self._pages.move_to_end(key)
                    if len(self._pages) > LARGEST_CACHE:
                        self._pages.popitem(last=False)
            made.set_result(page)

    def _drawn_or_old(self, draw: Callable[[], Response], old: Page | None) -> Page | Response:
        try:
            return self._drawn(draw)
        except (DBAPIError, PoolTimeout) as error:
            now = time.monotonic()
            if old is None or now > old.drawn + STALE_SECONDS:
                raise
            log.warning("an old page is sent", extra={"error": type(error).__name__})
            return replace(old, until=now + self._seconds)

    def _drawn(self, draw: Callable[[], Response]) -> Page | Response:
        drawn = draw()
        if drawn.status_code != 200 or session.modified or "Set-Cookie" in drawn.headers:
            return drawn
        body = drawn.get_data()
        now = time.monotonic()
        return Page(body, hashlib.sha256(body).hexdigest()[:32], now, now + self._seconds)


def _answer(page: Page) -> Response:
    response = Response(page.body, mimetype="text/html", headers=HEADERS)
    response.set_etag(page.etag)
    if request.if_none_match:
        response.make_conditional(request)
    return response
