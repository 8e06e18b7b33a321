"""Tables as lines of JSON that mean the same on every database."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Column, MetaData, Table, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.types import JSON

from bookstore.core.backups.folder import NewBackup
from bookstore.core.backups.homes import Homes
from bookstore.core.backups.manifest import BackupDamaged, BackupFailed, table_file
from bookstore.core.db import schema
from bookstore.core.db.lock import LOCK_TABLE

VERSION_TABLES = frozenset(schema.version_table(domain) for domain in schema.DOMAINS)
COMPRESSION = 3
ROWS_AT_ONCE = 1000

READERS: dict[type, Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    time: time.fromisoformat,
    bytes: base64.b64decode,
    Decimal: Decimal,
    float: float,
}


def reflect(connection: Connection, homes: Homes) -> MetaData:
    """Return the tables of the domains' schemas; a backup may be of an older one than ours."""
    metadata = MetaData()
    for home in {None, *homes.values()}:
        metadata.reflect(connection, schema=home, only=lambda name, _: name != LOCK_TABLE)
    return metadata


def tables_by_domain(
    metadata: MetaData, found: Mapping[str, str], homes: Homes
) -> dict[str, list[Table]]:
    """Return the tables that hold each domain's rows, each after those that it refers to.

    :param found: the revision that the database is at for each domain.
    """
    # Also of domains that were not asked about: what is theirs is nobody else's.
    owners = {name: domain for domain in schema.DOMAINS for name in schema.models(domain).tables}
    # A table that no model has is of a version to come, if the database is at one.
    newer = [domain for domain in found if found[domain] not in schema.revisions(domain)]
    tables: dict[str, list[Table]] = {domain: [] for domain in found}
    for table in metadata.sorted_tables:
        others = (domain for domain in newer if homes[domain] == table.schema)
        owner = owners.get(table.name) or next(others, None)
        if owner not in tables or table.name in VERSION_TABLES or homes[owner] != table.schema:
            continue
        tables[owner].append(table)
    return tables


def dump(connection: Connection, domain: str, table: Table, backup: NewBackup) -> tuple[int, int]:
    """Write a table's rows into a backup, one line each after a line with the columns.

    :return: the number of rows, and the largest id that the database gave; 0 where it gives none.
    """
    columns = _stored(table)
    writers = [_writer(column) for column in columns]
    query = select(*columns).order_by(*table.primary_key)
    numbered = table.autoincrement_column
    place = None if numbered is None else [column.name for column in columns].index(numbered.name)
    rows = largest = 0
    with (
        backup.file(table_file(domain, table.name)) as written,
        gzip.GzipFile("", "wb", COMPRESSION, written, mtime=0) as packed,
    ):
        packed.write(_line([column.name for column in columns]))
        for row in connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}):
            packed.write(_line([write(v) for write, v in zip(writers, row, strict=True)]))
            rows += 1
            if place is not None:
                largest = row[place]
    return rows, largest


def load(connection: Connection, domain: str, table: Table, folder: Path, expected: int) -> None:
    """Insert a table's rows from a backup.

    :param expected: the number of rows that there must be.
    :raise BackupDamaged: when there are others.
    :raise BackupFailed: when the columns are not the table's.
    """
    rows = 0
    with gzip.open(folder / table_file(domain, table.name), "rt", encoding="utf-8") as lines:
        names = json.loads(next(lines))
        if set(names) != {column.name for column in _stored(table)}:
            raise BackupFailed(f"The backup's table {table.name} has other columns than ours.")
        readers = [_reader(table.c[name]) for name in names]
        statement = insert(table)
        for batch in _batches(lines):
            connection.execute(
                statement,
                [
                    {n: read(v) for n, read, v in zip(names, readers, values, strict=True)}
                    for values in batch
                ],
            )
            rows += len(batch)
    if rows != expected:
        raise BackupDamaged(f"The table {table.name} has {rows} rows instead of {expected}.")


def _batches(lines: Iterator[str]) -> Iterator[list[list[Any]]]:
    batch = []
    for line in lines:
        batch.append(json.loads(line))
        if len(batch) == ROWS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _stored(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if column.computed is None]


def _line(values: list[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _writer(column: Column[Any]) -> Callable[[Any], Any]:
    # MariaDB's JSON is a text, so the text is what all of them have.
    return _write_json if isinstance(column.type, JSON) else _write


def _write_json(value: Any) -> Any:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _write(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value) if isinstance(value, Decimal) else value


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, JSON):
        read: Callable[[Any], Any] | None = json.loads
    else:
        read = READERS.get(column.type.python_type)
    if read is None:
        return _as_it_is
    return lambda value: None if value is None else read(value)


def _as_it_is(value: Any) -> Any:
    return value
