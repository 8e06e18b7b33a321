"""Ids after a restore: none comes again that somebody may have been given before it."""

import random

from sqlalchemy import Table, delete, func, insert, select, table, text
from sqlalchemy.engine import Connection
from sqlalchemy.sql import column

# More than a shop hands out between a backup and its restore, and not the same at each restore.
APART = 10_000_000

_SEQUENCES = table("sqlite_sequence", column("name"), column("seq"))


def skip_ids(connection: Connection, numbered: Table, largest: int) -> None:
    """Make a table number its next rows far beyond those that it has and its backup has.

    MySQL commits what ran before; SQLite takes it back with the rest.

    :param numbered: a table; nothing happens where the database does not number its rows.
    :param largest: the largest id that the backup has.
    """
    ids = numbered.autoincrement_column
    if ids is None:
        return
    known = max(largest, connection.scalar(select(func.max(ids))) or 0)
    following = known + APART + random.randrange(APART)
    if connection.dialect.name == "sqlite":
        connection.execute(delete(_SEQUENCES).where(_SEQUENCES.c.name == numbered.name))
        connection.execute(insert(_SEQUENCES).values(name=numbered.name, seq=following))
    else:
        name = connection.dialect.identifier_preparer.format_table(numbered)
        connection.execute(text(f"ALTER TABLE {name} AUTO_INCREMENT = {following}"))
