"""What happens around every request: its id and log line, error pages, addresses of assets."""

import hashlib
import logging
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from wsgiref.types import WSGIEnvironment

from flask import Flask, Response, g, render_template, request, url_for
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from bookstore.core.api.problems import Problem, problem_response
from bookstore.core.api.scope import in_api
from bookstore.core.db.engine import driver_message, error_code
from bookstore.core.errors import NotFound, ServiceUnavailable
from bookstore.core.observability.logging import without_tokens
from bookstore.core.web.i18n import gettext

STATIC = Path(__file__).parent.parent.parent / "static"
ASSET_SECONDS = 365 * 24 * 3600
REQUEST_ID_HEADER = "X-Request-ID"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
# A try to connect to the database takes as long at most: who comes back sooner only waits beside
# it, and who comes back later waits longer than a short outage lasts.
RESTING_SECONDS = 5
# A service of the shop is started anew in that time, and those who ask it have noticed.
SERVICE_RESTING_SECONDS = 30
QUIET = frozenset({"health.healthz", "health.readyz"})

access_log = logging.getLogger("bookstore.access")
error_log = logging.getLogger("bookstore.error")


@dataclass(frozen=True)
class Answer:
    """What logs and metrics say of an answered request."""

    endpoint: str | None
    method: str
    path: str
    status: int
    client: str | None
    request_id: str
    seconds: float


Watch = Callable[[Answer], None]


def install(app: Flask, watches: Sequence[Watch], limit_seconds: int) -> None:
    """Give the app request ids and its error pages.

    :param watches: what is told of each answer.
    :param limit_seconds: how long who made too many attempts waits at most.
    """
    retry_after = {429: limit_seconds, 503: RESTING_SECONDS}

    @app.before_request
    def begin() -> None:
        g.request_id = request_id(request.environ)
        g.began = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers[REQUEST_ID_HEADER] = g.request_id
        if response.status_code in retry_after:
            response.headers.setdefault("Retry-After", str(retry_after[response.status_code]))
        answer = Answer(
            endpoint=request.endpoint,
            method=request.method,
            path=without_tokens(request.path),
            status=response.status_code,
            client=request.remote_addr,
            request_id=g.request_id,
            seconds=time.perf_counter() - g.began,
        )
        for watch in watches:
            watch(answer)
        # What is not told otherwise may hold one reader's data.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    app.register_error_handler(HTTPException, show_http_error)
    app.register_error_handler(NotFound, show_not_found)
    app.register_error_handler(ServiceUnavailable, show_service_unavailable)
    app.register_error_handler(DBAPIError, show_database_error)
    app.register_error_handler(PoolTimeout, show_database_error)
    app.register_error_handler(Exception, show_unexpected_error)
    app.jinja_env.globals["asset"] = asset
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = ASSET_SECONDS


def request_id(environ: WSGIEnvironment) -> str:
    """Return the id that a request came with, if it is one, or a new one."""
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    if REQUEST_ID.fullmatch(given):
        return given
    # It names a request and proves nothing, so the system need not be asked for it.
    return f"{random.getrandbits(64):016x}"


def log_answer(answer: Answer) -> None:
    """Write a line for a request; not for a probe, of which there are many."""
    if answer.endpoint in QUIET:
        return
    access_log.info(
        "request",
        extra={
            "request_id": answer.request_id,
            "method": answer.method,
            "path": answer.path,
            "status": answer.status,
            "milliseconds": round(answer.seconds * 1000, 1),
            "client": answer.client,
        },
    )


def show_http_error(error: HTTPException) -> Response:
    """Show an HTTP error as a page of the shop."""
    code = error.code or 500
    shown = error_page(code, text_of(code))
    # Such as Allow, without which RFC 9110 knows no 405.
    for name, value in error.get_headers():
        shown.headers.setdefault(name, value)
    return shown


def text_of(code: int) -> str:
    """Return the sentence for a status code in the reader's language."""
    texts = {
        400: gettext("The shop could not read this request."),
        403: gettext("This is not yours to change."),
        406: gettext("This address gives nothing of the kind that was asked for."),
        415: gettext("This address takes nothing of the kind that was sent."),
        404: gettext("There is nothing at this address."),
        405: gettext("This address does not take such a request."),
        413: gettext("This is larger than the shop accepts."),
        429: gettext("Too many attempts. Please wait a while."),
        503: gettext("The shop is resting for a moment. Please try again."),
    }
    return texts.get(code, gettext("Something went wrong."))


def show_not_found(_error: Exception) -> Response:
    """Answer a domain's own "there is none" as any address with nothing there.

    What is another person's is not told apart from what does not exist.
    """
    return error_page(404, text_of(404))


def show_database_error(error: Exception) -> Response:
    """Answer 503 while the database cannot be reached, and 500 on any other of its errors."""
    if isinstance(error, DBAPIError) and not (
        error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    ):
        return show_unexpected_error(error)
    code = error_code(getattr(error, "orig", None))
    told = {"error": type(error).__name__, "code": code, "detail": driver_message(error)}
    error_log.error("database", extra=told)
    return error_page(503, text_of(503))


def show_service_unavailable(error: ServiceUnavailable) -> Response:
    """Answer 503 while another service of the shop cannot be reached."""
    error_log.error("service", extra={"domain": error.domain, "detail": error.detail})
    return resting_page(error.domain)


def resting_page(domain: str) -> Response:
    """Answer 503 for a service that is away, and say what rests and when to come back."""
    texts = {
        "auth": gettext(
            "Logging in rests for a moment. Nothing is lost: please come back in half a minute."
        ),
        "catalogue": gettext(
            "The books rest for a moment. Nothing is lost: please come back in half a minute."
        ),
        "orders": gettext(
            "Buying rests for a moment. Your cart and your orders are kept: please come back in "
            "half a minute."
        ),
    }
    shown = error_page(503, texts.get(domain, text_of(503)))
    shown.headers["Retry-After"] = str(SERVICE_RESTING_SECONDS)
    return shown


def show_unexpected_error(error: Exception) -> Response:
    """Log a fault of ours with its traceback, and show a page that names the request's id."""
    error_log.error("unexpected", exc_info=error)
    return error_page(500, gettext("Something went wrong on our side."))


def error_page(code: int, text: str) -> Response:
    """Render the page of an error; for the API, a problem document.

    Its header is that of any page, but where the database is away, or drawing it fails too.
    """
    if in_api():
        return problem_response(Problem(code, text))
    page = "core/error.html"
    try:
        shown = render_template(page, code=code, text=text, bare=code == 503)
    except Exception as error:  # noqa: BLE001 - the first error is the one to show
        error_log.warning("error page without header", extra={"error": type(error).__name__})
        shown = render_template(page, code=code, text=text, bare=True)
    return Response(shown, code, mimetype="text/html")


@cache
def asset_version(name: str) -> str:
    """Return the first hex digits of a static file's SHA-256, which name its content."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """Return the address of a static file; it changes with the content, so it is immutable."""
    return _asset(name, request.script_root)


@cache
def _asset(name: str, _script_root: str) -> str:
    return url_for("static", filename=name, v=asset_version(name))
