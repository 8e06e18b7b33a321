"""An application that lets other services call a domain.

It is an application of its own, for a port of its own: what a load balancer leads to has no way
in, whatever its rules say. Whoever reaches the port needs a token that another service signed for
the domain that is called.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, abort, g, request
from pydantic import ValidationError
from pydantic_core import to_json
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bookstore.core.db.engine import driver_message
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.observability import trace
from bookstore.core.rpc import deadline, jwks
from bookstore.core.rpc.contract import CONFLICT, IDEMPOTENCY_KEY, Contract
from bookstore.core.rpc.tokens import TokenRefused, Verifier

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BAD_REQUEST, UNAUTHORIZED, INVALID, UNAVAILABLE, TOO_LATE = 400, 401, 422, 503, 504
LARGEST_CALL_BYTES = 1024 * 1024
KEYS_SECONDS = 60

log = logging.getLogger("bookstore.rpc")


class InternalPort:
    """Take what comes in at the internal port; nothing else reaches the application there.

    :param internal: the application for that port.
    :param elsewhere: the shop, for every other port.
    """

    def __init__(
        self, internal: "WSGIApplication", elsewhere: "WSGIApplication", port: int
    ) -> None:
        self._internal = internal
        self._elsewhere = elsewhere
        self._port = str(port)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request by the port that it came in at."""
        inside = environ.get("SERVER_PORT") == self._port
        return (self._internal if inside else self._elsewhere)(environ, start_response)


def internal_app(
    parts: Mapping[Contract, Mapping[type, object]],
    verifier: Verifier,
    published: Callable[[], Mapping[str, Any]],
    context: Callable[[], AbstractContextManager[object]],
) -> Flask:
    """Make the application that answers calls.

    :param parts: the contracts that are served, and what implements each protocol of them.
    :param verifier: knows the keys of the services that may call.
    :param published: this service's own public keys, which anybody may read here.
    :param context: what the implementations run in, such as the shop's application context.
    """
    app = Flask("bookstore.internal", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_CALL_BYTES

    @app.get(jwks.PATH)
    def keys() -> Response:
        answer = _json(to_json(published()), 200)
        answer.cache_control.max_age = KEYS_SECONDS
        return answer

    for contract, implemented in parts.items():
        app.register_blueprint(_calls(contract, implemented, verifier, context))
    for kind in (DBAPIError, PoolTimeout):
        app.register_error_handler(kind, _database_away)
    return app


def _calls(
    contract: Contract,
    parts: Mapping[type, object],
    verifier: Verifier,
    context: Callable[[], AbstractContextManager[object]],
) -> Blueprint:
    blueprint = Blueprint(contract.domain, __name__, url_prefix=f"/{contract.domain}")

    @blueprint.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        name = f"{contract.domain}.{_method(contract)}"
        g.before = trace.begin(request.headers.get(trace.HEADER), name)
        g.caller = _caller(contract, verifier)
        trace.note({"bookstore.caller": g.caller})
        if IDEMPOTENCY_KEY not in request.headers:
            abort(BAD_REQUEST, f"{IDEMPOTENCY_KEY} is missing")
        try:
            g.ends = deadline.read(request.headers.get(deadline.HEADER, ""))
        except ValueError:
            abort(BAD_REQUEST, f"{deadline.HEADER} is no moment in seconds since 1970")
        if deadline.left(g.ends) <= 0:
            # Whoever asked has gone, or asked again.
            abort(TOO_LATE)

    @blueprint.after_request
    def tell(response: Response) -> Response:
        about = {
            "call": f"{contract.domain}.{(request.view_args or {}).get('name')}",
            "caller": g.get("caller"),
            "status": response.status_code,
            "idempotency_key": request.headers.get(IDEMPOTENCY_KEY),
            "milliseconds": round((time.perf_counter() - g.began) * 1000, 1),
        }
        log.info("call", extra=about)
        trace.answered(response.status_code)
        return response

    blueprint.teardown_request(_leave)

    @blueprint.post("/<name>")
    def call(name: str) -> Response:
        method = contract.methods.get(name)
        if method is None:
            abort(404)
        try:
            arguments = method.unpack(request.get_data())
        except ValidationError as error:
            # Both sides read the same contract: one of them is of another version.
            log.warning("call not understood", extra={"call": f"{contract.domain}.{name}"})
            problem = {"errors": error.errors(include_input=False, include_url=False)}
            return _json(to_json(problem, fallback=str), INVALID)
        try:
            with deadline.until(g.ends), context():
                answer = getattr(parts[method.interface], name)(**arguments)
        except tuple(contract.errors) as error:
            return _json(to_json(contract.pack_error(error)), CONFLICT)
        return _json(method.answer.dump_json(answer), 200)

    return blueprint


def _leave(_error: BaseException | None) -> None:
    if "before" in g:
        trace.end(g.pop("before"))


def _method(contract: Contract) -> str:
    # What a stranger asks for is no word of ours.
    name = str((request.view_args or {}).get("name"))
    return name if name in contract.methods else "none"


def _caller(contract: Contract, verifier: Verifier) -> str:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        return str(verifier.claims(token, contract.domain)["iss"])
    except TokenRefused as refused:
        log.warning("call refused", extra={"called": contract.domain, "error": str(refused)})
        abort(UNAUTHORIZED)
    except ServiceUnavailable as away:
        log.warning("caller not known", extra={"called": contract.domain, "error": str(away)})
        abort(UNAVAILABLE)


def _database_away(error: Exception) -> tuple[str, int]:
    log.error("database", extra={"detail": driver_message(error)})
    return "the database is away\n", UNAVAILABLE


def _json(body: bytes, status: int) -> Response:
    return Response(body, status, mimetype="application/json")
