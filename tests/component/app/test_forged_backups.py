"""Backups that fit their checksums and are wrong all the same: nothing of them stays."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select, table

from bookstore.auth.service import LocalAuth
from bookstore.core.backups.backup import back_up
from bookstore.core.backups.folder import BackupFolder
from bookstore.core.backups.manifest import BackupFailed, sha256_of
from bookstore.core.backups.restore import restore
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.migrate import migrate
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.support.keys import SECRET_KEY

ACCOUNTS = "auth/accounts.jsonl.gz"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give a shop on SQLite with an account."""
    found = load_settings(
        sqlalchemy_database_uri=f"sqlite:///{tmp_path / 'shop' / 'shop.sqlite3'}",
        secret_key=SECRET_KEY,
        instance_dir=tmp_path / "shop",
    )
    migrate(found)
    service(LocalAuth, create_app(found)).register("ana@example.com", "Ana", "a long password")
    return found


def forge(backup: Path, path: str, content: bytes) -> None:
    """Write a file of a backup, and its checksum into the manifest."""
    place = backup / path
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)
    manifest = json.loads((backup / "manifest.json").read_text())
    file = {"path": path, "bytes": len(content), "sha256": sha256_of(place)}
    others = [each for each in manifest["files"] if each["path"] != path]
    write(backup, {**manifest, "files": [*others, file]})


def write(backup: Path, manifest: dict[str, Any]) -> None:
    (backup / "manifest.json").write_text(json.dumps(manifest))


def archive(*entries: tarfile.TarInfo) -> bytes:
    written = io.BytesIO()
    with tarfile.open(mode="w", fileobj=written) as packed:
        for entry in entries:
            packed.addfile(entry, io.BytesIO(b"x" * entry.size))
    return written.getvalue()


def file(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = 1
    return entry


def climb_out_of_the_folder(backup: Path) -> str:
    forge(backup, "uploads.tar", archive(file("../outside")))
    return "'../outside', which is no upload"


def name_a_path_of_the_system(backup: Path) -> str:
    forge(backup, "uploads.tar", archive(file("/outside")))
    return "'/outside', which is no upload"


def link_to_another_file(backup: Path) -> str:
    link = tarfile.TarInfo("outside")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    forge(backup, "uploads.tar", archive(link))
    return "'outside', which is no upload"


def bring_more_uploads(backup: Path) -> str:
    forge(backup, "uploads.tar", archive(file("one"), file("two")))
    return "has 2 files instead of 0"


def leave_out_a_row(backup: Path) -> str:
    columns = gzip.decompress((backup / ACCOUNTS).read_bytes()).splitlines(keepends=True)[0]
    forge(backup, ACCOUNTS, gzip.compress(columns))
    return "The table accounts has 0 rows instead of 1"


def name_other_columns(backup: Path) -> str:
    forge(backup, ACCOUNTS, gzip.compress(b'["id","is_king"]\n'))
    return "table accounts has other columns than ours"


def bring_another_table(backup: Path) -> str:
    forge(backup, "auth/kings.jsonl.gz", gzip.compress(b"[]\n"))
    manifest = json.loads((backup / "manifest.json").read_text())
    manifest["domains"]["auth"]["tables"]["kings"] = 0
    write(backup, manifest)
    return "has no table kings"


@pytest.mark.parametrize(
    "deed",
    [
        *(climb_out_of_the_folder, name_a_path_of_the_system, link_to_another_file),
        *(bring_more_uploads, leave_out_a_row, name_other_columns, bring_another_table),
    ],
)
def test_a_forged_backup_changes_no_row_and_writes_nothing_outside(
    settings: Settings, tmp_path: Path, deed: Callable[[Path], str]
) -> None:
    taken = back_up(settings)
    told = deed(settings.backups / taken.name)
    with pytest.raises(BackupFailed, match=told):
        restore(settings, "latest", replace=True)
    assert accounts(settings) == 1
    assert list(tmp_path.rglob("outside")) == []
    assert not Path("/outside").exists()


def accounts(settings: Settings) -> int:
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        found = connection.scalar(select(func.count()).select_from(table("accounts")))
    engine.dispose()
    return int(found or 0)


def test_who_waits_too_long_for_another_backup_is_told(settings: Settings) -> None:
    with (
        BackupFolder(settings.backups).locked(),
        pytest.raises(BackupFailed, match="Another backup or restore has been using"),
        BackupFolder(settings.backups).locked(wait_seconds=0.3),
    ):
        pass


def test_before_the_first_backup_there_is_none_to_list_or_restore(settings: Settings) -> None:
    assert BackupFolder(settings.backups).names() == []
    with pytest.raises(BackupFailed, match="There is no backup latest"):
        restore(settings, "latest")
