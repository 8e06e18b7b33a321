"""What a backup says of itself: the file ``manifest.json``, written last."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

MANIFEST = "manifest.json"
UPLOADS = "uploads.tar"


class BackupFailed(Exception):
    """A backup or a restore cannot go on; the message says why and what to do."""


class BackupDamaged(BackupFailed):
    """A backup is not as it was written."""


class BackupFile(BaseModel):
    """A file of a backup: its path in it, its size in bytes and its SHA-256."""

    model_config = ConfigDict(frozen=True)

    path: str
    bytes: int
    sha256: str


class Part(BaseModel):
    """What a backup has of a domain: the schema, and of each table its rows and largest id."""

    model_config = ConfigDict(frozen=True)

    revision: str
    tables: dict[str, int]
    largest_ids: dict[str, int]


class Manifest(BaseModel):
    """What a backup says of itself: when, of which shop, a part for each domain, its files."""

    model_config = ConfigDict(frozen=True)

    format: Literal[2] = 2
    name: str
    created: datetime
    shop: str
    database: str
    domains: dict[str, Part]
    uploads: int
    files: tuple[BackupFile, ...]

    @property
    def revisions(self) -> dict[str, str]:
        """Return the revision of each domain."""
        return {domain: part.revision for domain, part in self.domains.items()}

    @property
    def schema_revision(self) -> str:
        """Return the revision of each domain, in one line."""
        return ", ".join(self.revisions.values())

    @property
    def text(self) -> str:
        """Return the content of ``manifest.json``."""
        return self.model_dump_json(indent=2) + "\n"

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of ``manifest.json``, which holds those of all other files."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def bytes(self) -> int:
        """Return the size of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def rows(self) -> int:
        """Return the number of rows of all tables."""
        return sum(sum(part.tables.values()) for part in self.domains.values())


def table_file(domain: str, table: str) -> str:
    """Return the path of a table's rows in a backup."""
    return f"{domain}/{table}.jsonl.gz"


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    :raise BackupDamaged: when it is missing, cut off, of another format or another backup's.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise BackupDamaged(f"The backup {folder.name} has no {MANIFEST}.") from None
    except ValidationError as invalid:
        reason = invalid.errors(include_url=False)[0]["msg"]
        raise BackupDamaged(
            f"The {MANIFEST} of the backup {folder.name} cannot be read: {reason}."
        ) from None
    named = {file.path for file in manifest.files}
    tables = {
        table_file(domain, table)
        for domain, part in manifest.domains.items()
        for table in part.tables
    }
    if named != {UPLOADS, *tables} or manifest.name != folder.name:
        raise BackupDamaged(f"The {MANIFEST} of the backup {folder.name} does not fit it.")
    return manifest


def verify(folder: Path, manifest: Manifest) -> None:
    """Read every file of a backup and compare it with the manifest.

    :raise BackupDamaged: with all the files that are missing or are not as they were written.
    """
    problems = [*_problems(folder, manifest.files)]
    if problems:
        raise BackupDamaged(
            f"The backup {manifest.name} is damaged: {', '.join(problems)}. Take another one."
        )


def _problems(folder: Path, files: Iterable[BackupFile]) -> Iterable[str]:
    for file in files:
        path = folder / PurePosixPath(file.path)
        if not path.is_file():
            yield f"{file.path} is missing"
        elif path.stat().st_size != file.bytes:
            yield f"{file.path} has {path.stat().st_size} bytes instead of {file.bytes}"
        elif sha256_of(path) != file.sha256:
            yield f"{file.path} has another checksum"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
