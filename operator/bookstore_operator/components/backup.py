"""Backup: a CronJob that backs database and files up, and what became of the last one."""

from typing import Annotated, ClassVar

from pydantic import Field, WithJsonSchema

from bookstore_operator.api.conditions import ConditionType, Reason, Timestamp
from bookstore_operator.api.cron import CronSchedule, TimeZone
from bookstore_operator.api.model import ApiModel
from bookstore_operator.api.objectstore import BackupCopy, S3Bucket
from bookstore_operator.components.credentials import SECRET_KEY_MISSING, SECRET_NOT_FOUND
from bookstore_operator.components.pods import REASONS
from bookstore_operator.components.scheduled import Reasons, Scheduled, ScheduledComponent
from bookstore_operator.components.shop import BACKUP
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

BACKED_UP = ConditionType("BackedUp", "The last backup that was due is whole.")

NEVER_BACKED_UP = Reason(
    "NeverBackedUp",
    "No backup was made yet; the first is due by schedule.",
    fix="Wait for the schedule, or make a BookStoreBackup at once, see docs/how-to/back-up.md.",
)
BACKUP_RUNNING = Reason(
    "BackupRunning", "The first backup is being made.", fix="Wait until its Job has ended."
)
BACKUP_SUSPENDED = Reason(
    "BackupSuspended",
    "spec.backup.suspend is true; none is made.",
    fix="Set spec.backup.suspend to false when backups should be made again.",
)
BACKUP_FAILED = Reason(
    "BackupFailed",
    "The last backup failed; the message says why.",
    fix="Mend what the message names, mostly room in the volume; the next is made by schedule, see "
    "docs/how-to/back-up.md.",
)
BACKUP_OVERDUE = Reason(
    "BackupOverdue",
    "Backups that were due were not made, or not whole.",
    fix="Run `kubectl describe cronjob NAME-backup` and look at its Jobs.",
)

_REASONS = Reasons(
    never=NEVER_BACKED_UP,
    running=BACKUP_RUNNING,
    suspended=BACKUP_SUSPENDED,
    failed=BACKUP_FAILED,
    overdue=BACKUP_OVERDUE,
)

Count = Annotated[int | None, WithJsonSchema({"type": "integer", "format": "int64"})]


class BackupDrill(ApiModel):
    """When a restore is rehearsed."""

    schedule: CronSchedule
    """When, in cron's syntax and the time zone of the backups, for example "0 5 * * 0" for each
    Sunday at 5."""


class ScheduledBackup(ApiModel):
    """When the store is backed up, and how many backups are kept."""

    schedule: CronSchedule
    """When, in cron's syntax, for example "17 3 * * *" for each night at 3:17."""

    time_zone: TimeZone | None = None
    """The time zone of the schedule, for example Europe/Madrid; that of the cluster, UTC as a rule,
    where it is left out."""

    keep: Annotated[int, Field(ge=1, le=1000)] = 14
    """How many backups stay. Older ones go once a new one is whole, and the last good one never
    does."""

    suspend: bool = False
    """Whether to make none for a while, and rehearse no restore; what there is stays."""

    s3: S3Bucket | None = None
    """Copy each backup into a bucket of S3 too, or of a server that speaks it, once it is whole;
    keep counts there likewise. For example {bucket: bookstore-backups, region: eu-west-1}."""

    drill: BackupDrill | None = None
    """Rehearse a restore: the newest backup is restored into a scratch database that is thrown
    away."""


class BackupSpec(ApiModel):
    """The spec's word on backups."""

    backup: ScheduledBackup | None = None
    """Backups of database and files by schedule, into the store's folder of backups; none where it
    is left out. For example {schedule: "17 3 * * *"}."""


class LastBackup(ApiModel):
    """The last whole backup."""

    job: Annotated[str | None, Field(max_length=253)] = None
    """The Job that made it."""

    name: Annotated[str | None, Field(max_length=63)] = None
    """Its name, by which it is restored."""

    time: Timestamp | None = None
    """When it was whole."""

    bytes: Count = None
    """Its size."""

    rows: Count = None
    """The rows that it has."""

    uploads: Count = None
    """The uploaded files that it has."""

    checksum: Annotated[str | None, Field(max_length=64)] = None
    """The SHA-256 of its manifest, which holds those of all of its files."""

    s3: BackupCopy | None = None
    """Its copy in the bucket, beside the one in the store's folder of backups."""


class BackupStatus(ApiModel):
    """The status of backups."""

    last_backup: LastBackup | None = None
    """The last whole backup, by schedule or by a BookStoreBackup."""


class Backup(ScheduledComponent):
    """Back the store up by schedule, and tell what became of it; a store serves without."""

    condition: ClassVar = BACKED_UP
    told: ClassVar = True
    spec_fields: ClassVar = BackupSpec
    status_fields: ClassVar = BackupStatus
    reasons: ClassVar = (
        NEVER_BACKED_UP,
        BACKUP_RUNNING,
        BACKUP_SUSPENDED,
        BACKUP_FAILED,
        BACKUP_OVERDUE,
        SECRET_NOT_FOUND,
        SECRET_KEY_MISSING,
        *REASONS,
    )

    def scheduled(self, root: Store) -> Scheduled | None:
        """Return what is done by schedule; None where the spec wants none of it."""
        return scheduled_backup(root)

    def arguments(self, root: Store) -> list[str]:
        """Return the shop's command that does it."""
        wanted = root.fragment(BackupSpec).backup
        return ["backup", "--keep", str(wanted.keep)] if wanted else []

    def status(self, root: Store, view: View) -> Manifest:
        """Return what the last whole backup told of itself."""
        last = last_backup(root, view)
        return {"lastBackup": last.manifest()} if last else {}


def last_backup(store: Store, view: View) -> LastBackup | None:
    """Return what the last whole backup told of itself, now or before."""
    before, scheduled = store.recorded(BackupStatus).last_backup, scheduled_backup(store)
    word = scheduled.word(view) if scheduled else None
    if word is None:
        return before
    job, told = word
    found = {
        "job": job["metadata"]["name"],
        "name": told.get("backup"),
        "time": job["status"]["completionTime"],
        **{name: told.get(name) for name in ("bytes", "rows", "uploads", "checksum")},
        "s3": BackupCopy.of(told.get("s3")),
    }
    return LastBackup.model_validate(found)


def scheduled_backup(store: Store) -> Scheduled | None:
    """Return the backup by schedule; None where the spec wants none."""
    wanted, last = store.fragment(BackupSpec).backup, store.recorded(BackupStatus).last_backup
    if wanted is None:
        return None
    return Scheduled(
        what="backup",
        done="whole",
        field="spec.backup",
        component=BACKUP,
        cron=store.backups,
        schedule=wanted.schedule,
        time_zone=wanted.time_zone,
        suspend=wanted.suspend,
        last_job=last.job if last else None,
        last_time=last.time if last else None,
        reasons=_REASONS,
        bucket=wanted.s3,
    )
