"""What is generated for people who run BookStore is committed, and has all that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.operations import sources
from deploy.operations.__main__ import generated

ROOT = Path(__file__).parents[3]
FILES = generated()


@pytest.mark.parametrize("path", FILES)
def test_the_committed_file_is_the_generated_one(path: str) -> None:
    assert (ROOT / path).read_text() == FILES[path], "run `make generate`"


@pytest.mark.parametrize("folder", ["charts", "bundle"])
def test_nothing_is_committed_that_is_generated_no_more(folder: str) -> None:
    there = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.is_file()}
    assert there == {path for path in FILES if path.startswith(f"{folder}/")}


def test_every_alert_is_in_the_index_and_in_the_reference() -> None:
    names = {alert.name for alert in sources.alerts()}
    assert names
    for page in ("docs/runbooks/README.md", "docs/reference/alerts.md"):
        assert [name for name in names if f"[{name}](" not in FILES[page]] == []
