"""``bookstore migrate``."""

import json
import os
import sys
from pathlib import Path

import click

from bookstore.core.config import ConfigurationInvalid, load_settings
from bookstore.core.migrate import DATABASE_WAIT_SECONDS, DatabaseUnreachable, MigrationFailed
from bookstore.core.migrate import migrate as run_migrations


@click.command()
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=DATABASE_WAIT_SECONDS,
    show_default=True,
    help="Seconds to wait for the database to answer.",
)
def migrate(wait: float) -> None:
    """Bring the database to the newest schema.

    Prints JSON: the schemaRevision, or error and message, and then exits with 1. The same is
    written to the file that TERMINATION_LOG names, which Kubernetes shows as the reason why a
    container ended.
    """
    try:
        outcome = {"schemaRevision": run_migrations(load_settings(), wait)}
    except (ConfigurationInvalid, DatabaseUnreachable, MigrationFailed) as failed:
        outcome = {"error": type(failed).__name__, "message": str(failed)}
    line = json.dumps(outcome, ensure_ascii=False)
    click.echo(line)
    # Read by hand: a wrong configuration is told there too.
    if log := os.environ.get("TERMINATION_LOG"):
        Path(log).write_text(line, encoding="utf-8")
    if "error" in outcome:
        sys.exit(1)
