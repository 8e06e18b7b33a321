"""Drill: a CronJob that rehearses a restore, and what became of the last one."""

from typing import Annotated, ClassVar

from pydantic import Field

from bookstore_operator.api.conditions import ConditionType, Reason, Timestamp
from bookstore_operator.api.model import ApiModel
from bookstore_operator.components.backup import BACKUP_SUSPENDED, BackupSpec, Count
from bookstore_operator.components.credentials import SECRET_KEY_MISSING, SECRET_NOT_FOUND
from bookstore_operator.components.pods import REASONS
from bookstore_operator.components.scheduled import Reasons, Scheduled, ScheduledComponent
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

DRILL = "drill"
RESTORE_DRILLED = ConditionType("RestoreDrilled", "The last restore that was rehearsed went well.")

NEVER_DRILLED = Reason(
    "NeverDrilled",
    "No restore was rehearsed yet; the first comes by schedule.",
    fix="Wait for the schedule of spec.backup.drill.",
)
DRILL_RUNNING = Reason(
    "DrillRunning",
    "The first rehearsal of a restore runs.",
    fix="Wait until its Job has ended.",
)
DRILL_FAILED = Reason(
    "DrillFailed",
    "The newest backup could not be restored; see the message.",
    fix="Make a new backup at once, and look at why this one does not serve, see "
    "docs/how-to/back-up.md.",
)
DRILL_OVERDUE = Reason(
    "DrillOverdue",
    "Rehearsals that were due were not made, or failed.",
    fix="Run `kubectl describe cronjob NAME-drill` and look at its Jobs.",
)

_REASONS = Reasons(
    never=NEVER_DRILLED,
    running=DRILL_RUNNING,
    suspended=BACKUP_SUSPENDED,
    failed=DRILL_FAILED,
    overdue=DRILL_OVERDUE,
)


class LastDrill(ApiModel):
    """The last rehearsal of a restore that went well."""

    job: Annotated[str | None, Field(max_length=253)] = None
    """The Job that made it."""

    backup: Annotated[str | None, Field(max_length=63)] = None
    """The backup that was restored."""

    time: Timestamp | None = None
    """When it was done."""

    rows: Count = None
    """The rows that were restored."""

    uploads: Count = None
    """The uploaded files that were restored."""


class DrillStatus(ApiModel):
    """The status of rehearsals."""

    last_drill: LastDrill | None = None
    """The last rehearsal of a restore that went well."""


class Drill(ScheduledComponent):
    """Rehearse a restore by schedule, and tell what became of it."""

    condition: ClassVar = RESTORE_DRILLED
    status_fields: ClassVar = DrillStatus
    reasons: ClassVar = (
        NEVER_DRILLED,
        DRILL_RUNNING,
        BACKUP_SUSPENDED,
        DRILL_FAILED,
        DRILL_OVERDUE,
        SECRET_NOT_FOUND,
        SECRET_KEY_MISSING,
        *REASONS,
    )

    def scheduled(self, root: Store) -> Scheduled | None:
        """Return what is done by schedule; None where the spec wants none of it."""
        return _scheduled(root)

    def arguments(self, root: Store) -> list[str]:  # noqa: ARG002
        """Return the shop's command that does it."""
        return ["drill"]

    def status(self, root: Store, view: View) -> Manifest:
        """Return what the last rehearsal told."""
        before, scheduled = root.recorded(DrillStatus).last_drill, _scheduled(root)
        word = scheduled.word(view) if scheduled else None
        if word is None:
            return {"lastDrill": before.manifest()} if before else {}
        job, told = word
        found = {
            "job": job["metadata"]["name"],
            "time": job["status"]["completionTime"],
            **{name: told.get(name) for name in ("backup", "rows", "uploads")},
        }
        return {"lastDrill": LastDrill.model_validate(found).manifest()}


def _scheduled(store: Store) -> Scheduled | None:
    wanted, last = store.fragment(BackupSpec).backup, store.recorded(DrillStatus).last_drill
    if wanted is None or wanted.drill is None:
        return None
    return Scheduled(
        what="drill",
        done="done",
        field="spec.backup.drill",
        component=DRILL,
        cron=store.drills,
        schedule=wanted.drill.schedule,
        time_zone=wanted.time_zone,
        suspend=wanted.suspend,
        last_job=last.job if last else None,
        last_time=last.time if last else None,
        reasons=_REASONS,
    )
