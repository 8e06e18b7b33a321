"""``bookstore check``."""

import os
import sys
from pathlib import Path

import click
from alembic.migration import MigrationContext
from sqlalchemy.exc import SQLAlchemyError

from bookstore.core.config import Settings, load_settings
from bookstore.core.db import build_engine
from bookstore.core.migrate import head_revision, words


@click.command()
def check() -> None:
    """Say in sentences what is wrong with the configuration; exit with 1 if anything is."""
    settings = load_settings()
    problems = [*_folders(settings), *_database(settings)]
    for problem in problems:
        click.echo(f"bookstore: {problem}", err=True)
    if problems:
        sys.exit(1)
    click.echo("The configuration is good and the database is up to date.")


def _folders(settings: Settings) -> list[str]:
    problems = []
    for name, folder in (("UPLOADS_DIR", settings.uploads), ("BACKUPS_DIR", settings.backups)):
        place = _existing(folder)
        if not place.is_dir() or not os.access(place, os.W_OK):
            problems.append(
                f"{name} is {folder}, where the shop cannot write; "
                f"make {place} writable for user {os.getuid()}, or set {name} to another folder."
            )
    return problems


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _database(settings: Settings) -> list[str]:
    engine = build_engine(settings)
    try:
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        place = engine.url.host or engine.url.database
        return [f"The database at {place} does not answer: {words(error)}."]
    finally:
        engine.dispose()
    if revision != head_revision():
        needed = head_revision()
        return [f"The database is at revision {revision}, not {needed}; run bookstore migrate."]
    return []
