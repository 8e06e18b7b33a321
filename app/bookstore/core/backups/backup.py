"""Take a backup."""

from typing import Any

from sqlalchemy import Table, text
from sqlalchemy.engine import Connection

import bookstore
from bookstore.core.backups.connecting import connected
from bookstore.core.backups.folder import BackupFolder, NewBackup, moment_of
from bookstore.core.backups.homes import (
    homes_to_read,
    lock_homes,
    locked_against_moves,
    read_revisions,
)
from bookstore.core.backups.manifest import Manifest, Part, verify
from bookstore.core.backups.rows import dump, reflect, tables_by_domain
from bookstore.core.backups.uploads import dump_uploads
from bookstore.core.config.settings import Settings
from bookstore.core.db.migrate import DATABASE_WAIT_SECONDS


def back_up(
    settings: Settings,
    wait_seconds: float = DATABASE_WAIT_SECONDS,
    keep: int | None = None,
    days: float | None = None,
) -> Manifest:
    """Write a backup of database and uploads into the folder of backups, then prune old ones.

    The rows are those of one moment, also where each domain has a schema of its own; the shop goes
    on meanwhile. Two at once run one after the other.

    :param wait_seconds: how long to wait for the database to answer.
    :param keep: how many backups stay; all without.
    :param days: how many days a backup stays; for ever without.
    :raise BackupFailed: when it cannot be written, or is read back otherwise than it was written;
        then nothing of it stays.
    :raise DatabaseUnreachable: when the database does not answer in time.
    :raise DatabaseRefused: when it does not let the shop in.
    """
    folder = BackupFolder(settings.backups)
    with folder.locked():
        with folder.writing() as new:
            rows = _dump_rows(settings, wait_seconds, new)
            uploads = dump_uploads(settings.uploads, new)
            manifest = Manifest(
                name=new.name,
                created=moment_of(new.name),
                shop=bookstore.__version__,
                uploads=uploads,
                files=tuple(new.files),
                **rows,
            )
            new.finish(manifest)
            # What was written is read back before it counts as a backup.
            verify(new.folder, manifest)
        folder.prune(keep, days, good=manifest.name)
    return manifest


def _dump_rows(settings: Settings, wait_seconds: float, new: NewBackup) -> dict[str, Any]:
    with (
        connected(settings, wait_seconds) as connection,
        locked_against_moves(connection, settings) as (_, ends),
    ):
        homes = homes_to_read(connection, settings)
        lock_homes(settings, homes, ends)
        found = read_revisions(connection, homes)
        metadata = reflect(connection, homes)
        _see_one_moment(connection)
        domains = {
            domain: _dump_part(connection, domain, found[domain], tables, new)
            for domain, tables in tables_by_domain(metadata, found, homes).items()
        }
        return {"database": connection.dialect.name, "domains": domains}


def _dump_part(
    connection: Connection, domain: str, revision: str, tables: list[Table], new: NewBackup
) -> Part:
    dumped = {table.name: dump(connection, domain, table, new) for table in tables}
    return Part(
        revision=revision,
        tables={name: rows for name, (rows, _) in dumped.items()},
        largest_ids={name: largest for name, (_, largest) in dumped.items()},
    )


def _see_one_moment(connection: Connection) -> None:
    connection.rollback()
    if connection.dialect.name == "sqlite":
        return  # A transaction sees what was there at its first query.
    connection.execution_options(isolation_level="REPEATABLE READ")
    connection.execute(text("START TRANSACTION WITH CONSISTENT SNAPSHOT"))
