"""The folder of backups: one writer at a time, whole backups only, leftovers swept."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from bookstore.core.backups.manifest import (
    MANIFEST,
    BackupDamaged,
    BackupFailed,
    BackupFile,
    Manifest,
    read_manifest,
    verify,
)
from bookstore.core.db.database import now

LATEST = "latest"
NAME = re.compile(r"\d{8}-\d{6}-\d{6}", re.ASCII)
MOMENT = "%Y%m%d-%H%M%S-%f"
PARTIAL, LOCK = ".partial-", ".lock"
LOCK_WAIT_SECONDS = 300
ASK_AGAIN_SECONDS = 0.2
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class NewBackup:
    """A backup that is being written; nobody sees it before it is whole."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.files: list[BackupFile] = []

    @contextmanager
    def file(self, path: str) -> Iterator["HashedFile"]:
        """Write a file; it is on the disk when this ends."""
        place = self.folder / path
        place.parent.mkdir(exist_ok=True)
        with place.open("xb") as raw:
            content = HashedFile(raw)
            yield content
            raw.flush()
            os.fsync(raw.fileno())
        _sync_folder(place.parent)
        self.files.append(
            BackupFile(path=path, bytes=content.bytes, sha256=content.hash.hexdigest())
        )

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, the last file of all."""
        with (self.folder / MANIFEST).open("x", encoding="utf-8") as written:
            written.write(manifest.text)
            written.flush()
            os.fsync(written.fileno())


class HashedFile:
    """A file that counts and hashes what is written; gzip and tar ask for no more."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.hash = hashlib.sha256()
        self.bytes = 0

    def write(self, block: bytes) -> int:
        """Write all of a block."""
        self._raw.write(block)
        self.hash.update(block)
        self.bytes += len(block)
        return len(block)

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._raw.flush()


class BackupFolder:
    """The folder of backups, each a folder in it named by the moment when it began.

    A backup appears by the rename of a folder that was written and synced under another name.
    The lock is the kernel's, so it ends with its process; whoever holds it may remove what
    others left half-written. NFS 4, and so EFS, keeps it between machines.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
        """Lock the folder against other writers, and sweep what killed ones left.

        :raise BackupFailed: when the folder cannot be written or another one holds it too long.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / LOCK).open("ab")
        except OSError as error:
            raise BackupFailed(
                f"BACKUPS_DIR is {self.path}, where the shop cannot write "
                f"({error.strerror}); make it writable, or set it to another folder."
            ) from error
        with lock:
            _wait_for(lock, self.path, wait_seconds)
            for left in self.path.glob(f"{PARTIAL}*"):
                shutil.rmtree(left, ignore_errors=True)
            yield

    @contextmanager
    def writing(self, name: str = "") -> Iterator[NewBackup]:
        """Begin a new backup, inside of ``locked``; it appears when this ends well.

        :param name: that of a copy, which takes the place of one of the same name; the moment
            without.
        :raise BackupFailed: when the disk is full, or refuses; then nothing of it stays.
        """
        name = name or now().strftime(MOMENT)
        new = NewBackup(name, self.path / f"{PARTIAL}{name}")
        try:
            new.folder.mkdir()
            yield new
            _sync_folder(new.folder)
            if name in self.names():
                self._remove(name)
            new.folder.rename(self.path / name)
            _sync_folder(self.path)
        except OSError as error:
            raise BackupFailed(
                f"There is no room for a backup in BACKUPS_DIR, {self.path}; free some, "
                "with bookstore prune for instance, or set it to another folder."
                if error.errno in NO_ROOM
                else f"A backup cannot be made in BACKUPS_DIR, {self.path}: {error.filename or ''} "
                f"{error.strerror}; see that the shop may write there and read its uploads."
            ) from error
        finally:
            shutil.rmtree(new.folder, ignore_errors=True)

    def names(self) -> list[str]:
        """Return the names of all backups, newest first."""
        if not self.path.is_dir():
            return []
        return sorted(
            (one.name for one in self.path.iterdir() if NAME.fullmatch(one.name)), reverse=True
        )

    def find(self, name: str) -> Path:
        """Return the folder of a backup.

        :param name: a name, or ``latest``.
        :raise BackupFailed: when there is no such backup.
        """
        names = self.names()
        if name == LATEST and names:
            return self.path / names[0]
        if name not in names:
            raise BackupFailed(
                f"There is no backup {name} in {self.path}; bookstore backups lists them."
            )
        return self.path / name

    def prune(self, keep: int | None, days: float | None, good: str = "") -> list[str]:
        """Remove old backups, inside of ``locked``; the newest good one always stays.

        Good is one whose files have the checksums that they were written with.

        :param keep: how many whole ones stay at most.
        :param days: how old one may be.
        :param good: the newest good one where it is known, as after it was made.
        :return: the names of the removed ones.
        """
        oldest = now() - timedelta(days=days) if days is not None else None
        good = good or self._newest_good()
        whole = 0
        removed = []
        for name in self.names():
            try:
                read_manifest(self.path / name)
            except BackupDamaged:
                one_of_many = False
            else:
                whole += 1
                one_of_many = keep is not None and whole > keep
            too_old = oldest is not None and moment_of(name) < oldest
            if name != good and (one_of_many or too_old):
                self._remove(name)
                removed.append(name)
        return removed

    def discard(self, name: str) -> None:
        """Remove one backup, inside of ``locked``.

        :raise BackupFailed: when there is no such backup.
        """
        self._remove(self.find(name).name)

    def _newest_good(self) -> str:
        for name in self.names():
            try:
                verify(self.path / name, read_manifest(self.path / name))
            except BackupDamaged:
                continue
            return name
        return ""

    def _remove(self, name: str) -> None:
        # Renamed first, for a removal that is killed half-way must not leave a backup.
        going = self.path / f"{PARTIAL}removed-{name}"
        (self.path / name).rename(going)
        shutil.rmtree(going)


def moment_of(name: str) -> datetime:
    """Return the moment when a backup began, which is its name, in UTC."""
    return datetime.strptime(name, MOMENT).replace(tzinfo=UTC)


def _wait_for(lock: IO[bytes], path: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise BackupFailed(
                    f"Another backup or restore has been using {path} for {seconds:.0f} seconds; "
                    "run this again when it has ended."
                ) from None
            time.sleep(ASK_AGAIN_SECONDS)
        else:
            return


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
