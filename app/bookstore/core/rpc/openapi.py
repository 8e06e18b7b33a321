"""The OpenAPI 3.1 document of a service's internal API, made from its contract."""

import inspect
from collections.abc import Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from bookstore.core.observability import trace
from bookstore.core.rpc import deadline, jwks
from bookstore.core.rpc.contract import CONFLICT, IDEMPOTENCY_KEY, Contract
from bookstore.core.rpc.schemas import described

Json = dict[str, Any]

DESCRIPTION = """\
What the other services may ask of {domain}, at its internal port; nothing else may reach that. A
call carries a token that the caller's own key signed for {domain} alone, the moment until which
somebody waits for the answer, and a key that is the same each time that it is sent.
"""
REFUSALS = {
    400: "A header is missing, or cannot be read.",
    401: "The token is none of a service that may call.",
    404: "There is no such method; the caller is of another version.",
    413: "The call is too large.",
    422: "The arguments are not what the method takes; the caller is of another version.",
    503: "The database, or the keys of the caller, are away; the call may be sent again.",
    504: "Nobody waits for the answer any more.",
}


def document(contract: Contract) -> Json:
    """Return the document of a domain's methods, and of the keys that the service publishes."""
    methods: Mapping[str, Json] = described({contract.domain: contract})[contract.domain]["methods"]
    paths = {f"/{contract.domain}/{name}": _call(contract, name, methods[name]) for name in methods}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"BookStore: the internal API of {contract.domain}",
            "version": "1",
            "description": DESCRIPTION.format(domain=contract.domain),
        },
        "servers": [{"url": "/"}],
        "paths": paths | {jwks.PATH: _keys()},
        "components": {
            "securitySchemes": {
                "service": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            }
        },
        "security": [{"service": []}],
    }


def _call(contract: Contract, name: str, method: Json) -> Json:
    answers = {"200": _answer("The answer.", method["answer"])}
    if contract.errors:
        refused = {"oneOf": [_error(kind) for kind in contract.errors]}
        answers[str(CONFLICT)] = _answer("The method refuses, and says why.", refused)
    interface = contract.methods[name].interface
    summary = (inspect.getdoc(getattr(interface, name)) or name).partition("\n")[0]
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "parameters": [
                _header(IDEMPOTENCY_KEY, {"type": "string"}),
                _header(deadline.HEADER, {"type": "string", "description": "Seconds since 1970."}),
                _header(trace.HEADER, {"type": "string"}, required=False),
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": method["arguments"]}},
            },
            "responses": answers
            | {str(status): {"description": said} for status, said in REFUSALS.items()},
        }
    }


def _keys() -> Json:
    answer = _answer("A JWK set.", {"type": "object", "required": ["keys"]})
    summary = "Return the public keys of what this service signs."
    return {"get": {"summary": summary, "security": [], "responses": {"200": answer}}}


def _answer(said: str, schema: Json) -> Json:
    return {"description": said, "content": {"application/json": {"schema": schema}}}


def _header(name: str, schema: Json, *, required: bool = True) -> Json:
    return {"name": name, "in": "header", "required": required, "schema": schema}


def _error(kind: type[Exception]) -> Json:
    hints = get_type_hints(kind.__init__)
    _, *parameters = inspect.signature(kind.__init__).parameters
    made_of = {each: TypeAdapter(hints[each]).json_schema() for each in parameters}
    return {
        "type": "object",
        "required": ["error", "of"],
        "properties": {
            "error": {"const": kind.__name__},
            "of": {"type": "object", "required": parameters, "properties": made_of},
        },
    }
