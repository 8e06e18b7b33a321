"""The OpenAPI 3.1 document, made from the operations and their models."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bookstore.core.api.problems import MEDIA_TYPE, ProblemDocument
from bookstore.core.api.routes import JSON, Operation
from bookstore.core.api.scope import API_ROOT
from bookstore.core.paging import LARGEST_ID
from bookstore.core.web.i18n import LANGUAGES

Json = dict[str, Any]

SCHEMAS = "#/components/schemas/"
DESCRIPTION = """\
All that the shop's pages can do. Requests and answers are JSON; every refusal is a problem
document (RFC 9457). Money is a whole number of minor units (`…_minor`) with an ISO 4217 currency;
moments are RFC 3339 in UTC. Lists come in pages: follow `next` until it is null. Log in by
`POST /api/v1/tokens` and send the token as `Authorization: Bearer …`; cookies are not read.
"""
FOR_MODERATORS = "For moderators alone; for everybody else there is nothing here (404)."
SENTENCES = {
    400: "The request cannot be read.",
    401: "There is no token, or it holds no longer.",
    402: "The payment failed.",
    403: "The account may not do this.",
    404: "There is none, or it is another person's, or for moderators.",
    406: "The answer would be of a kind that is not accepted.",
    409: "The shop's state is against it.",
    412: "What was read is not what is there now.",
    413: "The request is too large.",
    415: "The request is of a kind that is not taken.",
    422: "Fields are not valid; `errors` names them.",
    429: "There were too many attempts.",
    500: "Something went wrong in the shop.",
    503: "The shop rests for a moment.",
}
ANYWHERE = frozenset({406, 500, 503})


def document(operations: Iterable[Operation], hosts: Mapping[str, str] | None = None) -> Json:
    """Return the OpenAPI document of operations.

    :param hosts: scheme and host of each API, by its name, that is not at the document's own.
    """
    hosts = hosts or {}
    operations = list(operations)
    schemas = _schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", operation.path)
        told = _operation(operation, schemas)
        if operation.tag in hosts:
            told["servers"] = [{"url": hosts[operation.tag]}]
        paths.setdefault(path, {})[operation.method] = told
    queries = {op.query.__name__ for op in operations if op.query}
    headers = {op.headers.__name__ for op in operations if op.headers}
    kept = {name: schema for name, schema in schemas.items() if name not in queries | headers}
    return {
        "openapi": "3.1.0",
        "info": {"title": "BookStore", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(op.tag for op in operations)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(kept.items())),
            "responses": {
                f"Problem{status}": _problem_response(status)
                for status in sorted({s for op in operations for s in _refusals(op)})
            },
            "parameters": {
                "AcceptLanguage": {
                    "name": "Accept-Language",
                    "in": "header",
                    "description": f"One of {', '.join(LANGUAGES)}; sentences come in it.",
                    "schema": {"type": "string"},
                }
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def document_text(operations: Sequence[Operation], hosts: Mapping[str, str] | None = None) -> str:
    """Return the document as indented JSON, the same for the same operations; see ``document``."""
    return json.dumps(document(operations, hosts), ensure_ascii=False, indent=2) + "\n"


def serve(operations: Sequence[Operation], hosts: Mapping[str, str]) -> Blueprint:
    """Return a blueprint that serves the document of operations; see ``document``."""
    blueprint = Blueprint("api", __name__, url_prefix=API_ROOT)

    @cache
    def text() -> str:
        return document_text(operations, hosts)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return Response(text(), mimetype=JSON)

    return blueprint


def _schemas(operations: Sequence[Operation]) -> dict[str, Json]:
    taken = {m for op in operations for m in (op.body, op.query, op.headers) if m is not None}
    given = {op.reply for op in operations if op.reply is not None} | {ProblemDocument}
    _, made = models_json_schema(
        [
            *((model, "validation") for model in sorted(taken, key=_name)),
            *((model, "serialization") for model in sorted(given, key=_name)),
        ],
        ref_template=SCHEMAS + "{model}",
    )
    schemas: dict[str, Json] = made["$defs"]
    for model in taken:
        # What a body or query may not hold is said here as routes.py refuses it.
        schemas[model.__name__]["additionalProperties"] = False
    return schemas


def _operation(operation: Operation, schemas: dict[str, Json]) -> Json:
    summary = (operation.view.__doc__ or "").partition("\n")[0].rstrip(".")
    made: Json = {
        "operationId": operation.view.__name__,
        "tags": [operation.tag],
        "summary": summary,
        **({"description": FOR_MODERATORS} if operation.moderates else {}),
        "parameters": [
            *_path_parameters(operation.path),
            *_parameters("query", operation.query, schemas),
            *_parameters("header", operation.headers, schemas),
            {"$ref": "#/components/parameters/AcceptLanguage"},
        ],
    }
    if operation.reads_token:
        made["security"] = [{"token": []}] if operation.secured else [{}, {"token": []}]
    if operation.body is not None:
        made["requestBody"] = {"required": True, "content": _content(JSON, operation.body)}
    if operation.media is not None:
        content: Json = {media_type: {} for media_type in operation.media.types}
        made["requestBody"] = {"required": True, "content": content}
    answer: Json = {"description": HTTPStatus(operation.status).phrase}
    if operation.reply is not None:
        answer["content"] = _content(JSON, operation.reply)
    if operation.answer_headers:
        answer["headers"] = {
            name: {"description": told, "schema": {"type": "string"}}
            for name, told in operation.answer_headers.items()
        }
    made["responses"] = {
        str(operation.status): answer,
        **{
            str(status): {"$ref": f"#/components/responses/Problem{status}"}
            for status in sorted(_refusals(operation))
        },
    }
    return made


def _refusals(operation: Operation) -> set[int]:
    statuses = set(ANYWHERE | operation.problems)
    if "<" in operation.path or operation.moderates:
        statuses.add(404)
    if operation.reads_token:
        statuses.add(401)
    if operation.headers is not None:
        statuses.add(400)
    if operation.query is not None:
        statuses.add(422)
    if operation.body is not None:
        statuses |= {400, 413, 415, 422}
    if operation.media is not None:
        statuses |= {413, 415, 422}
    return statuses


def _problem_response(status: int) -> Json:
    made: Json = {
        "description": SENTENCES[status],
        "content": _content(MEDIA_TYPE, ProblemDocument),
    }
    headers = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
    if status in headers:
        made["headers"] = {headers[status]: {"required": True, "schema": {"type": "string"}}}
    return made


def _path_parameters(path: str) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_ID},
        }
        for name in re.findall(r"<int:(\w+)>", path)
    ]


def _parameters(where: str, model: type[BaseModel] | None, schemas: dict[str, Json]) -> list[Json]:
    if model is None:
        return []
    schema = schemas[model.__name__]
    return [
        {
            "name": name,
            "in": where,
            "required": name in schema.get("required", ()),
            **({"description": about.pop("description")} if "description" in about else {}),
            # What is sent empty counts as left out, as in a form; see routes.py.
            **({"allowEmptyValue": True} if where == "query" else {}),
            "schema": about,
        }
        for name, about in ((n, _without_null(s)) for n, s in schema["properties"].items())
    ]


def _without_null(schema: Json) -> Json:
    # A parameter that is left out is absent; it cannot be null.
    kept = {name: value for name, value in schema.items() if name not in {"title", "anyOf"}}
    if kept.get("default", 0) in (None, ""):
        kept.pop("default")
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    return {**options[0], **kept} if len(options) == 1 else {**kept, **_any(options)}


def _any(options: list[Json]) -> Json:
    return {"anyOf": options} if options else {}


def _content(media_type: str, model: type[BaseModel]) -> Json:
    return {media_type: {"schema": {"$ref": f"{SCHEMAS}{_name(model)}"}}}


def _name(model: type[BaseModel]) -> str:
    return model.__name__
