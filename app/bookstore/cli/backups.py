"""``bookstore backup``, ``backups``, ``prune`` and ``restore``."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click
from sqlalchemy.engine import Connection

from bookstore.auth.restored import renew_all_epochs
from bookstore.catalogue.models import CatalogueKeptKeys, CatalogueRevocation
from bookstore.cli.outcome import tell, wait_option
from bookstore.core.backups.backup import back_up
from bookstore.core.backups.drill import drill as rehearse
from bookstore.core.backups.folder import LATEST, BackupFolder
from bookstore.core.backups.manifest import (
    BackupDamaged,
    BackupFailed,
    Manifest,
    read_manifest,
    verify,
)
from bookstore.core.backups.restore import check
from bookstore.core.backups.restore import restore as restore_backup
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.places import Topology
from bookstore.core.identity.kept import KeptKeysColumns, forget_all
from bookstore.core.identity.revocations import RevocationColumns, believe_none_of_before
from bookstore.orders.models import OrdersKeptKeys, OrdersRevocation

MEGABYTE = 1_000_000


def _unlearn(
    revocations: type[RevocationColumns], kept: type[KeptKeysColumns]
) -> Callable[[Connection], None]:
    def unlearn(connection: Connection) -> None:
        believe_none_of_before(connection, revocations)
        forget_all(connection, kept)

    return unlearn


AFTERWARDS: Mapping[str, Callable[[Connection], None]] = {
    "auth": renew_all_epochs,
    "catalogue": _unlearn(CatalogueRevocation, CatalogueKeptKeys),
    "orders": _unlearn(OrdersRevocation, OrdersKeptKeys),
}


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

    Where the shop is run as three services, the login of the whole shop reads their schemas in
    one snapshot. A backup is there when it is whole, and not before. With --keep or --days, old
    ones are removed after that. Prints JSON: the backup's name, rows, uploads, bytes and checksum,
    the SHA-256 of its manifest; or error and message, and then exits with 1.

    With S3_BUCKET, backups that are not in the bucket yet are copied there next, and old copies
    are removed likewise. That is told as s3: the location, or error and message; a copy that
    failed does not make the backup fail.
    """

    def work() -> Mapping[str, object]:
        settings = load_settings()
        made = _told(back_up(settings, wait, keep, days))
        if settings.s3_bucket is None:
            return made
        # A server that serves needs no client of S3.
        from bookstore.core.backups.offsite import copy_out

        return {**made, "s3": copy_out(settings, keep, days).told()}

    tell(work)


@click.command()
@click.argument("name", default=LATEST)
@click.option("--replace", is_flag=True, help="Lose the rows that the database has now.")
@click.option("--dry-run", is_flag=True, help="Check all of it, and change nothing.")
@click.option(
    "--from-s3", is_flag=True, help="Bring it back out of S3_BUCKET first, if it is not here whole."
)
@click.option(
    "--topology",
    type=click.Choice([each.value for each in Topology]),
    help="How the shop is run; by default as its tables are now, else whole.",
)
@wait_option
def restore(
    name: str, *, replace: bool, dry_run: bool, from_s3: bool, topology: str | None, wait: float
) -> None:
    """Restore database and uploads from the backup NAME, by default the latest.

    Stop the shop before. The backup is verified before anything is changed, may come from
    another kind of database, of the whole shop or of its services, and is migrated to the newest
    schema. All sessions end, and links in mail that was sent before are void. Prints JSON as
    backup does.
    """

    def work() -> Mapping[str, object]:
        settings = load_settings()
        chosen = _brought_back(settings, name) if from_s3 else name
        options: dict[str, Any] = {
            "replace": replace,
            "wait_seconds": wait,
            "topology": Topology(topology) if topology else None,
        }
        if dry_run:
            return _told(check(settings, chosen, **options))
        return _told(restore_backup(settings, chosen, **options, afterwards=AFTERWARDS))

    tell(work)


@click.command()
@click.option("--verify", "thorough", is_flag=True, help="Read every file and compare checksums.")
@click.option("--s3", "in_bucket", is_flag=True, help="The names of those in S3_BUCKET.")
def backups(*, thorough: bool, in_bucket: bool) -> None:
    """List the backups in BACKUPS_DIR, newest first; exit with 1 if one is damaged."""
    if in_bucket:
        _list_bucket()
        return
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
    """Remove old backups; the newest good one always stays.

    Good is one whose files have the checksums that they were written with.

    Prints JSON: the names of the removed ones, or error and message.
    """

    def work() -> Mapping[str, object]:
        folder = BackupFolder(load_settings().backups)
        with folder.locked():
            return {"removed": folder.prune(keep, days)}

    tell(work)


@click.command()
@click.argument("name", default=LATEST)
def drill(name: str) -> None:
    """Restore the backup NAME, by default the latest, into a scratch database, and throw that away.

    The shop's own rows and files are left alone. Prints JSON as backup does.
    """
    tell(lambda: _told(rehearse(load_settings(), name)))


@click.command()
@click.argument("name")
def discard(name: str) -> None:
    """Remove the backup NAME, also where it is the only one, and its copy in S3_BUCKET.

    Prints JSON: the name of the removed one, or error and message.
    """

    def work() -> Mapping[str, object]:
        settings = load_settings()
        folder = BackupFolder(settings.backups)
        with folder.locked():
            if settings.s3_bucket is not None:
                from bookstore.core.backups.offsite import remove_copy

                remove_copy(settings, name)
            folder.discard(name)
        return {"removed": [name]}

    tell(work)


def _brought_back(settings: Settings, name: str) -> str:
    from bookstore.core.backups.offsite import bring_back

    return bring_back(settings, name)


def _list_bucket() -> None:
    from bookstore.core.backups.offsite import Copies

    try:
        names = Copies(load_settings()).names()
    except BackupFailed as failed:
        raise click.ClickException(str(failed)) from failed
    for name in names:
        click.echo(name)


def _told(manifest: Manifest) -> Mapping[str, object]:
    return {
        "backup": manifest.name,
        "schemaRevision": manifest.schema_revision,
        "rows": manifest.rows,
        "uploads": manifest.uploads,
        "bytes": manifest.bytes,
        "checksum": manifest.checksum,
    }
