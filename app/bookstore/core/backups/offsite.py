"""Copies of backups in a bucket: whole or absent, verified before they count, brought back whole.

A backup is a folder there as well, and its manifest comes last and goes first. Source of the
client: ``objectstore``.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from bookstore.core.backups.folder import LATEST, NAME, BackupFolder, moment_of
from bookstore.core.backups.manifest import (
    MANIFEST,
    BackupDamaged,
    BackupFailed,
    Manifest,
    read_manifest,
    verify,
)
from bookstore.core.backups.objectstore import Bucket
from bookstore.core.config.settings import Settings
from bookstore.core.db.database import now

LARGEST_MANIFEST = 16 * 1024 * 1024


@dataclass(frozen=True)
class Copied:
    """What became of copying backups out.

    Attributes:
        location: Where the newest one lies; empty where it is not there.
        error: The kind of what stands in the way; empty where all are there.
        message: What that is, and what to do.
    """

    location: str = ""
    error: str = ""
    message: str = ""

    def told(self) -> dict[str, str]:
        """Return what there is to tell."""
        return {name: value for name, value in vars(self).items() if value}


def copy_out(settings: Settings, keep: int | None = None, days: float | None = None) -> Copied:
    """Copy all backups that are not in the bucket yet, the newest first, then prune it.

    A copy that was cut short goes on with the files that are missing.

    :param keep: how many copies stay; all without. The newest one, verified just now, always does.
    :param days: how many days a copy stays; for ever without.
    :return: what became of it; a copy that failed spoils no backup.
    """
    folder, location = BackupFolder(settings.backups), ""
    try:
        with folder.locked():
            copies = Copies(settings)
            for name in folder.names():
                try:
                    copies.add(folder.path / name)
                except BackupDamaged:
                    continue  # It is no backup, and bookstore backups tells of it.
                location = location or copies.location(name)
            copies.prune(folder.names(), keep, days)
    except BackupFailed as failed:
        return Copied(location, type(failed).__name__, str(failed))
    return Copied(location)


def bring_back(settings: Settings, name: str) -> str:
    """Bring a backup back out of the bucket, unless the folder of backups has it whole.

    :param name: its name, or ``latest``, which is that of the bucket.
    :return: its name.
    :raise BackupFailed: when the bucket has no such backup, or it cannot be read.
    :raise BackupDamaged: when it is not as it was written; the folder is as it was then.
    """
    folder = BackupFolder(settings.backups)
    with folder.locked():
        if name != LATEST and _is_good(folder, name):
            return name
        copies = Copies(settings)
        name = copies.find(name)
        if not _is_good(folder, name):
            copies.fetch(name, folder)
    return name


def remove_copy(settings: Settings, name: str) -> None:
    """Remove a backup from the bucket, if it is there."""
    Copies(settings).remove(name)


class Copies:
    """The copies in the bucket, as they are when this is made.

    :raise S3Failed: by every method, when the bucket cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.s3_bucket is None:
            raise BackupFailed("S3_BUCKET is not set; set it to the bucket that has the backups.")
        self._bucket = Bucket(settings)
        self._prefix = f"{settings.s3_prefix}/" if settings.s3_prefix else ""
        self._there = self._bucket.objects(self._prefix)

    def names(self) -> list[str]:
        """Return the names of the whole copies, newest first."""
        return [name for name in self._begun() if self._key(name, MANIFEST) in self._there]

    def location(self, name: str) -> str:
        """Return where a copy lies."""
        return f"s3://{self._bucket.name}/{self._prefix}{name}"

    def find(self, name: str) -> str:
        """Return the name of a copy.

        :param name: a name, or ``latest``.
        :raise BackupFailed: when there is no such copy.
        """
        names = self.names()
        if name == LATEST and names:
            return names[0]
        if name not in names:
            raise BackupFailed(
                f"There is no backup {name} in s3://{self._bucket.name}/{self._prefix}; "
                "bookstore backups --s3 lists those that there are."
            )
        return name

    def add(self, place: Path) -> None:
        """Copy a backup, unless it is there.

        :raise BackupDamaged: when it is not as it was written.
        """
        if place.name in self.names():
            return
        manifest = read_manifest(place)
        verify(place, manifest)
        for path in (*(file.path for file in manifest.files), MANIFEST):
            key = self._key(place.name, path)
            self._there[key] = self._bucket.put(place / path, key).size

    def fetch(self, name: str, folder: BackupFolder) -> None:
        """Put a copy into a folder of backups that is locked; it appears when it is verified.

        :raise BackupDamaged: when it is not as it was written.
        """
        with folder.writing(name) as new:
            manifest = self._manifest(name)
            for file in manifest.files:
                with new.file(file.path) as written:
                    for block in self._bucket.read(self._key(name, file.path)):
                        written.write(block)
            new.finish(manifest)
            verify(new.folder, manifest)

    def prune(self, local: list[str], keep: int | None, days: float | None) -> None:
        """Remove old copies, and what is left of such as were never whole and never will be.

        The newest one stays, which was verified when it was put there.

        :param local: the backups that are in the folder.
        """
        oldest = now() - timedelta(days=days) if days is not None else None
        whole = self.names()
        old = [] if keep is None else whole[keep:]
        if oldest is not None:
            old += [name for name in whole[1:] if moment_of(name) < oldest and name not in old]
        if old or keep is not None:
            old += [name for name in self._begun() if name not in (*whole, *local)]
        for name in old:
            self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a copy; one that is removed half-way is no copy."""
        keys = [key for key in self._there if key.startswith(self._key(name, ""))]
        for key in sorted(keys, key=lambda one: not one.endswith(f"/{MANIFEST}")):
            self._bucket.remove(key)
            del self._there[key]

    def _manifest(self, name: str) -> Manifest:
        key = self._key(name, MANIFEST)
        if self._there[key] > LARGEST_MANIFEST:
            raise BackupDamaged(f"The {MANIFEST} of the backup {name} is too large to be one.")
        try:
            manifest = Manifest.model_validate_json(b"".join(self._bucket.read(key)))
        except ValidationError as invalid:
            reason = invalid.errors(include_url=False)[0]["msg"]
            raise BackupDamaged(
                f"The {MANIFEST} of the backup {name} cannot be read: {reason}."
            ) from None
        if manifest.name != name:
            raise BackupDamaged(f"The {MANIFEST} of the backup {name} is that of {manifest.name}.")
        for file in manifest.files:
            path = PurePosixPath(file.path)
            if path.is_absolute() or ".." in path.parts:
                raise BackupDamaged(f"The {MANIFEST} of the backup {name} names {file.path!r}.")
            if self._there.get(self._key(name, file.path)) != file.bytes:
                raise BackupDamaged(f"The backup {name} lacks {file.path}, or has another one.")
        return manifest

    def _begun(self) -> list[str]:
        """Return the names of all copies, whole or not, newest first."""
        found = {key.removeprefix(self._prefix).partition("/")[0] for key in self._there}
        return sorted((name for name in found if NAME.fullmatch(name)), reverse=True)

    def _key(self, name: str, path: str) -> str:
        return f"{self._prefix}{name}/{path}"


def _is_good(folder: BackupFolder, name: str) -> bool:
    if name not in folder.names():
        return False
    try:
        verify(folder.path / name, read_manifest(folder.path / name))
    except BackupDamaged:
        return False
    return True
