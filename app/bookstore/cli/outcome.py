"""How a command that a Job runs tells its end."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from bookstore.core.backups.manifest import BackupFailed
from bookstore.core.config.settings import ConfigurationInvalid
from bookstore.core.db.lock import DatabaseLocked
from bookstore.core.db.migrate import (
    DATABASE_WAIT_SECONDS,
    DatabaseRefused,
    DatabaseUnreachable,
    MigrationFailed,
)
from bookstore.core.db.moving import MoveFailed

FAILURES = (
    BackupFailed,
    ConfigurationInvalid,
    DatabaseLocked,
    DatabaseRefused,
    DatabaseUnreachable,
    MigrationFailed,
    MoveFailed,
)


def tell(work: Callable[[], Mapping[str, object]]) -> None:
    """Run the work, print its outcome as JSON, and exit with 1 when it failed.

    A failure is told as error and message, and one to reach the database as its obstacle, in the
    words of /readyz. The line is also written to the file that
    TERMINATION_LOG names, which Kubernetes shows as the reason why a container ended.
    """
    outcome: Mapping[str, object]
    try:
        outcome = work()
    except FAILURES as failed:
        outcome = {"error": type(failed).__name__, "message": str(failed)}
        if isinstance(failed, DatabaseRefused | DatabaseUnreachable):
            outcome["obstacle"] = failed.obstacle.value
    line = json.dumps(outcome, ensure_ascii=False)
    click.echo(line)
    # Read by hand: a wrong configuration is told there too.
    if log := os.environ.get("TERMINATION_LOG"):
        Path(log).write_text(line, encoding="utf-8")
    if "error" in outcome:
        sys.exit(1)


wait_option = click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=DATABASE_WAIT_SECONDS,
    show_default=True,
    help="Seconds to wait for the database to answer.",
)
