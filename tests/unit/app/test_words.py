"""One thing has one name: words that the glossary gave up do not come back (docs/reference)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import bookstore

PACKAGE = Path(bookstore.__file__ or "").parent
# Each with what it is called now.
GIVEN_UP = {
    "publication": "book",
    "publications": "books",
    "listing": "book",
    "listings": "books",
    "offer": "book",
    "offers": "books",
    "basket": "cart",
    "baskets": "carts",
    "parcel": "shipment",
    "parcels": "shipments",
    "redemption": "refund",
    "recovery": "password reset",
    "forgotten": "password reset",
    "letters": "mails",
    "people": "accounts",
    "postman": "mailer",
    "chore": "job",
    "chores": "jobs",
}
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def names(tree: ast.AST) -> Iterator[str]:
    """Give the names that a module uses; not its texts, which follow the same glossary by eye."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield name


def test_no_word_that_was_given_up_is_a_name() -> None:
    sources = sorted(PACKAGE.rglob("*.py"))
    assert len(sources) > 100
    found = {
        f"{path.relative_to(PACKAGE)}: {name} (say {GIVEN_UP[word]})"
        for path in sources
        for name in {path.stem, *names(ast.parse(path.read_text()))}
        for word in (part.lower() for part in WORD.findall(name))
        if word in GIVEN_UP
    }
    assert found == set()
