"""The command line ``bookstore``."""

import sys

import click

from bookstore.cli.backups import backup, backups, prune, restore
from bookstore.cli.check import check
from bookstore.cli.jobs import jobs
from bookstore.cli.migrate import migrate
from bookstore.cli.moderators import moderators
from bookstore.cli.openapi import openapi
from bookstore.cli.reference import reference
from bookstore.cli.seed import seed
from bookstore.cli.serve import serve
from bookstore.cli.sweep import sweep
from bookstore.core.config.settings import ConfigurationInvalid
from bookstore.core.db.migrate import DatabaseRefused, DatabaseUnreachable, MigrationFailed


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def bookstore() -> None:
    """Run and look after the BookStore shop. Settings come from the environment."""


for command in (
    *(serve, migrate, seed, check, sweep, jobs, openapi, reference),
    *(backup, backups, restore, prune, moderators),
):
    bookstore.add_command(command)


def main() -> None:
    """Run the command line; what a person has to mend ends in one sentence and exit code 1."""
    try:
        bookstore()
    except (
        ConfigurationInvalid,
        DatabaseRefused,
        DatabaseUnreachable,
        MigrationFailed,
    ) as wrong:
        click.echo(f"bookstore: {wrong}", err=True)
        sys.exit(1)
