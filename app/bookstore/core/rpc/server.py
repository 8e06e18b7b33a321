"""An application that lets other services call a domain.

It is an application of its own, for a port of its own: what a load balancer leads to has no way
in, whatever its rules say.
"""

import hmac
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from flask import Blueprint, Flask, Response, abort, request
from pydantic import ValidationError
from pydantic_core import to_json

from bookstore.core.rpc.contract import CONFLICT, Contract

UNAUTHORIZED, INVALID = 401, 422
LARGEST_CALL_BYTES = 1024 * 1024

log = logging.getLogger("bookstore.rpc")


def internal_app(
    parts: Mapping[Contract, object],
    token: str,
    context: Callable[[], AbstractContextManager[object]],
) -> Flask:
    """Make the application that answers calls.

    :param parts: the contracts that are served, and what implements each.
    :param token: the secret that every call has to bring.
    :param context: what the implementations run in, such as the shop's application context.
    """
    app = Flask("bookstore.internal")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_CALL_BYTES
    expected = f"Bearer {token}".encode()

    @app.before_request
    def check_token() -> None:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            abort(UNAUTHORIZED)

    for contract, part in parts.items():
        app.register_blueprint(_calls(contract, part, context))
    return app


def _calls(
    contract: Contract, part: object, context: Callable[[], AbstractContextManager[object]]
) -> Blueprint:
    blueprint = Blueprint(contract.domain, __name__, url_prefix=f"/{contract.domain}")

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
            with context():
                answer = getattr(part, name)(**arguments)
        except tuple(contract.errors) as error:
            return _json(to_json(contract.pack_error(error)), CONFLICT)
        return _json(method.answer.dump_json(answer), 200)

    return blueprint


def _json(body: bytes, status: int) -> Response:
    return Response(body, status, mimetype="application/json")
