"""The API keeps to its own OpenAPI document, whatever is sent (schemathesis)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from bookstore.core.config import load_settings
from bookstore.core.migrate import migrate
from bookstore.factory import create_app
from tests.component.app.client import Client

EXAMPLES = 25
# The document cannot say what a check digit or a cursor is, so it allows what is then refused.
NOT_SAID = [schemathesis.checks.positive_data_acceptance]

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
    """Give a program that is logged in to a shop on SQLite, with a few listings."""
    migrate(SHOP)
    client = Client(APP).register().log_in()
    for _ in range(3):
        client.publish()
    return client


@DOCUMENT.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_what_is_answered_is_what_the_document_says(
    case: schemathesis.Case[Any], client: Client
) -> None:
    case.call_and_validate(
        headers={"Authorization": f"Bearer {client.token}"}, excluded_checks=NOT_SAID
    )
