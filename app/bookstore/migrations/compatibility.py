"""What each migration leaves in the database: the oldest version of the shop that works there."""

from collections.abc import Collection, Mapping
from typing import Any, cast

import sqlalchemy as sa
from alembic import context
from alembic.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from bookstore.core.db.database import ON_MYSQL, TABLE_OPTIONS, exact


def ensure_version_table(connection: Connection, name: str) -> None:
    """Create Alembic's table of a domain, with a column of our own, unless it is there."""
    sa.Table(
        name,
        sa.MetaData(),
        sa.Column("version_num", exact(32), nullable=False),
        sa.Column("oldest_compatible", exact(32)),
        sa.PrimaryKeyConstraint("version_num", name=f"pk_{name}"),
        **TABLE_OPTIONS,
    ).create(connection, checkfirst=True)
    if connection.dialect.name in ON_MYSQL:
        # Alembic commits each migration by itself where no transaction runs yet.
        connection.commit()


def record(
    ctx: MigrationContext,
    step: MigrationInfo,
    heads: Collection[Any],  # noqa: ARG001
    run_args: Mapping[str, Any],  # noqa: ARG001
) -> None:
    """Write the oldest compatible revision, in the transaction that writes the revision itself."""
    versions = sa.table(ctx.version_table, sa.column("oldest_compatible"))
    oldest = oldest_compatible(context.script, cast("str", step.up_revision_id))
    connection = cast("Connection", ctx.connection)
    connection.execute(sa.update(versions).values(oldest_compatible=oldest))


def oldest_compatible(scripts: ScriptDirectory, revision: str) -> str:
    """Return the oldest revision whose version of the shop works with the schema of another.

    A revision declares it as ``oldest_compatible``; without that it is the one before. Each of
    the revisions that a version lacks must work with it, so the newest declaration counts.
    """
    order = revisions_up_to(scripts, revision)
    return max((declared(scripts, each) for each in order), key=order.index)


def declared(scripts: ScriptDirectory, revision: str) -> str:
    """Return the oldest revision that a single one declares to work with."""
    script = scripts.get_revision(revision)
    before = script.down_revision or revision
    return str(getattr(script.module, "oldest_compatible", before))


def revisions_up_to(scripts: ScriptDirectory, revision: str) -> list[str]:
    """Return a revision and those before it, oldest first."""
    return [script.revision for script in scripts.walk_revisions("base", revision)][::-1]
