"""BookStoreBackup and BookStoreRestore as kinds of root."""

from bookstore_operator.api.tasks import (
    BookStoreBackupSpec,
    BookStoreBackupStatus,
    BookStoreRestoreSpec,
    BookStoreRestoreStatus,
)
from bookstore_operator.components.make_backup import MakeBackup
from bookstore_operator.components.restore import Restore
from bookstore_operator.task import BACKUP_TASK, RESTORE_TASK, Tasks


def backups() -> Tasks[BookStoreBackupSpec, BookStoreBackupStatus]:
    """Return the kind of root that people apply for a backup."""
    return Tasks(BACKUP_TASK, (MakeBackup(),), BookStoreBackupSpec, BookStoreBackupStatus)


def restores() -> Tasks[BookStoreRestoreSpec, BookStoreRestoreStatus]:
    """Return the kind of root that people apply for a restore."""
    return Tasks(RESTORE_TASK, (Restore(),), BookStoreRestoreSpec, BookStoreRestoreStatus)
