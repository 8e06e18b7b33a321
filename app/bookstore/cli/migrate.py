"""``bookstore migrate``."""

import click

from bookstore.cli.outcome import tell, wait_option
from bookstore.core.config import load_settings
from bookstore.core.migrate import migrate as run_migrations


@click.command()
@wait_option
def migrate(wait: float) -> None:
    """Bring the database to the newest schema.

    Prints JSON: the schemaRevision, or error and message, and then exits with 1.
    """
    tell(lambda: {"schemaRevision": run_migrations(load_settings(), wait)})
