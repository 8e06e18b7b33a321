"""Restore a backup."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import MetaData, Table, delete, inspect, select, text
from sqlalchemy.engine import Connection

import bookstore
from bookstore.core.backups.connecting import connected
from bookstore.core.backups.folder import BackupFolder
from bookstore.core.backups.homes import (
    Homes,
    homes_to_write,
    lock_homes,
    opened,
    read_revisions,
)
from bookstore.core.backups.ids import skip_ids
from bookstore.core.backups.manifest import (
    UPLOADS,
    BackupFailed,
    Manifest,
    read_manifest,
    verify,
)
from bookstore.core.backups.rows import VERSION_TABLES, load, reflect, tables_by_domain
from bookstore.core.backups.uploads import load_uploads
from bookstore.core.config.settings import Settings
from bookstore.core.db.lock import database_lock
from bookstore.core.db.migrate import DATABASE_WAIT_SECONDS, make_database_folder, upgrade
from bookstore.core.db.places import Topology
from bookstore.core.db.schema import revisions, version_table

JOBS_SUFFIX = "_jobs"
_NOTHING: Mapping[str, Callable[[Connection], None]] = MappingProxyType({})


def restore(
    settings: Settings,
    name: str,
    *,
    replace: bool = False,
    wait_seconds: float = DATABASE_WAIT_SECONDS,
    topology: Topology | None = None,
    afterwards: Mapping[str, Callable[[Connection], None]] = _NOTHING,
) -> Manifest:
    """Put database and uploads back as a backup has them, then migrate to our schema.

    Only the tables of the backup's domains are touched, wherever the shop has them. Rows that come
    later get ids that nobody had before the restore. The rows are replaced in one transaction.
    Where the schema differs from the backup's, it is made anew before; until the end the shop then
    says that it is not ready, and SQLite takes all of it or nothing. Uploads that the backup does
    not have stay.

    :param name: the name of a backup, or ``latest``.
    :param replace: whether rows that are there may go.
    :param topology: how the shop is run; by default as its tables are now, else whole.
    :param afterwards: what domains do on our schema before anybody uses what was restored.
    :raise BackupFailed: when the backup is damaged or newer than this shop, or the database
        holds rows and ``replace`` is not set; nothing was changed then.
    :raise DatabaseUnreachable: when the database does not answer in time.
    :raise DatabaseRefused: when it does not let the shop in.
    """
    folder = BackupFolder(settings.backups)
    with folder.locked():
        place, manifest = _verified(folder, name)
        make_database_folder(settings)
        with (
            connected(settings, wait_seconds) as connection,
            database_lock(connection) as lock,
            ExitStack() as ends,
        ):
            homes = homes_to_write(connection, settings, topology)
            locks = [lock, *lock_homes(settings, _existing(connection, homes), ends)]
            metadata = reflect(connection, _existing(connection, homes))
            _refuse_to_overwrite(connection, metadata, manifest, homes, replace=replace)
            load_uploads(place / UPLOADS, settings.uploads, manifest.uploads)
            # Whoever has read a table keeps others from changing it.
            _step(connection)
            connections = ends.enter_context(opened(connection, settings, homes))
            _make_schema(connections, metadata, manifest, homes)
            _restore_rows(connection, place, manifest, homes)
            for held in locks:
                held.check()
            _step(connection)
            for domain in manifest.domains:
                upgrade(connections[domain], domain)
            there = read_revisions(connection, homes)
            for domain, work in afterwards.items():
                if domain in there:
                    work(connections[domain])
            for each in connections.values():
                each.commit()
    return manifest


def check(
    settings: Settings,
    name: str,
    *,
    replace: bool = False,
    wait_seconds: float = DATABASE_WAIT_SECONDS,
    topology: Topology | None = None,
) -> Manifest:
    """Check all that ``restore`` needs, and change nothing; the shop may serve meanwhile.

    :raise BackupFailed: when a restore would refuse.
    :raise DatabaseUnreachable: when the database does not answer in time.
    :raise DatabaseRefused: when it does not let the shop in.
    """
    folder = BackupFolder(settings.backups)
    with folder.locked():
        _, manifest = _verified(folder, name)
        with connected(settings, wait_seconds) as connection:
            homes = homes_to_write(connection, settings, topology)
            metadata = reflect(connection, _existing(connection, homes))
            _refuse_to_overwrite(connection, metadata, manifest, homes, replace=replace)
    return manifest


def _verified(folder: BackupFolder, name: str) -> tuple[Path, Manifest]:
    place = folder.find(name)
    manifest = read_manifest(place)
    verify(place, manifest)
    _refuse_unknown_schema(manifest)
    return place, manifest


def _refuse_unknown_schema(manifest: Manifest) -> None:
    for domain, part in manifest.domains.items():
        if part.revision not in revisions(domain):
            raise BackupFailed(
                f"The backup {manifest.name} is of schema {part.revision}, which this version "
                f"of the shop ({bookstore.__version__}) does not know; restore it with version "
                f"{manifest.shop} or a later one that has this schema."
            )


def _existing(connection: Connection, homes: Homes) -> Homes:
    """Return the homes whose schemas there are; a restore makes the others."""
    if not any(homes.values()):
        return homes
    there = {None, *inspect(connection).get_schema_names()}
    return {domain: home for domain, home in homes.items() if home in there}


def _make_schema(
    connections: Mapping[str, Connection], metadata: MetaData, manifest: Manifest, homes: Homes
) -> None:
    for domain, part in manifest.domains.items():
        connection, home = connections[domain], homes[domain]
        found = read_revisions(connection, {domain: home})
        _step(connection)
        if found.get(domain) == part.revision:
            continue
        if domain in found:
            marker = Table(version_table(domain), metadata, schema=home, extend_existing=True)
            old = [*tables_by_domain(metadata, found, {domain: home})[domain], marker]
            metadata.drop_all(connection, tables=old)
        _step(connection)
        upgrade(connection, domain, part.revision)
        _step(connection)


def _restore_rows(connection: Connection, place: Path, manifest: Manifest, homes: Homes) -> None:
    _step(connection)
    metadata = reflect(connection, homes)
    owners = {name: domain for domain, part in manifest.domains.items() for name in part.tables}
    if missing := owners.keys() - {table.name for table in metadata.sorted_tables}:
        raise BackupFailed(
            f"The schema {manifest.schema_revision} has no table {min(missing)}, as the backup has."
        )
    tables = [
        table
        for table in metadata.sorted_tables
        if table.name in owners and homes[owners[table.name]] == table.schema
    ]
    for table in tables:
        skip_ids(connection, table, manifest.domains[owners[table.name]].largest_ids[table.name])
    _step(connection)
    _trust_references(connection, trusted=True)
    for table in reversed(tables):
        connection.execute(delete(table))
    for table in tables:
        domain = owners[table.name]
        load(connection, domain, table, place, manifest.domains[domain].tables[table.name])
    _trust_references(connection, trusted=False)


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


def _refuse_to_overwrite(
    connection: Connection, metadata: MetaData, manifest: Manifest, homes: Homes, *, replace: bool
) -> None:
    names = {table.name for table in metadata.sorted_tables}
    if names and VERSION_TABLES.isdisjoint(names):
        raise BackupFailed(
            f"The database holds tables that are not the shop's, such as {min(names)}; "
            "restore into a database of the shop's own."
        )
    if replace:
        return
    held = tables_by_domain(metadata, read_revisions(connection, homes), homes)
    for table in (table for domain in manifest.domains for table in held.get(domain, [])):
        if table.name.endswith(JOBS_SUFFIX):
            continue  # A shop that nobody has used yet has its own daily jobs there.
        if connection.execute(select(1).select_from(table).limit(1)).first() is not None:
            raise BackupFailed(
                f"The database is not empty: its table {table.name} has rows. "
                "Add --replace to lose what it holds and have the backup's rows instead."
            )
