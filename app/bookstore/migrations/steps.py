"""Steps of migrations that can be run again: MySQL commits each DDL statement by itself.

A migration that was killed half-way has no revision yet and runs again from its start, so every
step first looks whether it was done.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from bookstore.core.db.database import ON_MYSQL, TABLE_OPTIONS, Id, UtcDateTime, exact


def create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    """Create a table unless it is there.

    The ids that it numbers never come again, which SQLite has to be asked for.
    """
    numbers = any(isinstance(part, sa.Column) and part.type is Id for part in parts)
    op.create_table(name, *parts, if_not_exists=True, sqlite_autoincrement=numbers, **TABLE_OPTIONS)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column to a table unless it is there."""
    columns = sa.inspect(op.get_bind()).get_columns(table)
    if column.name not in {known["name"] for known in columns}:
        op.add_column(table, column)


def create_index(table: str, *columns: str, **options: Any) -> None:
    """Create an index on columns, named by our convention, unless it is there."""
    name = "_".join(["ix", table, *columns])
    if name not in _indexes(table):
        op.create_index(name, table, list(columns), **options)


def create_fulltext_index(table: str, column: str) -> None:
    """Create a full-text index where the database has them, unless it is there."""
    if op.get_bind().dialect.name in ON_MYSQL:
        create_index(table, column, mysql_prefix="FULLTEXT", mariadb_prefix="FULLTEXT")


def create_jobs_table(name: str) -> None:
    """Create a domain's table of jobs and its index unless they are there."""
    create_table(
        name,
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", exact(60), nullable=False),
        sa.Column("key", exact(100), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("run_at", UtcDateTime, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lease", exact(32)),
        sa.Column("leased_until", UtcDateTime),
        sa.Column("done_at", UtcDateTime),
        sa.Column("failed_at", UtcDateTime),
        sa.Column("error", sa.String(300)),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        sa.UniqueConstraint("kind", "key", name=f"uq_{name}_kind_key"),
    )
    create_index(name, "done_at", "failed_at", "run_at", "kind")


def _indexes(table: str) -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
