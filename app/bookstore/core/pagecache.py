"""Short shared caching of pages that look the same to every reader who is not logged in.

A view marks its page as public, with a validator and how long it may be shared. A cache in front
of the app keeps such pages and answers for the app while they are fresh, as RFC 9111 has it for a
shared cache, so that a page that many ask for costs hardly more than a plain text.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TypeVar
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Request, make_response, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.http import is_resource_modified, parse_cookie, remove_entity_headers

from bookstore.core import i18n
from bookstore.core.http import REQUEST_ID_HEADER, Answer, Watch, request_id

SHARED_SECONDS = 5
LARGEST_CACHE = 256
# A page takes milliseconds; one that takes longer is held up, and waiting for it helps nobody.
PATIENCE_SECONDS = 1
SESSION_COOKIE = "session"
# Where a view's word that its page is public, with the endpoint, waits for the cache.
PUBLIC = "bookstore.public"
ADDRESS = ("wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME", "PATH_INFO")

T = TypeVar("T")
View = Callable[..., ResponseReturnValue]
Listed = list[tuple[str, str]]
Write = Callable[[bytes], object]
NOTHING: MultiDict[str, str] = MultiDict()


def is_anonymous() -> bool:
    """Tell whether the request carries no session, so that its page is the same for all."""
    return SESSION_COOKIE not in request.cookies


def asked(names: Iterable[str], typed: MultiDict[str, str]) -> dict[str, str]:
    """Return what a query asks by these names, in their order, trimmed, without blanks."""
    given = {name: typed[name].strip() for name in names if name in typed}
    return {name: text for name, text in given.items() if text}


def public_page(view: View) -> View:
    """Let caches share a page among readers without a session; others get it fresh and uncached.

    The page is validated by a hash of its content (RFC 9110, 8.8.3). It may depend on the
    language, on there being no session cookie, and on those parameters of the query that the
    cache was installed with.
    """

    @wraps(view)
    def shared(**arguments: object) -> ResponseReturnValue:
        if not is_anonymous() or "lang" in request.args:
            return view(**arguments)
        shown = view(**arguments)
        page = make_response(shown)
        if page.status_code == 200:
            text = shown if isinstance(shown, str) else page.get_data(as_text=True)
            page.set_etag(_validator(text))
            page.headers["Cache-Control"] = f"public, max-age=0, s-maxage={SHARED_SECONDS}"
            page.headers["Vary"] = "Accept-Language, Cookie"
            request.environ[PUBLIC] = request.endpoint
        return page

    return shared


@lru_cache(maxsize=LARGEST_CACHE)
def _validator(text: str) -> str:
    # To hash much lets other threads run, and to get back in costs more than to hash.
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Page:
    """Hold a public page as it is sent, with and without its content."""

    headers: Listed
    headers_alone: Listed
    body: bytes
    etag: str
    endpoint: str
    until: float


class Said:
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
        page, made = self._kept(key)
        if page is None:
            return self._ask(environ, start, key, made)
        own = request_id(environ)
        status, headers, body = _answered(environ, page)
        start(status, [*headers, (REQUEST_ID_HEADER, own)])
        answer = Answer(
            endpoint=page.endpoint,
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

    def _kept(self, key: Hashable) -> tuple[Page | None, threading.Event | None]:
        """Return a page that may be sent; without one, this request has to ask the app.

        Of those that come when there is no page, or one too old, the first one makes it. The
        others get the old one for as long again as it was fresh, else they wait for the new one;
        not for long, and not where the last one made was not to be shared.

        :return: the page, and what those wait for who come while this request makes it.
        """
        if not self._seconds:
            return None, None
        with self._lock:
            now = time.monotonic()
            page, maker = self._pages.get(key), self._makers.get(key)
            if page is not None:
                self._pages.move_to_end(key)
                late = now - page.until
                if late < 0 or (late < self._seconds and maker is not None):
                    return page, None
            if maker is None:
                self._makers[key] = made = threading.Event()
                return None, made
            if self._unshared.get(key, now) > now:
                return None, None
        maker.wait(PATIENCE_SECONDS)
        with self._lock:
            page = self._pages.get(key)
        return (page if page is not None and page.until > time.monotonic() else None), None

    def _ask(
        self,
        environ: WSGIEnvironment,
        start: StartResponse,
        key: Hashable,
        made: threading.Event | None,
    ) -> Iterable[bytes]:
        said = Said()
        try:
            content = self._app(environ, said)
            status, listed = said.head
            told = {name.lower(): value for name, value in listed}
            # What gives one reader a cookie is that reader's alone, whatever its view says.
            if PUBLIC not in environ or "set-cookie" in told:
                self._note(self._unshared, key, time.monotonic() + self._seconds)
                start(status, listed)
                return content
            until = time.monotonic() + self._seconds
            page = _page(listed, told["etag"], b"".join(content), environ[PUBLIC], until)
            if environ["REQUEST_METHOD"] == "GET":
                self._note(self._pages, key, page)
        finally:
            if made is not None:
                with self._lock:
                    del self._makers[key]
                made.set()
        status, headers, body = _answered(environ, page)
        start(status, [*headers, (REQUEST_ID_HEADER, told[REQUEST_ID_HEADER.lower()])])
        return body

    def _note(self, kept: OrderedDict[Hashable, T], key: Hashable, value: T) -> None:
        if not self._seconds:
            return
        with self._lock:
            kept[key] = value
            kept.move_to_end(key)
            while len(kept) > LARGEST_CACHE:
                kept.popitem(last=False)


def _page(listed: Listed, etag: str, body: bytes, endpoint: str, until: float) -> Page:
    headers = [(name, value) for name, value in listed if name != REQUEST_ID_HEADER]
    alone = list(headers)
    remove_entity_headers(alone)
    return Page(headers, alone, body, etag, endpoint, until)


def _answered(environ: WSGIEnvironment, page: Page) -> tuple[str, Listed, Iterable[bytes]]:
    if "HTTP_IF_NONE_MATCH" in environ and not is_resource_modified(environ, page.etag):
        return "304 NOT MODIFIED", page.headers_alone, ()
    return "200 OK", page.headers, () if environ["REQUEST_METHOD"] == "HEAD" else (page.body,)


def install(app: Flask, seconds: float, names: Sequence[str], watches: Sequence[Watch]) -> None:
    """Put a cache in front of the app, behind all that tells it who asks by which address.

    :param seconds: how long a page is kept; 0 for not at all.
    :param names: the query's parameters that public pages may depend on.
    :param watches: what is told of each answer that the cache gives.
    """
    cache = PageCache(app.wsgi_app, seconds, names, watches)
    app.extensions["bookstore.pages"] = cache
    app.wsgi_app = cache  # type: ignore[method-assign, assignment]
