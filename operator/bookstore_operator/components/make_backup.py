"""Make one backup, as a BookStoreBackup asks for."""

from typing import ClassVar

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.api.objectstore import BackupCopy
from bookstore_operator.api.tasks import (
    BackupDeletion,
    BookStoreBackupSpec,
    BookStoreBackupStatus,
    Phase,
)
from bookstore_operator.components.bucket import bucket_of, give_bucket, prefix_of
from bookstore_operator.components.jobs import (
    failure,
    is_complete,
    pods_of,
    shop_job,
    why_failed,
)
from bookstore_operator.components.pods import REASONS, termination
from bookstore_operator.components.shop import BACKUP
from bookstore_operator.components.taskjobs import (
    SOON,
    STORE_NOT_READY,
    TASK_JOB,
    obstacle,
    shop_pods,
    store_not_ready,
    task_job,
)
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, failed, final, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.task import DEPLOYMENT_READ, STORE_READ, Task

BackupTask = Task[BookStoreBackupSpec, BookStoreBackupStatus]

BACKUP_MADE = ConditionType("BackupMade", "The backup is whole.")
BACKUP_BEING_MADE = Reason(
    "BackupBeingMade", "The Job that makes the backup runs.", fix="Wait until it has ended."
)
BACKUP_NOT_MADE = Reason(
    "BackupNotMade",
    "The backup failed; the message says why.",
    fix="Mend what the message names, and make another BookStoreBackup.",
)


DISCARD = "discard"
DISCARDED_WITHIN = 600
"""Seconds after which a BookStoreBackup that is deleted waits no longer for its backup to go."""


class MakeBackup(Component[BackupTask]):
    """Run the shop's backup once."""

    condition: ClassVar = BACKUP_MADE
    kinds: ClassVar = (TASK_JOB,)
    reads: ClassVar = (STORE_READ, DEPLOYMENT_READ, POD)
    reasons: ClassVar = (
        STORE_NOT_READY,
        BACKUP_BEING_MADE,
        BACKUP_NOT_MADE,
        *REASONS,
    )

    def references(self, root: BackupTask, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the store and its Deployments, until the backup is made."""
        return [] if root.ended else [root.store(root.spec.store), *root.webs(root.spec.store)]

    def children(self, root: BackupTask, view: View) -> list[Manifest]:
        """Return the Job, once the store has pods whose settings it can have."""
        if root.ended or store_not_ready(root, root.spec.store, view):
            return []
        spec = _spec(root, view, ["backup"])
        return [task_job(root, _job(root), BACKUP, root.spec.store, spec)]

    def retained(self, root: BackupTask, view: View) -> set[Ref]:  # noqa: ARG002
        """Return the Job, which stays for its log."""
        return set(view.owned(TASK_JOB))

    def queries(self, root: BackupTask, view: View) -> list[Query]:
        """Return the Job's pods, until what they tell is recorded."""
        job = view.get(_job(root))
        return [pods_of(job)] if job and not root.ended else []

    def judge(self, root: BackupTask, view: View) -> Verdict:
        """Judge the Job."""
        if root.status.phase is Phase.COMPLETE:
            return ready(f"The backup is {root.status.backup}.")
        if root.status.phase is Phase.FAILED:
            known = root.condition(BACKUP_MADE)
            return final(failed(BACKUP_NOT_MADE, known.message if known else "it failed"))
        job = view.get(_job(root))
        if job is None:
            missing = store_not_ready(root, root.spec.store, view)
            return missing or waiting(BACKUP_BEING_MADE, "The Job is about to start.")
        pods = view.found(pods_of(job)) or []
        if is_complete(job):
            return ready(f"The backup is {termination(pods).get('backup')}.")
        if failure(job):
            return final(
                failed(
                    BACKUP_NOT_MADE,
                    f"{why_failed(job, pods)}; mend that, and make another BookStoreBackup",
                )
            )
        # What keeps a pod from its start changes nothing of the Job.
        return obstacle(root, root.spec.store, job, view) or waiting(
            BACKUP_BEING_MADE, "The Job that makes the backup runs.", again=SOON
        )

    def status(self, root: BackupTask, view: View) -> Manifest:
        """Return how far it is, and what the shop told of the backup."""
        if root.ended:
            return root.recorded()
        job = view.get(_job(root))
        if job is None:
            return {"phase": Phase.PENDING}
        if failure(job):
            return {"phase": Phase.FAILED}
        if not is_complete(job):
            return {"phase": Phase.RUNNING}
        told = termination(view.found(pods_of(job)) or [])
        found = {
            name: told.get(name) for name in ("backup", "checksum", "rows", "uploads", "bytes")
        }
        copied = BackupCopy.of(told.get("s3"))
        return {
            "phase": Phase.COMPLETE,
            "completionTime": job["status"]["completionTime"],
            **({"s3": copied.manifest()} if copied else {}),
            **{name: value for name, value in found.items() if value is not None},
        }

    def parting_references(self, root: BackupTask) -> list[Ref]:
        """Return the store and its Deployments, where the backup is to go."""
        goes = root.spec.deletion_policy is BackupDeletion.DELETE and root.status.backup
        return [root.store(root.spec.store), *root.webs(root.spec.store)] if goes else []

    def parting(self, root: BackupTask, view: View) -> list[Manifest]:
        """Return the Job that removes the backup, while it works.

        What cannot be removed stays, so that no resource hangs on it.
        """
        name = root.status.backup
        ref = Ref(TASK_JOB, root.namespace, f"{root.name}-discard")
        job = view.get(ref)
        if not (self.parting_references(root) and name):
            return []
        if store_not_ready(root, root.spec.store, view):
            return []
        if job and (is_complete(job) or failure(job)):
            return []
        spec = _spec(root, view, ["discard", name])
        spec["activeDeadlineSeconds"] = DISCARDED_WITHIN
        return [task_job(root, ref, DISCARD, root.spec.store, spec)]


def _spec(task: BackupTask, view: View, args: list[str]) -> Manifest:
    store = task.spec.store
    spec = shop_job(shop_pods(task, store, view) or {}, task.labels(store, BACKUP), args)
    if bucket := bucket_of(view.get(task.store(store))):
        give_bucket(spec, bucket, prefix_of(bucket, task.namespace, store))
    return spec


def _job(task: BackupTask) -> Ref:
    return Ref(TASK_JOB, task.namespace, f"{task.name}-backup")
