"""The documentation leads somewhere: to files that are there and verbs that make knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
VERB = re.compile(r"(?:`|^)make ([a-z][a-z-]*)", re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):.*## ", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_verbs(page: Path) -> None:
    text = page.read_text()
    relative = [link for link in LINK.findall(text) if "://" not in link and link[0] != "#"]
    assert [link for link in relative if not (page.parent / link.partition("#")[0]).exists()] == []
    known = TARGET.findall((ROOT / "Makefile").read_text())
    assert set(VERB.findall(text)) <= set(known)
