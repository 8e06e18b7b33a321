"""Rehearse a restore: into a database and a folder that are thrown away."""

import shutil
import tempfile
from pathlib import Path

from pydantic import SecretStr

from bookstore.core.backups.manifest import Manifest
from bookstore.core.backups.restore import restore
from bookstore.core.config.settings import Settings

UPLOADS = ".drill"
"""Beside the backups, for there is room for as much again as they take."""


def drill(settings: Settings, name: str) -> Manifest:
    """Restore a backup into a new SQLite database, as far as the newest schema, and forget it.

    Every row and file is read and written, and none of the shop's own; the scratch database needs
    no right on the shop's server.

    :param name: the name of a backup, or ``latest``.
    :raise BackupFailed: when it could not be restored.
    """
    uploads = settings.backups / UPLOADS
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'shop.sqlite3'}"
        scratch = settings.model_copy(
            update={
                "sqlalchemy_database_uri": SecretStr(database),
                "uploads_dir": uploads,
                "backups_dir": settings.backups,
            }
        )
        shutil.rmtree(uploads, ignore_errors=True)
        try:
            return restore(scratch, name)
        finally:
            shutil.rmtree(uploads, ignore_errors=True)
