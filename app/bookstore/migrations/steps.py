"""Steps of migrations that can be run again: MySQL commits each DDL statement by itself.

A migration that was killed half-way has no revision yet and runs again from its start, so every
step first looks whether it was done.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from bookstore.core.db import ON_MYSQL, TABLE_OPTIONS


def create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    """Create a table unless it is there."""
    op.create_table(name, *parts, if_not_exists=True, **TABLE_OPTIONS)


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


def _indexes(table: str) -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
