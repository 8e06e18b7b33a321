"""The OpenAPI document is committed as it is made, and is valid."""

from __future__ import annotations

from pathlib import Path

import schemathesis
from click.testing import CliRunner

from bookstore.cli import bookstore

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"


def test_the_committed_document_is_the_made_one() -> None:
    done = CliRunner().invoke(bookstore, ["openapi", "--check", str(COMMITTED)])
    assert (done.exit_code, done.output) == (0, "")
    assert CliRunner().invoke(bookstore, ["openapi"]).output == COMMITTED.read_text()


def test_a_difference_is_told_with_its_fix(tmp_path: Path) -> None:
    edited = tmp_path / "openapi.json"
    edited.write_text("{}")
    done = CliRunner().invoke(bookstore, ["openapi", "--check", str(edited)])
    assert done.exit_code == 1
    assert "run `make generate`" in done.output


def test_the_document_is_valid_openapi_3_1() -> None:
    schemathesis.openapi.from_path(COMMITTED).validate()
