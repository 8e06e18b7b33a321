"""Migrations: bring the database to the newest schema, once, whoever else is at it."""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

import bookstore
from bookstore.core import schema
from bookstore.core.config import Settings
from bookstore.core.db import build_engine, driver_message, error_code

DATABASE_WAIT_SECONDS = 60
ASK_AGAIN_SECONDS = 1
LOCK_PREFIX = "bookstore-migrate-"
LOCK_WAIT_SECONDS = 300
DDL_LOCK_WAIT_SECONDS = 5

log = logging.getLogger("bookstore.migrate")

# ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_HOST_NOT_PRIVILEGED,
# ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_SECURE_TRANSPORT_REQUIRED.
REFUSED_LOGINS = frozenset({1044, 1045, 1130, 1698, 3159})


class DatabaseUnreachable(Exception):
    """The database did not answer in time."""


class DatabaseRefused(Exception):
    """The database answers and does not let the shop in."""


class MigrationFailed(Exception):
    """The database refused a migration, or another one holds the lock."""


class SchemaTooNew(MigrationFailed):
    """A newer version of the shop has migrated the database to what this one cannot serve."""


def head_revision() -> str:
    """Return the newest revision that this version of the shop has."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise MigrationFailed("This version of the shop has no migrations.")
    return head


def migrate(settings: Settings, wait_seconds: float = DATABASE_WAIT_SECONDS) -> str:
    """Bring the schema to the newest revision; do nothing when it is there or beyond.

    Two at once make one: the second waits for the lock and then finds nothing to do. It is beyond
    after a rollback to this version of the shop, and stays so where this version works with it.

    :param wait_seconds: how long to wait for the database to answer.
    :return: the revision that the database is at.
    :raise DatabaseUnreachable: when it does not answer in that time.
    :raise DatabaseRefused: when it does not let the shop in.
    :raise MigrationFailed: when a migration fails; the next run goes on from there.
    :raise SchemaTooNew: when this version of the shop does not work with the schema.
    """
    make_database_folder(settings)
    engine = build_engine(settings, patient=True)
    try:
        wait_for_database(engine, wait_seconds)
        with engine.connect() as connection, database_lock(connection):
            revision = _bring_up(connection)
    except SQLAlchemyError as error:
        raise MigrationFailed(f"The migration failed: {driver_message(error)}.") from error
    finally:
        engine.dispose()
    if revision is None:
        raise MigrationFailed("The migration ended without a revision.")
    return revision


def _bring_up(connection: Connection) -> str | None:
    newer = newer_revision(connection)
    if newer is not None:
        log.warning(
            "The database is at schema %s, newer than %s of this version of the shop, "
            "which works with it; nothing was changed.",
            *(newer, head_revision()),
        )
        return newer
    if connection.dialect.name != "sqlite":
        # Alembic commits each migration by itself where no transaction runs yet.
        connection.rollback()
    upgrade(connection)
    connection.commit()
    return current_revision(connection)


def newer_revision(connection: Connection) -> str | None:
    """Return the revision that a newer version of the shop has brought the database to.

    :return: None when this version knows the revision, or there is none yet.
    :raise SchemaTooNew: when this version does not work with it.
    """
    known = known_revisions()
    found = schema.read_schema(connection) if current_revision(connection) else None
    if found is None or found.revision in known:
        return None
    if found.works_with(known):
        return found.revision
    terms = "does not say which older versions of the shop work with it"
    if found.oldest_compatible:
        terms = f"needs a version of the shop that has {found.oldest_compatible}"
    raise SchemaTooNew(
        f"The database is at schema {found.revision} and {terms}; this version "
        f"({bookstore.__version__}) has {head_revision()}. Roll the image forward again, or "
        "restore the backup from before: bookstore restore NAME --replace."
    )


def known_revisions() -> frozenset[str]:
    """Return all revisions that this version of the shop has."""
    return frozenset(schema.revisions())


def current_revision(connection: Connection) -> str | None:
    """Return the revision that a database is at, or None when it has no schema."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to a revision; in a running transaction, the caller commits it."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def make_database_folder(settings: Settings) -> None:
    """Make the folder of an SQLite file."""
    database = settings.database_url.database
    if settings.on_sqlite and database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)


def wait_for_database(engine: Engine, seconds: float) -> None:
    """Wait until the database answers.

    A login that it refuses is an answer: waiting does not make a wrong password right.

    :raise DatabaseUnreachable: with the database's own words, when it does not in that time.
    :raise DatabaseRefused: when it refuses the user, the password or the database.
    """
    url = engine.url
    place = f"{url.host}:{url.port or 3306}" if url.host else str(url.database)
    deadline = time.monotonic() + seconds
    while True:
        try:
            with engine.connect():
                return
        except DBAPIError as error:
            if error_code(error.orig) in REFUSED_LOGINS:
                raise DatabaseRefused(
                    f"The database at {place} refuses the shop: {driver_message(error)}; check its "
                    "user, password and name, and DB_TLS where it wants encryption."
                ) from error
            if time.monotonic() >= deadline:
                raise DatabaseUnreachable(
                    f"The database at {place} did not answer within {seconds:.0f} seconds: "
                    f"{driver_message(error)}; check its address and port, and that it lets this "
                    "machine in."
                ) from error
        time.sleep(ASK_AGAIN_SECONDS)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(schema.SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def database_lock(connection: Connection) -> Iterator[None]:
    """Keep other migrations, backups and restores of the database out.

    :raise MigrationFailed: when another one holds the lock too long.
    """
    if connection.dialect.name == "sqlite":
        # A write transaction from the start: SQLite's own lock keeps the second one out.
        connection.execution_options(begin_immediate=True)
        yield
        return
    # A lock's name is the whole server's, and has 64 characters at most.
    database = str(connection.engine.url.database)
    name = LOCK_PREFIX + hashlib.sha256(database.encode()).hexdigest()[:16]
    got = connection.scalar(
        text("SELECT GET_LOCK(:name, :seconds)"), {"name": name, "seconds": LOCK_WAIT_SECONDS}
    )
    if got != 1:
        raise MigrationFailed(
            f"Another migration, backup or restore held the lock for {LOCK_WAIT_SECONDS} seconds; "
            "run this again when it has ended."
        )
    try:
        connection.execute(text(f"SET SESSION lock_wait_timeout = {DDL_LOCK_WAIT_SECONDS}"))
        connection.commit()
        yield
    finally:
        # A connection that broke has let go of the lock.
        if not connection.invalidated:
            connection.rollback()
            connection.execute(text("DO RELEASE_LOCK(:name)"), {"name": name})
            connection.commit()
