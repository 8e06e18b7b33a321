"""The command line ``bookstore``."""

import sys

import click

from bookstore.cli.backups import backup, backups, discard, drill, prune, restore
from bookstore.cli.check import check
from bookstore.cli.contracts import contracts
from bookstore.cli.gateway import gateway
from bookstore.cli.jobs import jobs
from bookstore.cli.keys import keys
from bookstore.cli.migrate import migrate
from bookstore.cli.moderators import moderators
from bookstore.cli.openapi import openapi
from bookstore.cli.reconcile import reconcile
from bookstore.cli.reference import reference
from bookstore.cli.schemas import schemas
from bookstore.cli.seed import seed
from bookstore.cli.serve import serve
from bookstore.cli.sweep import sweep
from bookstore.core.config.settings import ConfigurationInvalid
from bookstore.core.db.migrate import DatabaseRefused, DatabaseUnreachable, MigrationFailed

HELP = {"help_option_names": ["-h", "--help"]}


@click.group(context_settings=HELP)
def bookstore() -> None:
    """Run and look after the BookStore shop. Settings come from the environment."""


for command in (
    *(serve, migrate, seed, check, sweep, jobs, openapi, reference),
    *(backup, backups, restore, drill, prune, discard, moderators, keys),
    *(contracts, gateway, schemas, reconcile),
):
    # Click keeps the help option that a command was first asked with, alone or in the group.
    command.context_settings.update(HELP)
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
