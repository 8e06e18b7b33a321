"""Problem documents (RFC 9457): every refusal of the API says what is wrong, in one form."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from flask import Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails

from bookstore.core.web.forms import sentence
from bookstore.core.web.i18n import language

MEDIA_TYPE = "application/problem+json"
BLANK = "about:blank"
TYPE_PREFIX = "urn:problem-type:bookstore:"


class FieldProblem(BaseModel):
    """Name one bad field; members of lists and objects are joined by dots."""

    field: str = Field(
        examples=["lines.0.quantity"], description="Empty where it is the body as a whole."
    )
    message: str = Field(description="What to do about it, in the language of Accept-Language.")


class ProblemDocument(BaseModel):
    """What is wrong with a request."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(
        description=f"{BLANK}, or {TYPE_PREFIX} and a name where the status alone does not tell."
    )
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="A sentence in the language of Accept-Language.")
    errors: list[FieldProblem] | None = Field(None, description="The bad fields, if any.")
    purchase_id: int | None = Field(None, description="The purchase whose payment failed.")


class Problem(Exception):
    """Refuse a request of the API.

    :param status: the HTTP status.
    :param detail: a sentence in the reader's language.
    :param code: names the problem among those of the same status, such as ``out-of-stock``.
    :param errors: the bad fields.
    :param headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        code: str | None = None,
        *,
        errors: Iterable[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        purchase_id: int | None = None,
    ) -> None:
        super().__init__(f"{status} {code or ''}".strip())
        self.status = status
        self.headers = dict(headers or {})
        self.document = ProblemDocument(
            type=f"{TYPE_PREFIX}{code}" if code else BLANK,
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            errors=list(errors) or None,
            purchase_id=purchase_id,
        )


def problem_response(problem: Problem) -> Response:
    """Return the answer that tells a problem."""
    response = Response(
        problem.document.model_dump_json(exclude_none=True),
        status=problem.status,
        mimetype=MEDIA_TYPE,
        headers=problem.headers,
    )
    response.content_language.add(language())
    return response


def field_problems(errors: Iterable[ErrorDetails]) -> list[FieldProblem]:
    """Return pydantic's errors as bad fields, one sentence for each, as the forms say it."""
    told: dict[str, str] = {}
    for error in errors:
        told.setdefault(".".join(str(part) for part in error["loc"]), sentence(error))
    return [FieldProblem(field=field, message=message) for field, message in told.items()]
