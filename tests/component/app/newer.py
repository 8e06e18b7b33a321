"""A newer version of the shop: this one with more migrations of its domains."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bookstore.core.db import schema

SCRIPT = """
import sqlalchemy as sa
from alembic import op

from bookstore.migrations.steps import add_column

revision = {revision!r}
down_revision = {before!r}
branch_labels = None
depends_on = None
{declared}

def upgrade() -> None:
    {step}
"""


@dataclass(frozen=True)
class Change:
    """A migration that this version does not have, and what it declares."""

    revision: str
    step: str
    oldest_compatible: str | None = None
    domain: str = "catalogue"

    def script(self, before: str) -> str:
        declared = ""
        if self.oldest_compatible is not None:
            declared = f"oldest_compatible = {self.oldest_compatible!r}\n"
        return SCRIPT.format(
            revision=self.revision, before=before, declared=declared, step=self.step
        )


@contextmanager
def newer_version(folder: Path, *changes: Change) -> Iterator[None]:
    """Be a version of the shop that has these changes too, one after the other."""
    newest = schema.head_revisions()
    package = folder / "-".join(["newer", *(change.revision for change in changes)])
    for domain in schema.DOMAINS:
        target = package / domain / "migrations"
        shutil.copytree(schema.scripts(domain), target, dirs_exist_ok=True)
    for change in changes:
        script = package / change.domain / "migrations" / f"{change.revision}.py"
        script.write_text(change.script(newest[change.domain]))
        newest[change.domain] = change.revision
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "PACKAGE", package)
        yield
