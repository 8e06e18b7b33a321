"""The API keeps to its own OpenAPI document, whatever is sent (schemathesis)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookstore.auth.models import User
from bookstore.core.api.tokens import issue_token
from bookstore.core.config import load_settings
from bookstore.core.db import Database
from bookstore.core.migrate import migrate
from bookstore.factory import create_app
from tests.component.app.client import Client

EXAMPLES = 15
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
DOCUMENT = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", APP)


@pytest.fixture(scope="module")
def client() -> Client:
    """Give a program with an account of a shop on SQLite, with its listings and another's."""
    migrate(SHOP)
    client, other = (Client(APP).register().log_in() for _ in range(2))
    for seller in (other, client, client):
        seller.publish()
    return client


@pytest.fixture
def token(client: Client) -> str:
    """Give a token that holds: the operation before may have ended all."""
    database: Database = APP.extensions["bookstore.database"]
    with database.reading() as db, APP.app_context():
        row = db.execute(
            select(User.id, User.session_epoch).where(User.email == client.email)
        ).one()
        return issue_token(row.id, row.session_epoch).text


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
@DOCUMENT.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_what_is_answered_is_what_the_document_says(
    case: schemathesis.Case[Any], token: str
) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, excluded_checks=NOT_SAID)
