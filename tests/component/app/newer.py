"""A newer version of the shop: this one with more migrations."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bookstore.core import migrate, schema

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
    before = migrate.head_revision()
    scripts = folder / "-".join(["newer", *(change.revision for change in changes)])
    shutil.copytree(schema.SCRIPTS, scripts, dirs_exist_ok=True)
    for change in changes:
        (scripts / "versions" / f"{change.revision}.py").write_text(change.script(before))
        before = change.revision
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "SCRIPTS", scripts)
        yield
