"""Migrations: bring the database to the newest schema, once, whoever else is at it."""

import logging
import time
from collections.abc import Collection
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import inspect
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

import bookstore
from bookstore.core.config.settings import Settings
from bookstore.core.db import schema
from bookstore.core.db.engine import build_engine, driver_message
from bookstore.core.db.lock import HeldLock, database_lock
from bookstore.core.db.obstacles import Obstacle, is_read_only, obstacle_of
from bookstore.core.db.places import Places
from bookstore.core.db.schema import DOMAINS

SHARED = Path(__file__).parent.parent.parent / "migrations"
DATABASE_WAIT_SECONDS = 60
ASK_AGAIN_SECONDS = 1

log = logging.getLogger("bookstore.migrate")

FIXES = {
    Obstacle.ACCESS_DENIED: "check its user, password and name, and that user's rights",
    Obstacle.SCHEMA_UNKNOWN: "make the schema, or correct DB_NAME",
    Obstacle.READ_ONLY: "name the server that takes writes, or end its read-only mode",
    Obstacle.TLS_WANTED: "set DB_TLS to required or verify-identity",
    Obstacle.TLS_MISSING: "let it offer TLS, or set DB_TLS to disabled",
}


class DatabaseUnreachable(Exception):
    """The database did not answer in time."""

    obstacle = Obstacle.UNREACHABLE


class DatabaseRefused(Exception):
    """The database answers and does not let the shop in, or takes no writes.

    :param sentence: what the database said, and the fix.
    :param obstacle: what is in the way.
    """

    def __init__(self, sentence: str, obstacle: Obstacle) -> None:
        super().__init__(sentence)
        self.obstacle = obstacle


class MigrationFailed(Exception):
    """The database refused a migration."""


class SchemaTooNew(MigrationFailed):
    """A newer version of the shop has migrated the database to what this one cannot serve."""


def migrate(
    settings: Settings,
    wait_seconds: float = DATABASE_WAIT_SECONDS,
    domains: Collection[str] = DOMAINS,
) -> dict[str, str]:
    """Bring the schema of each domain to its newest revision; leave those that are there or beyond.

    Two at once make one: the second waits for the lock and then finds nothing to do. A domain is
    beyond after a rollback to this version of the shop, and stays so where this version works
    with it.

    :param wait_seconds: how long to wait for the database to answer.
    :param domains: those whose tables the database holds; the whole shop's by default.
    :return: the revision that the database is at for each domain.
    :raise DatabaseUnreachable: when it does not answer in that time.
    :raise DatabaseRefused: when it does not let the shop in.
    :raise DatabaseLocked: when another migration, backup or restore goes on for too long.
    :raise MigrationFailed: when a migration fails; the next run goes on from there.
    :raise SchemaTooNew: when this version of the shop does not work with the schema.
    """
    make_database_folder(settings)
    engine = build_engine(settings, patient=True)
    try:
        wait_for_database(engine, wait_seconds)
        with engine.connect() as connection, database_lock(connection) as lock:
            return _bring_up(connection, lock, domains)
    except SQLAlchemyError as error:
        if obstacle_of(error) is Obstacle.READ_ONLY:
            raise _refused(engine, Obstacle.READ_ONLY, driver_message(error)) from error
        raise MigrationFailed(f"The migration failed: {driver_message(error)}.") from error
    finally:
        engine.dispose()


def _bring_up(connection: Connection, lock: HeldLock, domains: Collection[str]) -> dict[str, str]:
    newer = newer_revisions(connection, domains)
    for domain, revision in newer.items():
        log.warning(
            "The database is at schema %s, newer than %s of this version of the shop, "
            "which works with it; nothing of %s was changed.",
            *(revision, schema.head_revision(domain), domain),
        )
    if connection.dialect.name != "sqlite":
        # Alembic commits each migration by itself where no transaction runs yet.
        connection.rollback()
    for domain in domains:
        if domain not in newer:
            _refuse_elsewhere(connection, domain)
            lock.check()
            upgrade(connection, domain)
    connection.commit()
    return schema.read_revisions(connection, domains)


def _refuse_elsewhere(connection: Connection, domain: str) -> None:
    """Refuse to migrate, or to make, tables that are in another schema.

    :raise MigrationFailed: when they are.
    """
    shop = connection.engine.url.database
    if connection.dialect.name == "sqlite" or shop is None:
        return
    found = schema.read_schema(connection, domain)
    if found is None:
        home = Places.read(connection, shop).of(domain)
        # Here they may be without a revision yet: what made them was killed.
        if home not in (None, shop):
            raise MigrationFailed(
                f"The tables of {domain} are in {home}, for the shop was moved to three services. "
                "Serve it so, or move them back: bookstore schemas cutover --to Monolith."
            )
    elif found.revision != schema.head_revision(domain):
        marker = schema.version_table(domain)
        if marker in inspect(connection).get_view_names():
            raise MigrationFailed(
                f"The tables of {domain} are in another schema, and views of them here. Migrate "
                "with the version that began the move, or end it: bookstore schemas contract."
            )


def newer_revisions(connection: Connection, domains: Collection[str] = DOMAINS) -> dict[str, str]:
    """Return the revisions that a newer version of the shop has brought domains to.

    :return: nothing of domains whose revision this version knows, or that have none yet.
    :raise SchemaTooNew: when this version does not work with one of them.
    """
    newer = {}
    for domain in domains:
        known = schema.revisions(domain)
        found = schema.read_schema(connection, domain)
        if found is None or found.revision in known:
            continue
        if not found.works_with(known):
            raise SchemaTooNew(_too_new(domain, found))
        newer[domain] = found.revision
    return newer


def _too_new(domain: str, found: schema.Schema) -> str:
    terms = "does not say which older versions of the shop work with it"
    if found.oldest_compatible:
        terms = f"needs a version of the shop that has {found.oldest_compatible}"
    return (
        f"The database is at schema {found.revision} and {terms}; this version "
        f"({bookstore.__version__}) has {schema.head_revision(domain)}. Roll the image forward "
        "again, or restore the backup from before: bookstore restore NAME --replace."
    )


def upgrade(connection: Connection, domain: str, revision: str = "head") -> None:
    """Bring a domain's schema up to a revision; in a running transaction, the caller commits it."""
    config = Config()
    for option, path in (
        ("script_location", SHARED),
        ("version_locations", schema.scripts(domain)),
    ):
        config.set_main_option(option, str(path).replace("%", "%%"))
    # Paths are split at what may stand in none; a colon or a space may.
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, version_table=schema.version_table(domain))
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
    :raise DatabaseRefused: when it refuses the user, the password or the database, when nothing
        encrypted comes about that both sides accept, or when it takes no writes.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            with engine.connect() as connection:
                if is_read_only(connection):
                    raise _refused(engine, Obstacle.READ_ONLY, "it takes no writes")
                return
        except DBAPIError as error:
            obstacle = obstacle_of(error)
            if obstacle is not Obstacle.UNREACHABLE:
                raise _refused(engine, obstacle, driver_message(error)) from error
            if time.monotonic() >= deadline:
                raise DatabaseUnreachable(
                    f"The database at {_place(engine)} did not answer within {seconds:.0f} "
                    f"seconds: {driver_message(error)}; check its address and port, and that it "
                    "lets this machine in."
                ) from error
        time.sleep(ASK_AGAIN_SECONDS)


def _refused(engine: Engine, obstacle: Obstacle, said: str) -> DatabaseRefused:
    fix = FIXES.get(obstacle, "check DB_TLS, DB_TLS_CA and the server's certificate")
    sentence = f"The database at {_place(engine)} refuses the shop: {said}; {fix}."
    return DatabaseRefused(sentence, obstacle)


def _place(engine: Engine) -> str:
    url = engine.url
    return f"{url.host}:{url.port or 3306}" if url.host else str(url.database)
