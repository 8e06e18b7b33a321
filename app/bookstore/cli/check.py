"""``bookstore check``."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from bookstore.cli.chosen import chosen, service_option
from bookstore.core.config.checks import cautions
from bookstore.core.config.settings import Settings, examine_settings
from bookstore.core.db.engine import build_engine, build_reader_engine, driver_message
from bookstore.core.db.migrate import SchemaTooNew, newer_revisions
from bookstore.core.db.schema import head_revisions, read_revisions


@click.command()
@service_option
def check(service: str | None) -> None:
    """Print in sentences all that is wrong with the configuration; exit with 1 if anything is.

    It also tries to write into the folders and to reach the database.
    """
    settings, problems = examine_settings(**chosen(service))
    found = [problem.sentence for problem in problems]
    found += _folders(settings)
    found += _links(settings)
    if not any(problem.of_database for problem in problems):
        found += _database(settings)
        found += _reader(settings)
    if not problems:
        for caution in cautions(settings):
            click.echo(f"bookstore: warning: {caution}", err=True)
    for sentence in found:
        click.echo(f"bookstore: {sentence}", err=True)
    if found:
        sys.exit(1)
    click.echo("The configuration is good and the database is up to date.")


def _folders(settings: Settings) -> Iterator[str]:
    folders = {"UPLOADS_DIR": settings.uploads, "BACKUPS_DIR": settings.backups}
    if "catalogue" not in settings.domains:
        # Covers are the catalogue's.
        del folders["UPLOADS_DIR"]
    if settings.smtp_host is None:
        folders["OUTBOX_DIR"] = settings.outbox
    for name, folder in folders.items():
        place = _existing(folder)
        reason = _hindrance(place)
        if reason is not None:
            yield (
                f"{name} is {folder}, where the shop cannot write ({reason}); "
                f"make {place} writable for user {os.getuid()}, or set {name} to another folder."
            )


def _links(settings: Settings) -> Iterator[str]:
    production = settings.flask_env == "production"
    if production and settings.public_url is None and not settings.trusted_hosts:
        yield (
            "Neither PUBLIC_URL nor TRUSTED_HOSTS is set, so mail for a forgotten password or a "
            "new email address cannot be sent; set PUBLIC_URL to the address that readers open, "
            "such as https://books.example.com."
        )


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _hindrance(place: Path) -> str | None:
    # Tried, not asked: a full or read-only disk and a remote one's rules show only then.
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"bookstore")
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def _database(settings: Settings) -> Iterator[str]:
    database = settings.database_url.database
    if settings.on_sqlite and database and not Path(database).exists():
        # To connect would make the file.
        yield f"The database {database} is not there yet; run bookstore migrate."
        return
    engine = build_engine(settings)
    try:
        with engine.connect() as connection:
            yield from _schema(settings, connection)
            if not settings.on_sqlite:
                yield from _connections(settings, connection)
    except SQLAlchemyError as error:
        place = f"{engine.url.host}:{engine.url.port or 3306}" if engine.url.host else database
        yield (
            f"The database at {place} does not answer: {driver_message(error)}; "
            "check its address, user and password, and that it lets this machine in."
        )
    finally:
        engine.dispose()


def _reader(settings: Settings) -> Iterator[str]:
    engine = build_reader_engine(settings)
    if engine is None:
        return
    try:
        engine.connect().close()
    except SQLAlchemyError as error:
        yield (
            f"DB_READER_HOST is {settings.db_reader_host}, which does not answer: "
            f"{driver_message(error)}; correct it, or take it out. Until then the primary is asked."
        )
    finally:
        engine.dispose()


def _schema(settings: Settings, connection: Connection) -> Iterator[str]:
    domains = settings.domains
    found = read_revisions(connection, domains)
    if not found:
        yield "The database has no schema; run bookstore migrate."
        return
    try:
        newer = newer_revisions(connection, domains)
    except SchemaTooNew as sentence:
        yield str(sentence)
        return
    for domain, newest in head_revisions(domains).items():
        if domain not in newer and found.get(domain) != newest:
            at = found.get(domain, "no revision")
            yield f"The database is at {at} of {domain}, not {newest}; run bookstore migrate."


def _connections(settings: Settings, connection: Connection) -> Iterator[str]:
    allowed = connection.scalar(text("SELECT @@max_connections")) or 0
    wanted = settings.most_connections
    times = "twice" if settings.reader_url is None else "with the reader's four times"
    if wanted > allowed:
        yield (
            f"DB_POOL_SIZE is {settings.db_pool_size}: the {settings.web_concurrency} processes "
            f"of one replica may open {wanted} connections, {times} that many each, and the "
            f"database allows {allowed} in all; lower it, or raise max_connections."
        )
