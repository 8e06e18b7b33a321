"""What people typed, and the links they were sent, is in no log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bookstore.core.db.database import Database
from bookstore.core.observability.logging import LineFormatter
from tests.component.app.databases import on_every_database, on_sqlite

TYPED = "ana.said.this@example.com"
# As itsdangerous signs them.
TOKEN = "WzEsImFuYUBleGFtcGxlLmNvbSJd.aSrT1w.VfQx0_kdS-8m2Lq9NnXgB3cYt5E"
VARIATIONS = ("{}", "{}/", "{}//", "{}/more", "/{}", "{}%20", "{}.", "{}?a=1", "{};a")

LogLines = Callable[[], str]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> LogLines:
    """Give the lines that were logged."""
    caplog.set_level(logging.DEBUG)
    formatter = LineFormatter()
    return lambda: "\n".join(formatter.format(record) for record in caplog.records)


@on_every_database
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO words VALUES (:typed)",
        "INSERT INTO words VALUES (:typed, :typed)",
        "SELECT * FROM words WHERE WHERE word = :typed",
        "UPDATE words SET word = CONCAT(:typed, :typed, :typed)",
        "SELECT * FROM nowhere WHERE word = :typed",
    ],
)
def test_the_values_of_a_statement_that_failed_are_not_logged(
    database: Database, logged: LogLines, statement: str
) -> None:
    with database.engine.connect() as connection:
        connection.execute(
            text("CREATE TEMPORARY TABLE words (word VARCHAR(60) PRIMARY KEY CHECK (word <> ''))")
        )
        connection.execute(text("INSERT INTO words VALUES (:typed)"), {"typed": TYPED})
        with pytest.raises(DBAPIError) as failed:
            connection.execute(text(statement), {"typed": TYPED})
        connection.execute(text("DROP TABLE words"))
    logging.getLogger("bookstore.test").error("unexpected", exc_info=failed.value)
    assert "Traceback" in logged()
    assert TYPED not in logged()


@on_sqlite
def test_a_link_with_a_token_is_logged_at_no_address(app: Flask, logged: LogLines) -> None:
    client = app.test_client()
    addresses = {
        variation.format(re.sub("<[^>]+>", TOKEN, rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.arguments
        for variation in VARIATIONS
    }
    addresses |= {address.upper().replace(TOKEN.upper(), TOKEN) for address in addresses}
    for address in sorted(addresses):
        for method in ("GET", "POST"):
            client.open(address, method=method)
    assert "/auth/reset/" in logged()
    assert TOKEN not in logged()
    assert [part for part in TOKEN.split(".") if len(part) > 20 and part in logged()] == []
