"""Security of pages: CSRF, headers, cookies, trusted hosts and redirects that stay on the site."""

import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, current_app, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.utils import host_is_trusted

from bookstore.core.api.scope import in_api
from bookstore.core.config.settings import Settings
from bookstore.core.interfaces.auth import current_account
from bookstore.core.services import provide, service
from bookstore.core.web import scheme
from bookstore.core.web.forms import Form, Input
from bookstore.core.web.i18n import gettext
from bookstore.core.web.largeforms import drain, first_fields
from bookstore.core.web.pagecache import SESSION_COOKIE, is_anonymous

CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    # No script runs here; what audits a page reads the shop's robots.txt by it.
    "connect-src": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
REFERRER_POLICY = "same-origin"
HSTS = "max-age=31536000"
SESSION_LIFETIME = timedelta(days=14)
LARGEST_REQUEST_BYTES = 256 * 1024
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
# What changes nothing (RFC 9110, 9.2.1), so that no other site gains by having it asked for.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PROBES = frozenset({"health.healthz", "health.readyz"})

V = TypeVar("V", bound=Callable[..., object])
M = TypeVar("M", bound=Input)


class SessionCookie(SecureCookieSessionInterface):
    """Mark the cookie Secure when the reader came by https: one image serves behind both."""

    def get_cookie_secure(self, _app: Flask) -> bool:
        """Return whether this request's reader came by https."""
        return request.is_secure

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session; where there is no cookie, without making what would read it."""
        if SESSION_COOKIE not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


def install(app: Flask, settings: Settings, elsewhere: Collection[str] = ()) -> None:
    """Give the app its secret key, cookies, CSRF check, headers and trusted proxies.

    :param elsewhere: the addresses of the shop's apps at other hosts.
    """
    app.config.update(
        SECRET_KEY=secret_key(settings),
        SECRET_KEY_FALLBACKS=[key.get_secret_value() for key in settings.secret_key_fallbacks],
        SESSION_COOKIE_NAME=SESSION_COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=SESSION_LIFETIME,
        MAX_CONTENT_LENGTH=LARGEST_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=LARGEST_REQUEST_BYTES,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    provide(app, Settings, settings)
    headers = {**HEADERS, **_headers_for(elsewhere)}
    app.session_interface = SessionCookie()
    csrf = CSRFProtect(app)

    @app.before_request
    def trust_host() -> None:
        hosts = settings.trusted_hosts
        # The kubelet's probes come to the pod's own address.
        if hosts and request.endpoint not in PROBES and not host_is_trusted(request.host, hosts):
            abort(400, gettext("This address is not one of the shop's."))

    @app.before_request
    def go_to_https() -> ResponseReturnValue | None:
        return None if request.endpoint in PROBES else scheme.way_to_https(settings)

    @app.before_request
    def check_csrf() -> None:
        # No cookie opens the API, so no other site can use one there.
        if request.method not in SAFE_METHODS and not in_api():
            _protect(csrf)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.extend(headers)
        response.headers.setdefault("Referrer-Policy", REFERRER_POLICY)
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", HSTS)
        return response

    scheme.install(app, settings)


def _headers_for(elsewhere: Collection[str]) -> dict[str, str]:
    places = " ".join(["'self'", *sorted(elsewhere)])
    policy = {**CONTENT_SECURITY_POLICY, "img-src": places, "form-action": places}
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        # The pages of one app show the covers that another one serves.
        "Cross-Origin-Resource-Policy": "same-site" if elsewhere else "same-origin",
    }


def _protect(csrf: CSRFProtect) -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    largest = getattr(view, "largest_request_bytes", None)
    # Only who has a session may send much, for this reads it all.
    if largest and not is_anonymous():
        request.max_content_length = largest
    try:
        csrf.protect(apply_exemptions=True)
    except CSRFError:
        if not getattr(view, "asks_again", False):
            raise
        g.csrf_failed = True
    except RequestEntityTooLarge:
        if not largest:
            raise
        body = request.environ["wsgi.input"]
        g.too_large = first_fields(body, request.content_type or "")
        # A thread reads for minutes at worst, so only for people who are known.
        if current_account() is not None:
            drain(body)


def asks_again(view: V) -> V:
    """Mark a view whose form is shown again, with what was typed, when its CSRF token is stale.

    Such a view must read its form with ``read_form``, which then refuses it; a POST to any
    other view is answered with 400.
    """
    view.asks_again = True  # type: ignore[attr-defined]
    return view


def takes_files(most_bytes: int) -> Callable[[V], V]:
    """Mark a view that people with a session may send files to.

    Such a view asks again too, and reads its form with ``read_form``, which refuses what is
    larger.

    :param most_bytes: of the whole request.
    """

    def mark(view: V) -> V:
        view.largest_request_bytes = most_bytes  # type: ignore[attr-defined]
        return asks_again(view)

    return mark


def is_too_large() -> bool:
    """Return whether the request was too large to be read."""
    return "too_large" in g


def read_form(form: Form[M], typed: Mapping[str, str] | None = None) -> M | None:
    """Read the request's form into ``form``.

    :return: the valid input; None when it is invalid or its token is stale, and when no form was
        sent, as by GET and HEAD.
    :param typed: what to read in place of the request's own fields.
    """
    if request.method != "POST":
        return None
    if is_too_large():
        form.keep(g.too_large)
        form.fail(gettext("This is larger than the shop accepts."), 413)
        return None
    data = form.read(request.form if typed is None else typed)
    if g.get("csrf_failed"):
        form.fail(gettext("This page had been open too long. Please send it again."))
        return None
    return data


def public_address() -> str | None:
    """Return scheme and host of the shop's address for links in mail, without a last slash.

    The Host header comes from whoever asks, so a link takes it only where it is a trusted host,
    or this machine alone.

    :return: the address; None when nothing that can be trusted tells it.
    """
    settings = service(Settings)
    if settings.public_url is not None:
        return settings.public_url.rstrip("/")
    if host_is_trusted(request.host, settings.trusted_hosts or LOOPBACK):
        return request.host_url.rstrip("/")
    return None


def secret_key(settings: Settings) -> str:
    """Return the configured key, or a developer's own one that is kept beside the SQLite file."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path = settings.instance_dir / "secret-key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


def safe_next(target: str | None) -> str | None:
    r"""Return a redirect target if it is a path of this site, else None.

    Browsers read ``//host`` and ``/\\host`` as another site, and drop tabs and newlines.
    """
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    if "\\" in target or any(ord(char) < 33 for char in target):
        return None
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else None
