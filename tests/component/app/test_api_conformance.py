"""The API keeps to its own OpenAPI document, whatever is sent (schemathesis)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from bookstore.core.paging import LARGEST_ID
from tests.component.app.routes import Case, cases
from tests.component.app.routes_api import API
from tests.component.app.scene import Scene, new_app, picture, sqlite_in

EXAMPLES = 15
# As many people are in the shop, and no more books.
FEW = 6
# The document cannot say what a check digit or a cursor is, so it allows what is then refused.
NOT_SAID = [schemathesis.checks.positive_data_acceptance]

FILES = st.sampled_from([picture(kind) for kind in ("JPEG", "PNG", "WEBP")]) | st.binary()
schemathesis.openapi.media_type("image/jpeg", FILES, aliases=["image/png", "image/webp"])

# Schemathesis makes a test of each operation while tests are collected, when there is no fixture.
FOLDER = TemporaryDirectory()
APP = new_app(sqlite_in(Path(FOLDER.name)), Path(FOLDER.name))
DOCUMENT = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", APP)


@cache
def scene() -> Scene:
    """Give a shop on SQLite that has something for each operation."""
    return Scene(APP)


# By the name that Schemathesis has for an operation; the first entry is what its owner sends.
LEADS = {
    re.sub(r"<int:(\w+)>", r"{\1}", f"{case.method} {case.rule}"): case
    for case in reversed(cases(API))
}


@DOCUMENT.hook
def before_generate_case(
    context: schemathesis.HookContext, strategy: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """Lead every other request to what is there."""
    assert context.operation is not None
    lead = LEADS[context.operation.label]
    return strategy.flatmap(lambda case: led(case, lead) | st.just(case))


@st.composite
def led(draw: st.DrawFn, case: schemathesis.Case[Any], lead: Case) -> schemathesis.Case[Any]:
    """Put what the owner sends, or a part of it, into a request that the document allows."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return case
    for name in case.path_parameters:
        case.path_parameters[name] = lead.id_of(scene(), name)
    if "If-Match" in case.headers:
        shown = scene().client(lead.route.by[-1]).get(lead.path(scene()))
        case.headers["If-Match"] = draw(st.sampled_from([shown.headers["ETag"], "*"]))
    sent = lead.route.sent(scene())
    if isinstance(sent, dict) and isinstance(case.body, dict) and sent:
        names = draw(st.just({*sent}) | st.sets(st.sampled_from(sorted(sent))))
        case.body = {**case.body, **{name: sent[name] for name in names}}
    return case


@pytest.fixture
def good() -> Iterator[list[int]]:
    """Give a list for the statuses of good answers; each operation must have one."""
    scene().reset()
    statuses: list[int] = []
    yield statuses
    assert statuses, "nothing that was sent was taken: say in routes_api.py what would be"


def lead_to_what_is_there(case: schemathesis.Case[Any]) -> None:
    """Turn the ids, of which hardly one is there, into the first few; not the outermost ones."""
    for name, value in case.path_parameters.items():
        if isinstance(value, int) and FEW < value < LARGEST_ID - 1:
            case.path_parameters[name] = 1 + value % FEW


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
@DOCUMENT.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_what_is_answered_is_what_the_document_says(
    case: schemathesis.Case[Any], good: list[int]
) -> None:
    lead_to_what_is_there(case)
    owner = LEADS[case.operation.label].route.by[-1]
    bearer = scene().people[owner].bearer
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    answer = case.call_and_validate(headers=headers, excluded_checks=NOT_SAID)
    # Schemathesis tries other methods at the address too, of which OPTIONS is answered well.
    if case.method == case.operation.method.upper() and answer.status_code < 300:
        good.append(answer.status_code)
        if case.method != "GET":
            # What ends a token or an order's state would have all that follow refused.
            scene().reset()
