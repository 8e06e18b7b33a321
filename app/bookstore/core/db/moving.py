"""Move a live shop's tables between one schema and three, by expand, cut-over and contract.

*Expand* makes a view of each table in the schema where it will be. Processes of both kinds, the
whole shop and its services, then work on the same rows. *Cut over* renames the tables of a domain
into that schema, in one statement that also puts views where they were: whoever comes to one waits
for a moment at the metadata lock, and finds the rows. *Contract* drops the views, once no process
works on the schema that has them. Backwards it goes in the same way, also from half-way.

Each statement takes effect whole or not at all, and what there is left to do is read from the
server each time, so any of it may be killed and run again.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from sqlalchemy import bindparam, column, select, table, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bookstore.core.config.settings import Settings
from bookstore.core.db import schema
from bookstore.core.db.engine import build_engine, driver_message, error_code, is_retried
from bookstore.core.db.lock import HeldLock
from bookstore.core.db.migrate import wait_for_database
from bookstore.core.db.places import (
    Places,
    PlaceUnclear,
    Topology,
    grant,
    locked_schema,
    own_schema,
    schemas_of,
    tables_of,
)
from bookstore.core.db.schema import DOMAINS

# Whoever comes to a table queues behind who wants to rename it, so that one waits only shortly.
METADATA_LOCK_SECONDS = 1
PAUSE_SECONDS = 0.5
GIVE_UP_SECONDS = 120
CHECKED_FOR_SECONDS = 5
# Who was stopped just now is still being taken off the server's list.
LEAVING_SECONDS = 10
NEXT, FORMER = "__next", "__former"
"""How the names of views end that are about to take a table's place, or have left theirs to one."""
Name = tuple[str, str]
"""A schema, and a table or view in it."""
DENIED = frozenset({1044, 1142, 1143, 1227, 1370})

_COLUMNS = text(
    "SELECT table_schema, table_name, column_name FROM information_schema.columns"
    " WHERE table_schema IN :schemas ORDER BY ordinal_position"
).bindparams(bindparam("schemas", expanding=True))

_OTHERS = text(
    "SELECT id, user, host, db FROM information_schema.processlist"
    " WHERE db IN :schemas AND id <> CONNECTION_ID() ORDER BY id"
).bindparams(bindparam("schemas", expanding=True))


class MoveFailed(Exception):
    """The tables cannot be moved; the message says why and what to do."""


class Move:
    """The schemas of a shop, while no other one migrates, backs up or moves them."""

    def __init__(self, connection: Connection, shop: str, locks: list[HeldLock]) -> None:
        self._connection = connection
        self._shop = shop
        self._locks = locks
        self._checked = float("-inf")

    @property
    def places(self) -> Places:
        """Return what there is now."""
        return Places.read(self._connection, self._shop)

    def expand(self, topology: Topology) -> None:
        """Make views of all tables in the schemas where they will be.

        :raise MoveFailed: when it is MariaDB, among others.
        """
        if getattr(self._connection.dialect, "is_mariadb", False):
            raise MoveFailed(
                "MariaDB cannot rename tables and views in one step; back the shop up, and "
                "restore the backup with bookstore restore --topology."
            )
        self._sweep(FORMER)
        for domain, home in self._homes().items():
            target = self.places.target(domain, topology)
            if target != home:
                self._show(domain, home, target)

    def cut_over(self, topology: Topology) -> None:
        """Rename all tables into the schemas where they will be, and leave views behind."""
        self.expand(topology)
        for domain, home in self._homes().items():
            target = self.places.target(domain, topology)
            if target == home:
                continue
            renames = []
            columns = self._columns()
            for name in tables_of(domain):
                self._view((home, name + NEXT), (target, name), columns)
                renames += [
                    f"{_quoted(target, name)} TO {_quoted(target, name + FORMER)}",
                    f"{_quoted(home, name)} TO {_quoted(target, name)}",
                    f"{_quoted(home, name + NEXT)} TO {_quoted(home, name)}",
                ]
            self._run(f"RENAME TABLE {', '.join(renames)}")
        self._sweep(NEXT, FORMER)

    def contract(self) -> None:
        """Drop all views, so that each table is seen in its own schema alone.

        It looks at no table, so that a move that cannot begin, whatever of them is in its way, can
        be given up.
        """
        self._sweep(NEXT, FORMER)
        places = self.places
        self._refuse_missing([name for name in DOMAINS if not places.holders(name)])
        for place in schemas_of(self._shop):
            self._drop(place, [name for domain in DOMAINS for name in places.views(place, domain)])

    def _homes(self) -> dict[str, str]:
        homes = self.places.all()
        self._refuse_missing([domain for domain in DOMAINS if domain not in homes])
        for domain, home in homes.items():
            self._refuse_other_schema(domain, home)
        return homes

    def _refuse_missing(self, missing: Sequence[str]) -> None:
        if missing:
            raise MoveFailed(
                f"No tables of {' and '.join(missing)} are in {self._shop} or a schema of their "
                "own that this login may see. Where the shop has none yet, run bookstore migrate; "
                f"else give the login its rights: {grant(self._shop)}."
            )

    def _refuse_other_schema(self, domain: str, home: str) -> None:
        marker = table(schema.version_table(domain), column("version_num"), schema=home)
        found = self._connection.scalar(select(marker.c.version_num))
        known = schema.head_revision(domain)
        if found != known:
            raise MoveFailed(
                f"The tables of {domain} are at {found} and this version of the shop has {known}. "
                "Bring both to the same before: roll the image forward, or run bookstore migrate."
            )

    def _show(self, domain: str, home: str, target: str) -> None:
        if target not in _schemas(self._connection):
            self._run(f"CREATE DATABASE IF NOT EXISTS {_quoted(target)}")
        columns = self._columns()
        for name in tables_of(domain):
            self._view((target, name), (home, name), columns)

    def _view(self, view: Name, of: Name, columns: Mapping[Name, Sequence[str]]) -> None:
        """Make a view of a table or view, unless there is one with its columns."""
        if columns[of] != columns.get(view):
            listed = ", ".join(map(_quoted, columns[of]))
            how = "CREATE OR REPLACE ALGORITHM=MERGE SQL SECURITY DEFINER VIEW"
            shown = ("AS SELECT", listed, "FROM", _quoted(*of))
            self._run(" ".join([how, _quoted(*view), *shown]))

    def _columns(self) -> Mapping[Name, Sequence[str]]:
        found: dict[Name, list[str]] = {}
        asked = {"schemas": list(schemas_of(self._shop))}
        for place, name, each in self._connection.execute(_COLUMNS, asked):
            found.setdefault((place, name), []).append(each)
        return found

    def _sweep(self, *ends: str) -> None:
        names = [name for domain in DOMAINS for name in tables_of(domain)]
        helpers = [name + end for name in names for end in ends]
        for place, found in self.places.found.items():
            self._drop(place, [name for name in helpers if found.get(name) is False])

    def _drop(self, place: str, names: list[str]) -> None:
        if names:
            self._run(f"DROP VIEW {', '.join(_quoted(place, name) for name in names)}")

    def _run(self, statement: str) -> None:
        """Run a statement that changes schemas, as soon as no transaction is in its way."""
        began = time.monotonic()
        if began - self._checked > CHECKED_FOR_SECONDS:
            for lock in self._locks:
                lock.check()
            self._checked = began
        while True:
            try:
                self._connection.execute(text(statement))
            except DBAPIError as error:
                if not is_retried(error):
                    raise
                if time.monotonic() > began + GIVE_UP_SECONDS:
                    raise MoveFailed(
                        f"For {GIVE_UP_SECONDS} seconds transactions on the tables were open; "
                        "look for a long one in SHOW PROCESSLIST, and run this again."
                    ) from error
                time.sleep(PAUSE_SECONDS)
            else:
                return


@contextmanager
def moving(settings: Settings, wait_seconds: float) -> Iterator[Move]:
    """Give a way to move a shop's tables, while nobody migrates, backs up or restores them.

    :param settings: of the whole shop, with a login that has rights to all of its schemas.
    :raise MoveFailed: when the database refuses, or is none whose tables can be moved.
    :raise DatabaseLocked: when another one holds the lock of a schema for too long.
    :raise DatabaseUnreachable: when it does not answer in time.
    :raise DatabaseRefused: when it does not let the shop in.
    """
    with _connected(settings, wait_seconds) as (connection, shop), ExitStack() as ends:
        there = _schemas(connection)
        locks = [
            ends.enter_context(locked_schema(settings, name))
            for name in schemas_of(shop)
            if name in there
        ]
        connection.execute(text(f"SET SESSION lock_wait_timeout = {METADATA_LOCK_SECONDS}"))
        yield Move(connection, shop, locks)


def wait_until_left(settings: Settings, wait_seconds: float) -> None:
    """Wait until nobody whom the login may see is connected to a schema that has views.

    A login sees its own connections, such as those of the whole shop, and those of other users
    where it has the right PROCESS; of a cluster, those to the one server that it is led to.

    :raise MoveFailed: when somebody stays.
    """
    with _connected(settings, wait_seconds) as (connection, shop):
        places = Places.read(connection, shop)
        seen = {
            name: any(places.views(name, domain) for domain in DOMAINS) for name in schemas_of(shop)
        }
        ends = time.monotonic() + LEAVING_SECONDS
        asked = {"schemas": [name for name, has_views in seen.items() if has_views]}
        while others := connection.execute(_OTHERS, asked).all():
            if time.monotonic() >= ends:
                number, user, host, schema = others[0]
                raise MoveFailed(
                    f"{len(others)} connections are open to schemas whose views would go, one of "
                    f"them to {schema} by {user} from {host}. Stop what is left of the old "
                    "processes, and run this again; a connection whose process is gone with its "
                    f"machine, end by KILL {number}."
                )
            time.sleep(PAUSE_SECONDS)


def whereabouts(settings: Settings, wait_seconds: float) -> Mapping[str, Mapping[str, object]]:
    """Return each domain's schema with its tables, and the one with views of them, if any.

    :raise MoveFailed: when the database refuses, or is none whose tables can be moved.
    """
    with _connected(settings, wait_seconds) as (connection, shop):
        places = Places.read(connection, shop)
        return {
            domain: {
                "schema": places.of(domain),
                "views": next(
                    (
                        name
                        for name in (shop, own_schema(shop, domain))
                        if places.views(name, domain)
                    ),
                    None,
                ),
            }
            for domain in DOMAINS
        }


@contextmanager
def _connected(settings: Settings, wait_seconds: float) -> Iterator[tuple[Connection, str]]:
    shop = str(settings.database_url.database)
    engine = build_engine(settings, patient=True)
    try:
        if settings.on_sqlite:
            raise MoveFailed(
                "SQLite has no schemas to move tables between; set DB_HOST, DB_NAME, DB_USER and "
                "DB_PASSWORD to those of the whole shop on MySQL."
            )
        wait_for_database(engine, wait_seconds)
        with engine.connect() as first:
            connection = first.execution_options(isolation_level="AUTOCOMMIT")
            yield connection, shop
    except PlaceUnclear as unclear:
        raise MoveFailed(str(unclear)) from unclear
    except SQLAlchemyError as error:
        denied = error_code(getattr(error, "orig", None)) in DENIED
        fix = f"; a login with the rights to it all is needed: {grant(shop)}" if denied else ""
        raise MoveFailed(f"The database refused: {driver_message(error)}{fix}.") from error
    finally:
        engine.dispose()


def _schemas(connection: Connection) -> set[str]:
    return set(connection.scalars(text("SELECT schema_name FROM information_schema.schemata")))


def _quoted(*names: str) -> str:
    return ".".join(f"`{name}`" for name in names)
