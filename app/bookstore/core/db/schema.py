"""The schema: each domain's revisions in this version of the shop, and those of a database.

Each domain migrates by itself and could do so in a database of its own. A version cannot know the
revisions of later ones. So a migration leaves in the database, beside its revision, the oldest
revision whose version of the shop still works there, and a version that is rolled back to reads it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from sqlalchemy import MetaData, inspect, select, table, text
from sqlalchemy.engine import Connection

DOMAINS = ("auth", "catalogue", "orders")
PACKAGE = Path(__file__).parent.parent.parent
PREVIOUS = re.compile(r"""^down_revision = ["'](.+)["']$""", re.MULTILINE)
VERSION_TABLE_SUFFIX = "_alembic_version"


@dataclass(frozen=True)
class Schema:
    """A domain's revision in a database, and the oldest one whose version works with it."""

    revision: str
    oldest_compatible: str | None

    def works_with(self, known: Collection[str]) -> bool:
        """Return whether a version of the shop that has these revisions can work with it.

        Who has the oldest compatible revision is at it or after it.
        """
        return self.revision in known or self.oldest_compatible in known


def scripts(domain: str) -> Path:
    """Return the folder of a domain's revisions."""
    return PACKAGE / domain / "migrations"


def models(domain: str) -> MetaData:
    """Return the tables of a domain in this version, as its models have them."""
    # By its name, as the revisions are: core knows no domain.
    found: MetaData = import_module(f"bookstore.{domain}.models").Base.metadata
    return found


def version_table(domain: str) -> str:
    """Return the name of the table that holds a domain's revision."""
    return domain + VERSION_TABLE_SUFFIX


def revisions(domain: str) -> list[str]:
    """Return a domain's revisions in this version, oldest first; each file is named as its own.

    Their order is the one in which each names the one before, whatever their numbers. The files
    are read without Alembic, which a server does not need.
    """
    following: dict[str, str] = {}
    for path in scripts(domain).glob(f"{domain}_*.py"):
        before = PREVIOUS.search(path.read_text(encoding="utf-8"))
        following[before[1] if before else ""] = path.stem
    ordered: list[str] = []
    while (revision := following.get(ordered[-1] if ordered else "")) is not None:
        ordered.append(revision)
    return ordered


def head_revision(domain: str) -> str:
    """Return the newest revision of a domain that this version of the shop has."""
    return revisions(domain)[-1]


def head_revisions(domains: Collection[str] = DOMAINS) -> dict[str, str]:
    """Return the newest revision of each domain that this version of the shop has."""
    return {domain: head_revision(domain) for domain in domains}


def read_schema(connection: Connection, domain: str, place: str | None = None) -> Schema | None:
    """Read what a database says of a domain's schema; None when no migration of it has ended yet.

    :param place: where its tables are, if not where the connection is for.
    :raise SQLAlchemyError: when the database does not answer.
    """
    name = version_table(domain)
    if not inspect(connection).has_table(name, schema=place):
        return None
    # Every column: a later version may have added some.
    every = select(text("*")).select_from(table(name, schema=place))
    row = connection.execute(every).mappings().first()
    if row is None:
        return None
    return Schema(row["version_num"], row.get("oldest_compatible"))


def read_revisions(connection: Connection, domains: Collection[str] = DOMAINS) -> dict[str, str]:
    """Return the revision that a database is at for each domain that has one there."""
    found = {domain: read_schema(connection, domain) for domain in domains}
    return {domain: schema.revision for domain, schema in found.items() if schema is not None}
