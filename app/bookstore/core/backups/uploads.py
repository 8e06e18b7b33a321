"""Uploaded files in a backup: one tar archive, for many small files are slow on shared disks."""

import os
import secrets
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from bookstore.core.backups.folder import NewBackup
from bookstore.core.backups.manifest import UPLOADS, BackupDamaged


def dump_uploads(folder: Path, backup: NewBackup) -> int:
    """Write all uploads into a backup.

    Files are named by their content and so never change. They are written before the row that
    names them, so that a copy made after the snapshot of the database has what it names.

    :return: the number of files.
    """
    count = 0
    with (
        backup.file(UPLOADS) as written,
        tarfile.open(mode="w|", fileobj=written, format=tarfile.PAX_FORMAT) as archive,  # type: ignore[call-overload]
    ):
        for path in _uploads(folder):
            try:
                content = path.open("rb")
            except FileNotFoundError:
                continue  # Removed meanwhile, as a replaced cover is.
            with content:
                known = os.fstat(content.fileno())
                entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
                entry.size, entry.mtime, entry.mode = known.st_size, int(known.st_mtime), 0o644
                archive.addfile(entry, content)
            count += 1
    return count


def load_uploads(archive_path: Path, folder: Path, expected: int) -> None:
    """Put the uploads of a backup back; each is there whole or not at all, others stay.

    :param expected: the number of files that there must be.
    :raise BackupDamaged: when there are others, or one would lie outside of the folder.
    """
    count = 0
    with tarfile.open(archive_path) as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is None or path.is_absolute() or ".." in path.parts:
                raise BackupDamaged(f"{UPLOADS} holds {entry.name!r}, which is no upload.")
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = place.with_name(f".{secrets.token_hex(8)}")
            try:
                with partial.open("xb") as written:
                    shutil.copyfileobj(content, written)
                partial.replace(place)
            finally:
                partial.unlink(missing_ok=True)
            count += 1
    if count != expected:
        raise BackupDamaged(f"{UPLOADS} has {count} files instead of {expected}.")


def _uploads(folder: Path) -> list[Path]:
    # A name with a dot in front is a file that is still being written.
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    )
