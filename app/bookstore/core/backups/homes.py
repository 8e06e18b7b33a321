"""The schemas that a backup's rows come from, and a restore's go to: one, or one of each domain.

All are on one server and read over one connection, so a snapshot of it is of all domains at once.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from bookstore.core.backups.manifest import BackupFailed
from bookstore.core.config.settings import Settings
from bookstore.core.db.engine import build_engine
from bookstore.core.db.lock import DDL_LOCK_WAIT_SECONDS, HeldLock, database_lock
from bookstore.core.db.places import (
    Places,
    Topology,
    grant,
    in_schema,
    locked_schema,
    own_schema,
    schemas_of,
)
from bookstore.core.db.schema import DOMAINS, Schema, read_schema, version_table

Homes = Mapping[str, str | None]
"""For each domain the schema of its tables; None is the one that the connection is for."""


def homes_to_read(connection: Connection, settings: Settings) -> Homes:
    """Return where the tables of each domain are that has any.

    :raise BackupFailed: when there are none, or only some where each domain has its own schema.
    """
    homes = _homes(connection, settings)
    missing = [domain for domain in DOMAINS if domain not in homes]
    if not homes and settings.on_sqlite:
        raise BackupFailed("The database has no schema; run bookstore migrate first.")
    shop = str(settings.database_url.database)
    if not homes or (missing and any(homes.values())):
        raise BackupFailed(
            f"No tables of {', '.join(missing)} are in {shop} or in schemas of their own, such as "
            f"{own_schema(shop, missing[0])}, that this login may see. Run bookstore migrate "
            f"where there are none yet; else let the login see them: {grant(shop)}."
        )
    return homes


def homes_to_write(
    connection: Connection, settings: Settings, topology: Topology | None = None
) -> Homes:
    """Return where the tables of each domain are, or will be.

    :param topology: how the shop is run; by default as its tables are now, else whole.
    :raise BackupFailed: when they are elsewhere than ``topology`` says.
    """
    if settings.on_sqlite:
        if topology is Topology.MICROSERVICES:
            raise BackupFailed("SQLite has one schema; three services need MySQL or MariaDB.")
        return dict.fromkeys(DOMAINS)
    found, shop = _homes(connection, settings), str(settings.database_url.database)
    whole = not any(found.values()) if topology is None else topology is Topology.MONOLITH
    wanted = {domain: None if whole else own_schema(shop, domain) for domain in DOMAINS}
    for domain, home in found.items():
        if topology is not None and home != wanted[domain]:
            raise BackupFailed(
                f"The tables of {domain} are in {home or shop}. Leave --topology out to restore "
                "there, or move them before with bookstore schemas."
            )
    return {**wanted, **found}


def _homes(connection: Connection, settings: Settings) -> Homes:
    if connection.dialect.name == "sqlite":
        there = inspect(connection)
        return {each: None for each in DOMAINS if there.has_table(version_table(each))}
    shop = str(settings.database_url.database)
    found = Places.read(connection, shop).all()
    return {domain: None if place == shop else place for domain, place in found.items()}


def read_revisions(connection: Connection, homes: Homes) -> dict[str, str]:
    """Return the revision of each domain that has one where its tables are."""
    found: dict[str, Schema | None] = {
        domain: read_schema(connection, domain, home) for domain, home in homes.items()
    }
    return {domain: each.revision for domain, each in found.items() if each is not None}


@contextmanager
def locked_against_moves(
    connection: Connection, settings: Settings
) -> Iterator[tuple[HeldLock | None, ExitStack]]:
    """Lock the shop's own schema; nobody moves tables then, so it is known what else to lock.

    A transaction that reads lets SQLite's schema change without seeing it, so it needs none.
    """
    sqlite = settings.on_sqlite
    with nullcontext() if sqlite else database_lock(connection) as lock, ExitStack() as ends:
        yield lock, ends


def lock_homes(settings: Settings, homes: Homes, ends: ExitStack) -> list[HeldLock]:
    """Lock the schemas that domains have of their own."""
    places = set(homes.values())
    names = schemas_of(str(settings.database_url.database))
    return [ends.enter_context(locked_schema(settings, name)) for name in names if name in places]


@contextmanager
def opened(
    connection: Connection, settings: Settings, homes: Homes
) -> Iterator[Mapping[str, Connection]]:
    """Give for each domain a connection that is for the schema of its tables, which is made."""
    with ExitStack() as ends:
        connections = {}
        for domain, home in homes.items():
            connections[domain] = connection
            if home is not None:
                quoted = connection.dialect.identifier_preparer.quote(home)
                connection.execute(text(f"CREATE DATABASE IF NOT EXISTS {quoted}"))
                engine = build_engine(in_schema(settings, home), patient=True)
                ends.callback(engine.dispose)
                connections[domain] = ends.enter_context(engine.connect())
                wait = f"SET SESSION lock_wait_timeout = {DDL_LOCK_WAIT_SECONDS}"
                connections[domain].execute(text(wait))
                connections[domain].commit()
        yield connections
