"""How far a restore is, and what it is about: the order of its phases, its store and its backup."""

from bookstore_operator.api.tasks import BookStoreRestoreSpec, BookStoreRestoreStatus, Phase
from bookstore_operator.components.taskjobs import TASK_JOB
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Ref
from bookstore_operator.task import BACKUP_READ, STANDSTILL, Task

RestoreTask = Task[BookStoreRestoreSpec, BookStoreRestoreStatus]


def phase_of(task: RestoreTask) -> Phase:
    """Return the phase that is recorded."""
    return task.status.phase or Phase.PENDING


def order_of(task: RestoreTask) -> tuple[Phase, ...]:
    """Return the phases: rows that must not go are looked for once nobody writes any more."""
    first = (Phase.VERIFYING, Phase.STOPPING)
    return (*(first if task.spec.replace else reversed(first)), Phase.RESTORING, Phase.RESUMING)


def after(task: RestoreTask, phase: Phase) -> Phase:
    """Return the phase that comes after one."""
    order = order_of(task)
    return order[order.index(phase) + 1]


def standing_still(task: RestoreTask) -> tuple[Phase, ...]:
    """Return the phases in which the store stands still."""
    order = order_of(task)
    return order[order.index(Phase.STOPPING) : order.index(Phase.RESUMING)]


def job_of(task: RestoreTask, phase: Phase) -> Ref | None:
    """Return the Job of a phase; None where it has none."""
    suffix = {Phase.VERIFYING: "verify", Phase.RESTORING: "restore"}.get(phase)
    return Ref(TASK_JOB, task.namespace, f"{task.name}-{suffix}") if suffix else None


def mark_of(task: RestoreTask) -> str:
    """Return the value of the annotation: the uid tells it from one of the same name before."""
    return f"{task.name}/{task.uid}"


def holder(task: RestoreTask, view: View) -> str | None:
    """Return what the store stands still for, by its annotation."""
    store = view.get(task.store(task.spec.store)) or {}
    found: str | None = store.get("metadata", {}).get("annotations", {}).get(STANDSTILL)
    return found


def source_of(task: RestoreTask) -> Ref | None:
    """Return the BookStoreBackup to restore, where it is one."""
    name = task.spec.backup.book_store_backup
    return Ref(BACKUP_READ, task.namespace, name) if name else None


def backup_name(task: RestoreTask, view: View) -> str | None:
    """Return the name of the backup, where it is known."""
    source = source_of(task)
    if source is None or task.status.backup:
        return task.status.backup or task.spec.backup.name
    status = (view.get(source) or {}).get("status", {})
    return status.get("backup") if status.get("phase") == Phase.COMPLETE else None
