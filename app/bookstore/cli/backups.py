"""``bookstore backup``, ``backups``, ``prune`` and ``restore``."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from bookstore.auth.restored import renew_all_epochs
from bookstore.cli.outcome import tell, wait_option
from bookstore.core.backups.backup import back_up
from bookstore.core.backups.folder import LATEST, BackupFolder
from bookstore.core.backups.manifest import BackupDamaged, Manifest, read_manifest, verify
from bookstore.core.backups.restore import restore as restore_backup
from bookstore.core.config.settings import load_settings

MEGABYTE = 1_000_000
AFTERWARDS = (renew_all_epochs,)


def _pruning(command: Callable[..., Any]) -> Callable[..., Any]:
    keep = click.option(
        "--keep", type=click.IntRange(1), help="How many backups stay; the oldest go first."
    )
    days = click.option("--days", type=click.FloatRange(0), help="How many days a backup stays.")
    return keep(days(command))


@click.command()
@_pruning
@wait_option
def backup(keep: int | None, days: float | None, wait: float) -> None:
    """Back up database and uploads into BACKUPS_DIR, while the shop goes on.

    A backup is there when it is whole, and not before. With --keep or --days, old ones are
    removed after that. Prints JSON: the backup's name, rows, uploads and bytes; or error and
    message, and then exits with 1.
    """
    tell(lambda: _told(back_up(load_settings(), wait, keep, days)))


@click.command()
@click.argument("name", default=LATEST)
@click.option("--replace", is_flag=True, help="Lose the rows that the database has now.")
@wait_option
def restore(name: str, *, replace: bool, wait: float) -> None:
    """Restore database and uploads from the backup NAME, by default the latest.

    Stop the shop before. The backup is verified before anything is changed, may come from
    another kind of database, and is migrated to the newest schema. All sessions end, and links
    in mail that was sent before are void. Prints JSON as backup does.
    """
    tell(
        lambda: _told(
            restore_backup(
                load_settings(), name, replace=replace, wait_seconds=wait, afterwards=AFTERWARDS
            )
        )
    )


@click.command()
@click.option("--verify", "thorough", is_flag=True, help="Read every file and compare checksums.")
def backups(*, thorough: bool) -> None:
    """List the backups in BACKUPS_DIR, newest first; exit with 1 if one is damaged."""
    folder = BackupFolder(load_settings().backups)
    damaged = False
    for name in folder.names():
        try:
            manifest = read_manifest(folder.path / name)
            if thorough:
                verify(folder.path / name, manifest)
        except BackupDamaged as problem:
            damaged = True
            click.echo(f"{name}  DAMAGED  {problem}")
        else:
            click.echo(
                f"{name}  {manifest.created:%Y-%m-%d %H:%M:%S} UTC  "
                f"{manifest.bytes / MEGABYTE:,.1f} MB  {manifest.rows:,} rows  "
                f"{manifest.uploads:,} uploads  schema {manifest.schema_revision}  "
                f"shop {manifest.shop}"
            )
    if damaged:
        sys.exit(1)


@click.command()
@_pruning
def prune(keep: int | None, days: float | None) -> None:
    """Remove old backups; the newest whole one always stays.

    Prints JSON: the names of the removed ones, or error and message.
    """

    def work() -> Mapping[str, object]:
        folder = BackupFolder(load_settings().backups)
        with folder.locked():
            return {"removed": folder.prune(keep, days)}

    tell(work)


def _told(manifest: Manifest) -> Mapping[str, object]:
    return {
        "backup": manifest.name,
        "schemaRevision": manifest.schema_revision,
        "rows": manifest.rows,
        "uploads": manifest.uploads,
        "bytes": manifest.bytes,
    }
