"""The verbs of backups: take one, restore one."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, delete, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

import bookstore
from bookstore.core.backups.folder import BackupFolder, NewBackup, moment_of
from bookstore.core.backups.manifest import (
    UPLOADS,
    BackupFailed,
    Manifest,
    read_manifest,
    verify,
)
from bookstore.core.backups.rows import dump, load, reflect, shop_tables
from bookstore.core.backups.uploads import dump_uploads, load_uploads
from bookstore.core.config import Settings
from bookstore.core.engine import build_engine, driver_message
from bookstore.core.lock import HeldLock, database_lock
from bookstore.core.migrate import (
    DATABASE_WAIT_SECONDS,
    make_database_folder,
    upgrade,
    wait_for_database,
)
from bookstore.core.schema import DOMAINS, read_revisions, revisions, version_table


def back_up(
    settings: Settings,
    wait_seconds: float = DATABASE_WAIT_SECONDS,
    keep: int | None = None,
    days: float | None = None,
) -> Manifest:
    """Write a backup of database and uploads into the folder of backups, then prune old ones.

    The rows are those of one moment; the shop goes on meanwhile. Two at once run one after the
    other.

    :param wait_seconds: how long to wait for the database to answer.
    :param keep: how many backups stay; all without.
    :param days: how many days a backup stays; for ever without.
    :raise BackupFailed: when it cannot be written; then nothing of it stays.
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
        folder.prune(keep, days)
    return manifest


def restore(
    settings: Settings,
    name: str,
    *,
    replace: bool = False,
    wait_seconds: float = DATABASE_WAIT_SECONDS,
) -> Manifest:
    """Put database and uploads back as a backup has them, then migrate to our schema.

    The rows are replaced in one transaction. Where the schema differs from the backup's, it is
    made anew before; until the end the shop then says that it is not ready, and SQLite takes
    all of it or nothing. Uploads that the backup does not have stay.

    :param name: the name of a backup, or ``latest``.
    :param replace: whether rows that are there may go.
    :raise BackupFailed: when the backup is damaged or newer than this shop, or the database
        holds rows and ``replace`` is not set; nothing was changed then.
    :raise DatabaseUnreachable: when the database does not answer in time.
    :raise DatabaseRefused: when it does not let the shop in.
    """
    folder = BackupFolder(settings.backups)
    with folder.locked():
        place = folder.find(name)
        manifest = read_manifest(place)
        verify(place, manifest)
        _refuse_unknown_schema(manifest)
        make_database_folder(settings)
        with (
            _connected(settings, wait_seconds) as connection,
            database_lock(connection) as lock,
        ):
            metadata = reflect(connection)
            _refuse_to_overwrite(connection, metadata, replace=replace)
            load_uploads(place / UPLOADS, settings.uploads, manifest.uploads)
            _restore_rows(connection, lock, metadata, place, manifest)
    return manifest


def _refuse_unknown_schema(manifest: Manifest) -> None:
    for domain, revision in manifest.revisions.items():
        if revision not in revisions(domain):
            raise BackupFailed(
                f"The backup {manifest.name} is of schema {revision}, which this version "
                f"of the shop ({bookstore.__version__}) does not know; restore it with version "
                f"{manifest.shop} or a later one that has this schema."
            )


def _dump_rows(settings: Settings, wait_seconds: float, new: NewBackup) -> dict[str, Any]:
    with _connected(settings, wait_seconds) as connection, _kept_from_migrations(connection):
        found = read_revisions(connection)
        if not found:
            raise BackupFailed("The database has no schema; run bookstore migrate first.")
        metadata = reflect(connection)
        _see_one_moment(connection)
        tables = {table.name: dump(connection, table, new) for table in shop_tables(metadata)}
        return {"revisions": found, "database": connection.dialect.name, "tables": tables}


def _kept_from_migrations(connection: Connection) -> AbstractContextManager[HeldLock | None]:
    # A transaction that reads lets SQLite's schema change without seeing it, and others write.
    return nullcontext() if connection.dialect.name == "sqlite" else database_lock(connection)


def _restore_rows(
    connection: Connection, lock: HeldLock, metadata: MetaData, place: Path, manifest: Manifest
) -> None:
    _trust_references(connection, trusted=True)
    if read_revisions(connection) != manifest.revisions:
        metadata.drop_all(connection)
        _step(connection)
        for domain, revision in manifest.revisions.items():
            upgrade(connection, domain, revision)
            _step(connection)
        metadata = reflect(connection)
    tables = shop_tables(metadata)
    if {table.name for table in tables} != set(manifest.tables):
        raise BackupFailed(
            f"The backup's tables are not those of schema {manifest.schema_revision}."
        )
    for table in reversed(tables):
        connection.execute(delete(table))
    for table in tables:
        load(connection, table, place, manifest.tables[table.name])
    lock.check()
    _step(connection)
    _trust_references(connection, trusted=False)
    for domain in DOMAINS:
        upgrade(connection, domain)
    connection.commit()


def _step(connection: Connection) -> None:
    # SQLite takes changes of the schema back with the rest, so there all is one transaction.
    if connection.dialect.name != "sqlite":
        connection.commit()


def _trust_references(connection: Connection, *, trusted: bool) -> None:
    # The rows of one moment fit together, but not at every line of the way.
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"PRAGMA defer_foreign_keys = {'ON' if trusted else 'OFF'}"))
    else:
        connection.execute(text(f"SET SESSION foreign_key_checks = {0 if trusted else 1}"))


def _refuse_to_overwrite(connection: Connection, metadata: MetaData, *, replace: bool) -> None:
    versions = {version_table(domain) for domain in DOMAINS}
    if metadata.tables and versions.isdisjoint(metadata.tables):
        raise BackupFailed(
            f"The database holds tables that are not the shop's, such as {min(metadata.tables)}; "
            "restore into a database of the shop's own."
        )
    if replace:
        return
    for table in shop_tables(metadata):
        if connection.execute(select(1).select_from(table).limit(1)).first() is not None:
            raise BackupFailed(
                f"The database is not empty: its table {table.name} has rows. "
                "Add --replace to lose what it holds and have the backup's rows instead."
            )


def _see_one_moment(connection: Connection) -> None:
    connection.rollback()
    if connection.dialect.name == "sqlite":
        return  # A transaction sees what was there at its first query.
    connection.execution_options(isolation_level="REPEATABLE READ")
    connection.execute(text("START TRANSACTION WITH CONSISTENT SNAPSHOT"))


@contextmanager
def _connected(settings: Settings, wait_seconds: float) -> Iterator[Connection]:
    engine = build_engine(settings, patient=True)
    try:
        wait_for_database(engine, wait_seconds)
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise BackupFailed(f"The database refused: {driver_message(error)}.") from error
    finally:
        engine.dispose()
