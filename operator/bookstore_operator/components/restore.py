"""Restore a store from a backup, as a BookStoreRestore asks for.

The phases are recorded before they are acted upon, so that whoever is killed goes on where it was:

1. Verifying: a Job reads the whole copy and asks the database, and changes nothing; the shop
   serves.
2. Stopping: the store's pods go, by an annotation of the store that its own controller keeps to, so
   that nobody writes what the restore would lose. A shop that has no rows yet is stopped first.
3. Restoring: a Job replaces the rows in one transaction, and begins anew where it is killed.
4. Resuming: the store is let go, also where the restore failed, and then serves again.
"""

from typing import ClassVar

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.api.services import Topology
from bookstore_operator.api.tasks import Phase
from bookstore_operator.components.bucket import give_bucket, prefix_of
from bookstore_operator.components.jobs import (
    REFUSED,
    UNDISTURBED,
    failure,
    is_complete,
    pods_of,
    shop_job,
    why_failed,
)
from bookstore_operator.components.pods import REASONS, termination
from bookstore_operator.components.restorenetwork import TASK_POLICY, policies
from bookstore_operator.components.restorephases import (
    RestoreTask,
    after,
    backup_name,
    holder,
    job_of,
    mark_of,
    order_of,
    phase_of,
    source_of,
    standing_still,
)
from bookstore_operator.components.restorepods import pods_of_store, serves_again, stands_still
from bookstore_operator.components.shop import BACKUP
from bookstore_operator.components.taskjobs import (
    SOON,
    STORE_NOT_READY,
    TASK_JOB,
    carry_backups,
    moves,
    obstacle,
    parts_of,
    shop_pods,
    store_not_ready,
    task_job,
)
from bookstore_operator.engine.component import Component, Patch
from bookstore_operator.engine.verdict import Verdict, failed, final, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.task import BACKUP_READ, DEPLOYMENT_READ, STANDSTILL, STORE_READ

RESTORED = ConditionType("Restored", "The store has what the backup has.")
BACKUP_NOT_READY = Reason(
    "BackupNotReady",
    "The BookStoreBackup to restore is not complete.",
    fix="Look at the conditions of the BookStoreBackup that the message names.",
)
RESTORE_IN_PROGRESS = Reason(
    "RestoreInProgress",
    "The restore is under way; phase says how far.",
    fix="Wait; it goes on by itself.",
)
ANOTHER_RESTORE = Reason(
    "AnotherRestore",
    "Another BookStoreRestore has the store stand still.",
    fix="Wait for the one that the message names, or delete it.",
)
RESTORE_FAILED = Reason(
    "RestoreFailed",
    "The restore is given up; the message says why.",
    fix="Mend what the message names, and make another BookStoreRestore, see "
    "docs/how-to/restore.md.",
)

RESTORE = "restore"
ATTEMPTS = 6
"""How often a restore that was killed begins anew."""

TELLS = {
    Phase.PENDING: "The restore is about to begin.",
    Phase.VERIFYING: "The backup is verified; nothing is changed before it is whole.",
    Phase.STOPPING: "The store's pods are being stopped.",
    Phase.RESTORING: "Rows and files are being restored.",
    Phase.RESUMING: "The store is about to serve again.",
}


class Restore(Component[RestoreTask]):
    """Verify, stop, restore and resume."""

    condition: ClassVar = RESTORED
    kinds: ClassVar = (TASK_JOB, TASK_POLICY)
    reads: ClassVar = (STORE_READ, DEPLOYMENT_READ, BACKUP_READ, POD)
    reasons: ClassVar = (
        STORE_NOT_READY,
        BACKUP_NOT_READY,
        RESTORE_IN_PROGRESS,
        ANOTHER_RESTORE,
        RESTORE_FAILED,
        *REASONS,
    )

    def references(self, root: RestoreTask, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the store, its Deployments and the BookStoreBackup, until all is done."""
        if root.ended:
            return []
        source = source_of(root)
        store = [root.store(root.spec.store), *root.webs(root.spec.store)]
        return [*store, *([source] if source else [])]

    def patches(self, root: RestoreTask, view: View) -> list[Patch]:
        """Return what has the store stand still, or lets it go."""
        phase, ref = phase_of(root), root.store(root.spec.store)
        held = holder(root, view)
        if phase in standing_still(root) and held is None and view.get(ref):
            # Only as it was seen: a store that has begun to move meanwhile is not held up in that.
            seen = {"resourceVersion": (view.get(ref) or {})["metadata"]["resourceVersion"]}
            notes = {"annotations": {STANDSTILL: mark_of(root)}}
            return [] if _moves(root, view) else [Patch(ref, {"metadata": notes | seen})]
        if phase is Phase.RESUMING and held == mark_of(root):
            return [Patch(ref, {"metadata": {"annotations": {STANDSTILL: None}}})]
        return []

    def children(self, root: RestoreTask, view: View) -> list[Manifest]:
        """Return the way to the bucket, until all is done, and the Job of the phase."""
        return [*policies(root, view), *self._jobs(root, view)]

    def _jobs(self, root: RestoreTask, view: View) -> list[Manifest]:
        phase, deployment = phase_of(root), shop_pods(root, root.spec.store, view)
        ref = job_of(root, phase)
        if ref is None or deployment is None or view.get(ref):
            return []
        if phase in standing_still(root) and holder(root, view) != mark_of(root):
            return []
        name = backup_name(root, view)
        if name is None:
            return []
        spec = _spec(root, view, deployment, name)
        return [task_job(root, ref, RESTORE, root.spec.store, spec)]

    def retained(self, root: RestoreTask, view: View) -> set[Ref]:  # noqa: ARG002
        """Return the Jobs, which stay for their logs."""
        return set(view.owned(TASK_JOB))

    def queries(self, root: RestoreTask, view: View) -> list[Query]:
        """Return the pods of the phase's Job, or of the shop while they are being stopped."""
        if phase_of(root) is Phase.STOPPING:
            return pods_of_store(root, view)
        job = _live_job(root, view)
        return [pods_of(job)] if job else []

    def judge(self, root: RestoreTask, view: View) -> Verdict:
        """Judge how far it is, and what it waits for."""
        told = self.status(root, view)
        if told.get("phase") == Phase.COMPLETE:
            return ready(f"The store has what the backup {told.get('backup')} has.")
        if told.get("phase") == Phase.FAILED:
            return final(failed(RESTORE_FAILED, str(told.get("failure"))))
        if missing := _waits_for(root, view):
            return missing
        job = _live_job(root, view)
        if job and (hindered := obstacle(root, root.spec.store, job, view)):
            return hindered
        return waiting(RESTORE_IN_PROGRESS, TELLS[phase_of(root)], again=SOON)

    def status(self, root: RestoreTask, view: View) -> Manifest:
        """Return the phase that comes next, with what the shop told of the backup."""
        if root.ended:
            return root.recorded()
        return root.recorded() | _next(root, view)

    def leftovers(self, root: RestoreTask, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the Jobs, which must not work on when the restore is deleted.

        The store then goes on by itself, since nothing has it stand still that is not there.
        """
        jobs = (job_of(root, phase) for phase in (Phase.VERIFYING, Phase.RESTORING))
        return [ref for ref in jobs if ref]


def _next(task: RestoreTask, view: View) -> Manifest:
    """Return the fields of the status by which the restore goes on."""
    phase = phase_of(task)
    if phase is Phase.RESUMING:
        return _resumed(task, view)
    if _waits_for(task, view):
        gone = view.get(task.store(task.spec.store)) is None and phase is not Phase.PENDING
        return _given_up("the BookStore is gone") if gone else {"phase": phase}
    if phase is Phase.PENDING:
        return {"phase": order_of(task)[0]}
    if phase is Phase.STOPPING:
        stands = holder(task, view) == mark_of(task) and stands_still(task, view)
        return {"phase": after(task, phase), "stopped": True} if stands else {"phase": phase}
    job = _live_job(task, view)
    pods = view.found(pods_of(job)) or [] if job else []
    if job and failure(job):
        return _given_up(_sentence(phase, why_failed(job, pods)))
    if job is None or not is_complete(job):
        return {"phase": phase}
    told = termination(pods)
    found = {name: told.get(name) for name in ("backup", "checksum", "rows", "uploads")}
    known = {name: value for name, value in found.items() if value is not None}
    return {"phase": after(task, phase)} | known


def _resumed(task: RestoreTask, view: View) -> Manifest:
    """Return the fields of the status once the store is let go, and serves what was restored."""
    if holder(task, view) == mark_of(task):
        return {"phase": Phase.RESUMING}
    if task.status.failure:
        return {"phase": Phase.FAILED, "stopped": False}
    done = serves_again(task, view)
    return {"phase": Phase.COMPLETE, "stopped": False} if done else {"phase": Phase.RESUMING}


def _given_up(why: str) -> Manifest:
    return {"phase": Phase.RESUMING, "failure": why}


def _sentence(phase: Phase, why: str) -> str:
    untouched = "; nothing was changed" if phase is Phase.VERIFYING else ""
    return f"{why}{untouched}; mend that, and make another BookStoreRestore"


def _waits_for(task: RestoreTask, view: View) -> Verdict | None:
    """Return the verdict on what must be there before the restore goes on, or None."""
    if phase_of(task) is Phase.RESUMING:
        return None
    if missing := store_not_ready(task, task.spec.store, view):
        return missing
    if moving := _moves(task, view):
        return moving
    source = source_of(task)
    if source and backup_name(task, view) is None:
        text = f"{source} is not complete yet; its backup is restored once it is."
        return waiting(BACKUP_NOT_READY, text, again=SOON)
    held = holder(task, view)
    if held not in (None, mark_of(task)) and phase_of(task) in (
        Phase.PENDING,
        *standing_still(task),
    ):
        name = str(held).partition("/")[0]
        return waiting(ANOTHER_RESTORE, f"BookStoreRestore {name} is under way.", again=SOON)
    return None


def _moves(task: RestoreTask, view: View) -> Verdict | None:
    """Return the verdict while the store moves; one that stands still for this restore does not."""
    return None if holder(task, view) == mark_of(task) else moves(task, task.spec.store, view)


def _spec(task: RestoreTask, view: View, deployment: Manifest, name: str) -> Manifest:
    """Return the spec of the Job of the phase."""
    verifies = phase_of(task) is Phase.VERIFYING
    parts = parts_of(task, task.spec.store, view)
    # What an attempt that was killed restored is replaced by the next.
    flags = [
        *(["--dry-run"] if verifies else []),
        *(["--replace"] if task.spec.replace or not verifies else []),
        *(["--from-s3"] if task.spec.s3 else []),
        # Also where a person has emptied the database, in which it would be taken for whole.
        *([] if None in parts else ["--topology", Topology.MICROSERVICES.value]),
    ]
    labels = task.labels(task.spec.store, BACKUP)
    policy = (REFUSED, UNDISTURBED)
    spec = shop_job(deployment, labels, ["restore", name, *flags], policy, ATTEMPTS)
    source, bucket = task.spec.from_store, task.spec.s3
    if bucket:
        give_bucket(spec, bucket, prefix_of(bucket, task.namespace, source or task.spec.store))
    elif source and source != task.spec.store:
        carry_backups(spec["template"]["spec"], f"{source}-files")
    return spec


def _live_job(task: RestoreTask, view: View) -> Manifest | None:
    ref = job_of(task, phase_of(task))
    return view.get(ref) if ref else None
