"""Routes of the API: a view's signature says what it takes, needs and gives.

A view may take ``body`` (JSON), ``query`` and ``headers``, each a model; ``upload``, the stream of
a file whose types and size its route's ``Media`` limits; and ``account``: annotated as ``Account``,
a token is required, as ``Account | None`` it may be left out. A view returns a model, a ``Reply``
of one, or None. The OpenAPI document is made from the same signature.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import IO, Any, TypeVar, get_args, get_origin

from flask import Blueprint, Response, g, request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from bookstore.core.api.models import Reply
from bookstore.core.api.problems import (
    MEDIA_TYPE,
    FieldProblem,
    Problem,
    field_problems,
    problem_response,
)
from bookstore.core.api.scope import API_ROOT
from bookstore.core.api.tokens import bearer_account, unauthorized
from bookstore.core.interfaces.auth import Account
from bookstore.core.paging import LARGEST_ID
from bookstore.core.web.http import text_of
from bookstore.core.web.i18n import gettext

JSON = "application/json"

V = TypeVar("V", bound=Callable[..., Any])
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Media:
    """Which media types of files an operation takes, and of how many bytes at most."""

    types: tuple[str, ...]
    most_bytes: int


@dataclass(frozen=True)
class Operation:
    """What one view takes and gives, for the request's way and for the document.

    :param account: the annotation of the view's ``account``; None where it takes none.
    :param reply: the model of its answer; None for an empty one.
    :param problems: the statuses of refusals that are this operation's own.
    :param answer_headers: the headers of its answer, with what they tell.
    :param headers: the model of the request's headers; None where it reads none.
    :param moderates: whether it is for moderators alone.
    """

    tag: str
    method: str
    path: str
    view: Callable[..., Any]
    status: int
    problems: frozenset[int]
    answer_headers: Mapping[str, str]
    body: type[BaseModel] | None
    media: Media | None
    query: type[BaseModel] | None
    headers: type[BaseModel] | None
    account: Any
    reply: type[BaseModel] | None
    moderates: bool

    @property
    def reads_token(self) -> bool:
        """Whether a token is looked at."""
        return self.moderates or self.account is not None

    @property
    def secured(self) -> bool:
        """Whether a token is required."""
        return self.moderates or self.account is Account


class Api:
    """Collect the operations of one domain, and serve them as a blueprint.

    :param moderates: whether all of them are for moderators alone; for others there is nothing.
    """

    def __init__(self, name: str, *, moderates: bool = False) -> None:
        self.name = name
        self.moderates = moderates
        self.blueprint = Blueprint(f"{name}_api", __name__, url_prefix=API_ROOT)
        self.blueprint.register_error_handler(Problem, problem_response)
        self.operations: list[Operation] = []

    def route(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        problems: tuple[int, ...] = (),
        headers: Mapping[str, str] | None = None,
        media: Media | None = None,
    ) -> Callable[[V], V]:
        """Serve a view as an operation.

        :param path: a rule of Flask below the API's root; its integers are ids.
        :param status: the status of its good answer.
        :param problems: the statuses of its own refusals; those that follow from what it takes
            are added.
        :param headers: the headers that its answer may have, with what they tell.
        :param media: the files that its ``upload`` may be.
        """

        def register(view: V) -> V:
            told = headers or {}
            operation = _operation(self, method, path, view, status, problems, told, media)
            self.operations.append(operation)
            self.blueprint.add_url_rule(
                path, view.__name__, _served(operation), methods=[method.upper()]
            )
            return view

        return register


def _operation(
    api: Api,
    method: str,
    path: str,
    view: Callable[..., Any],
    status: int,
    problems: tuple[int, ...],
    answer_headers: Mapping[str, str],
    media: Media | None,
) -> Operation:
    takes = inspect.get_annotations(view)
    gives = takes.get("return")
    if get_origin(gives) is Reply:
        (gives,) = get_args(gives)
    return Operation(
        tag=api.name,
        method=method,
        path=f"{API_ROOT}{path}",
        view=view,
        status=status,
        problems=frozenset(problems),
        answer_headers=answer_headers,
        body=takes.get("body"),
        media=media,
        query=takes.get("query"),
        headers=takes.get("headers"),
        account=takes.get("account"),
        reply=gives,
        moderates=api.moderates,
    )


def _served(operation: Operation) -> Callable[..., Response]:
    @wraps(operation.view)
    def serve(**arguments: Any) -> Response:
        # No session is looked at: who asks is who the token says, or nobody.
        g.account = None
        _check_accept()
        # Not the pages' converter for ids: with it, an id too large makes a 405 of a PUT.
        if not all(0 < number <= LARGEST_ID for number in arguments.values()):
            raise Problem(404, text_of(404))
        if operation.reads_token:
            g.account = bearer_account()
            if operation.secured and g.account is None:
                raise unauthorized()
        # Before the rest of the request is looked at, whose refusals would tell of what is here.
        if operation.moderates and not g.account.is_moderator:
            raise Problem(404, text_of(404))
        if operation.account is not None:
            arguments["account"] = g.account
        if operation.headers is not None:
            arguments["headers"] = _read_headers(operation.headers)
        if operation.query is not None:
            arguments["query"] = _read_query(operation.query, request.args)
        if operation.body is not None:
            arguments["body"] = _read_body(operation.body)
        if operation.media is not None:
            arguments["upload"] = _open_upload(operation.media)
        return _rendered(operation.view(**arguments), operation.status)

    return serve


def _check_accept() -> None:
    accepted = request.accept_mimetypes
    if accepted and not accepted.best_match([JSON, MEDIA_TYPE]):
        raise Problem(406, text_of(406))


def _read_headers(model: type[M]) -> M:
    names = {field.alias or name for name, field in model.model_fields.items()}
    given = {name: request.headers[name] for name in names if name in request.headers}
    try:
        return model.model_validate(given)
    except ValidationError as invalid:
        errors = field_problems(invalid.errors(include_url=False))
        raise Problem(400, text_of(400), errors=errors) from None


def _read_query(model: type[M], args: MultiDict[str, str]) -> M:
    given: dict[str, object] = {}
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, texts in args.lists():
        field = fields.get(name)
        # As in a form, what is left empty counts as left out.
        values = texts if field is None else [text for text in texts if text.strip()]
        repeats = field is not None and get_origin(field.annotation) in (list, tuple)
        if values:
            given[name] = values if repeats or len(values) > 1 else values[0]
    try:
        return model.model_validate(given, extra="forbid")
    except ValidationError as invalid:
        raise unprocessable(field_problems(invalid.errors(include_url=False))) from None


def _read_body(model: type[M]) -> M:
    if request.mimetype != JSON:
        raise Problem(415, text_of(415), headers={"Accept": JSON})
    try:
        return model.model_validate_json(request.get_data(), strict=True, extra="forbid")
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
        if any(error["type"] == "json_invalid" for error in errors):
            raise Problem(400, gettext("This is not JSON.")) from None
        raise unprocessable(field_problems(errors)) from None


def _open_upload(media: Media) -> IO[bytes]:
    if request.mimetype not in media.types:
        raise Problem(415, text_of(415), headers={"Accept": ", ".join(media.types)})
    request.max_content_length = media.most_bytes
    return request.stream


def unprocessable(errors: list[FieldProblem]) -> Problem:
    """Return the refusal of a request whose fields are not valid."""
    return Problem(422, gettext("Some fields are not valid."), errors=errors)


def _rendered(result: BaseModel | Reply[Any] | None, status: int) -> Response:
    if result is None:
        empty = Response(status=status)
        # Werkzeug calls everything HTML, also what is empty.
        del empty.content_type
        return empty
    reply: Reply[Any] = result if isinstance(result, Reply) else Reply(result)
    body = reply.body.model_dump_json()
    return Response(body, status=status, headers=dict(reply.headers), mimetype=JSON)
