"""The API keeps to its own OpenAPI document, whatever is sent (schemathesis)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookstore.auth.models import User
from bookstore.auth.moderation import Moderation, NothingToDo, OwnAccount
from bookstore.core.api.tokens import issue_token
from bookstore.core.config import load_settings
from bookstore.core.db import Database
from bookstore.core.migrate import migrate
from bookstore.core.paging import LARGEST_ID
from bookstore.factory import create_app
from tests.component.app.client import Client

EXAMPLES = 15
# As many people are in the shop at least, and as many books.
FEW = 4
# The document cannot say what a check digit or a cursor is, so it allows what is then refused.
NOT_SAID = [schemathesis.checks.positive_data_acceptance]

schemathesis.openapi.media_type("image/jpeg", st.binary(), aliases=["image/png", "image/webp"])

# Schemathesis makes a test of each operation while tests are collected, when there is no fixture.
FOLDER = TemporaryDirectory()
SHOP = load_settings(
    sqlalchemy_database_uri=f"sqlite:///{FOLDER.name}/shop.sqlite3",
    secret_key="for the tests alone, not secret",
    instance_dir=Path(FOLDER.name),
)
APP = create_app(SHOP)
MODERATION: Moderation = APP.extensions["bookstore.moderation"]
DOCUMENT = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", APP)


@pytest.fixture(scope="module")
def client() -> Client:
    """Give a program of a moderator of a shop on SQLite, with its listings and others'."""
    migrate(SHOP)
    client, other, *_ = (Client(APP).register().log_in() for _ in range(FEW))
    for seller in (other, client, client, other):
        seller.publish()
    MODERATION.create_admin(client.email, "", None)
    return client


@pytest.fixture(autouse=True)
def judged(request: pytest.FixtureRequest, client: Client) -> None:
    """Have nobody suspended and nothing hidden, or all where the operation puts an end to it."""
    done = request.node.name.endswith(("/restore]", "/unhide]"))
    turn_person = MODERATION.suspend if done else MODERATION.restore
    turn_book = MODERATION.hide if done else MODERATION.unhide
    for number in range(1, FEW + 1):
        for turn in (turn_person, turn_book):
            with suppress(NothingToDo, OwnAccount):
                turn(1, number, "For the next operation")


@pytest.fixture
def token(client: Client) -> str:
    """Give a token that holds: the operation before may have ended all."""
    database: Database = APP.extensions["bookstore.database"]
    with database.reading() as db, APP.app_context():
        row = db.execute(
            select(User.id, User.session_epoch).where(User.email == client.email)
        ).one()
        return issue_token(row.id, row.session_epoch).text


@pytest.fixture
def good(request: pytest.FixtureRequest) -> Iterator[list[int]]:
    """Give a list for the statuses of good answers; an operation of moderators must have one."""
    statuses: list[int] = []
    yield statuses
    assert statuses or "/admin/" not in request.node.name


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
    case: schemathesis.Case[Any], token: str, good: list[int]
) -> None:
    lead_to_what_is_there(case)
    headers = {"Authorization": f"Bearer {token}"}
    answer = case.call_and_validate(headers=headers, excluded_checks=NOT_SAID)
    # Schemathesis tries other methods at the address too, of which OPTIONS is answered well.
    if case.method == case.operation.method.upper() and answer.status_code < 300:
        good.append(answer.status_code)
