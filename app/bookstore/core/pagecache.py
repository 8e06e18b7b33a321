"""A cache of public pages in front of the app, one for each process.

It answers for the app while pages are fresh, as RFC 9111 has it for a shared cache, so that a page
that many ask for costs hardly more than a plain text. One that is no longer fresh is validated (4.3
there): its question is asked again, and where the answer is what the page shows, the page is good
for as long again. It is drawn anew only when what it shows changed.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Request
from werkzeug.datastructures import MultiDict
from werkzeug.http import is_resource_modified, parse_cookie, remove_entity_headers

from bookstore.core import i18n
from bookstore.core.http import REQUEST_ID_HEADER, Answer, Watch, request_id
from bookstore.core.publicpage import ASKED, RENDERED, SESSION_COOKIE, Rendered, asked
from bookstore.core.services import provide

LARGEST_CACHE = 256
# A page takes milliseconds; one that takes longer is held up, and waiting for it helps nobody.
PATIENCE_SECONDS = 1
ADDRESS = ("wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME", "PATH_INFO")

T = TypeVar("T")
Listed = list[tuple[str, str]]
Write = Callable[[bytes], object]
NOTHING: MultiDict[str, str] = MultiDict()


@dataclass(frozen=True)
class Page:
    """Hold a public page as it is sent, with and without its content, and what it shows."""

    headers: Listed
    headers_alone: Listed
    body: bytes
    etag: str
    until: float
    of: Rendered


class Lookup(NamedTuple):
    """Tell what a request has found: a page, and what others wait for while it renews that."""

    page: Page | None
    is_fresh: bool = False
    made: threading.Event | None = None


class CapturedStart:
    """Hold back how an answer begins, in the place of the server's own ``start_response``."""

    head: tuple[str, Listed]

    def __call__(self, status: str, headers: Listed, _error: object = None, /) -> Write:
        """Take the status and the headers."""
        self.head = (status, headers)
        return self._write

    @staticmethod
    def _write(_data: bytes, /) -> None:
        raise NotImplementedError("the app gives its answers whole")


class PageCache:
    """Answer with the pages asked for last; one for each process, safe for its threads."""

    def __init__(
        self, app: WSGIApplication, seconds: float, names: Sequence[str], watches: Sequence[Watch]
    ) -> None:
        self._app = app
        self._seconds = seconds
        self._names = names
        self._watches = watches
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._makers: dict[Hashable, threading.Event] = {}
        self._unshared: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request from the cache, else by the app."""
        key = self._key(environ)
        if key is None:
            return self._app(environ, start)
        began = time.perf_counter()
        found = self._find(key)
        try:
            page = found.page
            if page is not None and not found.is_fresh:
                page = self._validated(environ, key, page)
            if page is None:
                return self._ask(environ, start, key)
        finally:
            if found.made is not None:
                with self._lock:
                    del self._makers[key]
                found.made.set()
        own = request_id(environ)
        status, headers, body = _answered(environ, page)
        start(status, [*headers, (REQUEST_ID_HEADER, own)])
        answer = Answer(
            endpoint=page.of.endpoint,
            method=environ["REQUEST_METHOD"],
            path=environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
            status=int(status[:3]),
            client=environ.get("REMOTE_ADDR"),
            request_id=own,
            seconds=time.perf_counter() - began,
        )
        for watch in self._watches:
            watch(answer)
        return body

    def _key(self, environ: WSGIEnvironment) -> Hashable | None:
        """Return what a public page at this address would depend on, None where none is shared."""
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return None
        cookies = parse_cookie(environ) if "HTTP_COOKIE" in environ else {}
        if SESSION_COOKIE in cookies:
            return None
        query = environ.get("QUERY_STRING")
        typed = Request(environ, populate_request=False).args if query else NOTHING
        if "lang" in typed:
            return None
        return (
            *(environ.get(part) for part in ADDRESS),
            i18n.chosen_before(cookies.get(i18n.COOKIE), environ.get("HTTP_ACCEPT_LANGUAGE", "")),
            tuple(asked(self._names, typed).items()),
        )

    def _find(self, key: Hashable) -> Lookup:
        """Return the page that is kept.

        Of those that come when there is no page, or one too old, the first one makes it. The
        others get the old one for as long again as it was fresh, else they wait for the new one;
        not for long, and not where the last one made was not to be shared.
        """
        with self._lock:
            now = time.monotonic()
            page, maker = self._pages.get(key), self._makers.get(key)
            if page is not None:
                self._pages.move_to_end(key)
            if not self._seconds:
                return Lookup(page)
            if page is not None:
                late = now - page.until
                if late < 0 or (late < self._seconds and maker is not None):
                    return Lookup(page, is_fresh=True)
            if maker is None:
                self._makers[key] = made = threading.Event()
                return Lookup(page, made=made)
            if self._unshared.get(key, now) > now:
                return Lookup(None)
        maker.wait(PATIENCE_SECONDS)
        with self._lock:
            page = self._pages.get(key)
        return Lookup(page, is_fresh=page is not None and page.until > time.monotonic())

    def _validated(self, environ: WSGIEnvironment, key: Hashable, page: Page) -> Page | None:
        """Return a page if it shows what the database says now.

        If not, what that says, or that it failed to, goes to the app, which asks no second time.
        """
        try:
            facts = page.of.page.ask()
        except Exception as failure:  # noqa: BLE001 - the view raises it
            environ[ASKED] = failure
            return None
        if facts != page.of.facts:
            environ[ASKED] = facts
            return None
        if self._seconds:
            page = replace(page, until=time.monotonic() + self._seconds)
            self._note(self._pages, key, page)
        return page

    def _ask(
        self, environ: WSGIEnvironment, start: StartResponse, key: Hashable
    ) -> Iterable[bytes]:
        started = CapturedStart()
        content = self._app(environ, started)
        status, listed = started.head
        told = {name.lower(): value for name, value in listed}
        until = time.monotonic() + self._seconds
        # What gives one reader a cookie is that reader's alone, whatever its view says.
        if RENDERED not in environ or "set-cookie" in told:
            self._note(self._unshared, key, until)
            start(status, listed)
            return content
        page = _page(listed, told["etag"], b"".join(content), until, environ[RENDERED])
        if environ["REQUEST_METHOD"] == "GET":
            self._note(self._pages, key, page)
        status, headers, body = _answered(environ, page)
        start(status, [*headers, (REQUEST_ID_HEADER, told[REQUEST_ID_HEADER.lower()])])
        return body

    def _note(self, kept: OrderedDict[Hashable, T], key: Hashable, value: T) -> None:
        with self._lock:
            kept[key] = value
            kept.move_to_end(key)
            while len(kept) > LARGEST_CACHE:
                kept.popitem(last=False)


def _page(listed: Listed, etag: str, body: bytes, until: float, of: Rendered) -> Page:
    headers = [(name, value) for name, value in listed if name != REQUEST_ID_HEADER]
    alone = list(headers)
    remove_entity_headers(alone)
    return Page(headers, alone, body, etag, until, of)


def _answered(environ: WSGIEnvironment, page: Page) -> tuple[str, Listed, Iterable[bytes]]:
    if "HTTP_IF_NONE_MATCH" in environ and not is_resource_modified(environ, page.etag):
        return "304 NOT MODIFIED", page.headers_alone, ()
    return "200 OK", page.headers, () if environ["REQUEST_METHOD"] == "HEAD" else (page.body,)


def install(app: Flask, seconds: float, names: Sequence[str], watches: Sequence[Watch]) -> None:
    """Put a cache in front of the app, behind all that tells it who asks by which address.

    :param seconds: how long a page is sent without a question; 0 to ask for each reader.
    :param names: the query's parameters that public pages may depend on.
    :param watches: what is told of each answer that the cache gives.
    """
    cache = PageCache(app.wsgi_app, seconds, names, watches)
    provide(app, PageCache, cache)
    app.wsgi_app = cache  # type: ignore[method-assign, assignment]
