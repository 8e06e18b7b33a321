"""The schema: the revisions that this version of the shop has, and the one that a database is at.

A version cannot know the revisions of later ones. So a migration leaves in the database, beside
its revision, the oldest revision whose version of the shop still works there, and a version that
is rolled back to reads it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, table, text
from sqlalchemy.engine import Connection

SCRIPTS = Path(__file__).parent.parent / "migrations"
PREVIOUS = re.compile(r"""^down_revision = ["'](.+)["']$""", re.MULTILINE)
REVISION_TABLE = "alembic_version"


@dataclass(frozen=True)
class Schema:
    """Hold a database's revision, and the oldest one whose version of the shop works with it."""

    revision: str
    oldest_compatible: str | None

    def works_with(self, known: Collection[str]) -> bool:
        """Return whether a version of the shop that has these revisions can work with it.

        Who has the oldest compatible revision is at it or after it.
        """
        return self.revision in known or self.oldest_compatible in known


def revisions() -> list[str]:
    """Return the revisions of this version, oldest first; each file is named as its revision.

    Their order is the one in which each names the one before, whatever their numbers. The files
    are read without Alembic, which a server does not need.
    """
    following: dict[str, str] = {}
    for path in (SCRIPTS / "versions").glob("[0-9]*.py"):
        before = PREVIOUS.search(path.read_text(encoding="utf-8"))
        following[before[1] if before else ""] = path.stem
    ordered: list[str] = []
    while (revision := following.get(ordered[-1] if ordered else "")) is not None:
        ordered.append(revision)
    return ordered


def read_schema(connection: Connection) -> Schema | None:
    """Read what a database says of its schema; None when no migration has ended yet.

    :raise SQLAlchemyError: when there was never one, or the database does not answer.
    """
    # Every column: databases of older versions have the revision alone.
    query = select(text("*")).select_from(table(REVISION_TABLE))
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return Schema(row["version_num"], row.get("oldest_compatible"))
