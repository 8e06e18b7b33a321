"""A backup whose checksums fit and whose content does not: a restore refuses it."""

from __future__ import annotations

import gzip
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Event, Thread

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from bookstore.auth.models import Account
from bookstore.cli import bookstore
from bookstore.core.backups.backup import back_up
from bookstore.core.backups.folder import BackupFolder
from bookstore.core.backups.manifest import BackupDamaged, BackupFailed
from bookstore.core.backups.restore import restore
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.migrate import migrate
from tests.support.keys import SECRET_KEY

ANA = "ana@example.com"
ACCOUNTS = "auth/accounts.jsonl.gz"
GIVE_UP_SECONDS = 30
Edit = Callable[[list[str]], list[str]]


@contextmanager
def opened(settings: Settings) -> Iterator[Session]:
    engine = create_engine(settings.database_url)
    with Session(engine) as db:
        yield db
    engine.dispose()


@pytest.fixture
def shop(tmp_path: Path) -> Settings:
    """Give the settings of a migrated shop on SQLite, with an account and a cover."""
    settings = load_settings(
        sqlalchemy_database_uri=f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        secret_key=SECRET_KEY,
        instance_dir=tmp_path,
    )
    migrate(settings)
    with opened(settings) as db:
        db.add(Account(email=ANA, name="Ana", password_hash="x"))
        db.commit()
    settings.uploads.mkdir()
    (settings.uploads / "kept.webp").write_bytes(b"RIFF")
    return settings


def reseal(backup: Path, path: str, content: bytes) -> None:
    """Put other content into a backup, and have its manifest say that it is so."""
    (backup / path).write_bytes(content)
    manifest = json.loads((backup / "manifest.json").read_text())
    for file in manifest["files"]:
        if file["path"] == path:
            file.update(bytes=len(content), sha256=sha256(content).hexdigest())
    (backup / "manifest.json").write_text(json.dumps(manifest))


def emails(settings: Settings) -> list[str]:
    with opened(settings) as db:
        return list(db.scalars(select(Account.email)))


@contextmanager
def archive(content: BytesIO) -> Iterator[tarfile.TarFile]:
    with tarfile.open(fileobj=content, mode="w") as written:
        yield written


@pytest.mark.parametrize("name", ["../outside.webp", "/outside.webp", "covers/../../outside.webp"])
def test_no_upload_is_restored_outside_of_its_folder(shop: Settings, name: str) -> None:
    content = BytesIO()
    with archive(content) as written:
        entry = tarfile.TarInfo(name)
        entry.size = 4
        written.addfile(entry, BytesIO(b"evil"))
    reseal(shop.backups / back_up(shop).name, "uploads.tar", content.getvalue())
    with pytest.raises(BackupDamaged, match="which is no upload"):
        restore(shop, "latest", replace=True)
    assert not (shop.instance_dir / "outside.webp").exists()
    assert emails(shop) == [ANA]


def test_no_link_is_restored_as_an_upload(shop: Settings) -> None:
    content = BytesIO()
    with archive(content) as written:
        entry = tarfile.TarInfo("link.webp")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        written.addfile(entry)
    reseal(shop.backups / back_up(shop).name, "uploads.tar", content.getvalue())
    with pytest.raises(BackupDamaged, match="which is no upload"):
        restore(shop, "latest", replace=True)
    assert [path.name for path in shop.uploads.iterdir()] == ["kept.webp"]


def test_an_upload_that_is_missing_in_the_archive_is_told(shop: Settings) -> None:
    content = BytesIO()
    with archive(content):
        pass
    reseal(shop.backups / back_up(shop).name, "uploads.tar", content.getvalue())
    with pytest.raises(BackupDamaged, match=r"uploads\.tar has 0 files instead of 1"):
        restore(shop, "latest", replace=True)


@pytest.mark.parametrize(
    ("edit", "error", "told"),
    [
        (lambda lines: lines[:1], BackupDamaged, "accounts has 0 rows instead of 1"),
        (lambda lines: [*lines, lines[1].replace("[1,", "[2,").replace("ana@", "eve@")],
         BackupDamaged, "accounts has 2 rows instead of 1"),
        (lambda lines: [lines[0].replace('"email"', '"mail"'), *lines[1:]],
         BackupFailed, "accounts has other columns than ours"),
    ],
)  # fmt: skip
def test_rows_that_are_not_those_of_the_manifest_change_nothing(
    shop: Settings, edit: Edit, error: type[Exception], told: str
) -> None:
    backup = shop.backups / back_up(shop).name
    lines = gzip.decompress((backup / ACCOUNTS).read_bytes()).decode().splitlines(keepends=True)
    reseal(backup, ACCOUNTS, gzip.compress("".join(edit(lines)).encode()))
    with pytest.raises(error, match=told):
        restore(shop, "latest", replace=True)
    assert emails(shop) == [ANA]


def test_a_table_with_more_rows_than_are_written_at_once_comes_back_whole(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore.core.backups.rows.ROWS_AT_ONCE", 2)
    more = [f"{number}@example.com" for number in range(4)]
    with opened(shop) as db:
        db.add_all(Account(email=email, name="Eva", password_hash="x") for email in more)
        db.commit()
    back_up(shop)
    restore(shop, "latest", replace=True)
    assert sorted(emails(shop)) == sorted([ANA, *more])


def test_a_table_that_the_schema_does_not_have_changes_nothing(shop: Settings) -> None:
    backup = shop.backups / back_up(shop).name
    manifest = json.loads((backup / "manifest.json").read_text())
    part = manifest["domains"]["auth"]
    part["tables"]["kings"] = part["tables"].pop("accounts")
    for file in manifest["files"]:
        file["path"] = file["path"].replace("accounts", "kings")
    (backup / ACCOUNTS).rename(backup / "auth" / "kings.jsonl.gz")
    (backup / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BackupFailed, match="has no table kings, as the backup has"):
        restore(shop, "latest", replace=True)
    assert emails(shop) == [ANA]


def test_an_upload_that_goes_meanwhile_is_left_out(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = shop.uploads / "gone.webp"
    gone.write_bytes(b"RIFF")
    opened = Path.open

    def removed_first(path: Path, *arguments: object, **named: object) -> object:
        if path == gone:
            path.unlink()
        return opened(path, *arguments, **named)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", removed_first)
        taken = back_up(shop)
    assert taken.uploads == 1
    assert restore(shop, "latest", replace=True).name == taken.name


def test_a_backup_waits_for_another_and_says_so_after_a_while(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Event()
    sleep = time.sleep

    def told_sleep(seconds: float) -> None:
        asked.set()
        sleep(seconds)

    monkeypatch.setattr("time.sleep", told_sleep)
    waiting = Thread(target=back_up, args=(shop,))
    with BackupFolder(shop.backups).locked():
        with (
            pytest.raises(BackupFailed, match="for 0 seconds; run this again when it has ended"),
            BackupFolder(shop.backups).locked(wait_seconds=0),
        ):
            pytest.fail("two have the lock")
        waiting.start()
        assert asked.wait(GIVE_UP_SECONDS)
        assert BackupFolder(shop.backups).names() == []
    waiting.join(GIVE_UP_SECONDS)
    assert len(BackupFolder(shop.backups).names()) == 1


def test_a_damaged_backup_is_none_of_those_that_stay_and_goes_when_it_is_old(
    shop: Settings,
) -> None:
    whole, damaged = back_up(shop).name, back_up(shop).name
    (shop.backups / damaged / "manifest.json").unlink()
    kept = BackupFolder(shop.backups)
    assert kept.prune(keep=1, days=None) == []
    assert kept.names() == [damaged, whole]
    assert kept.prune(keep=None, days=0) == [damaged]
    assert kept.names() == [whole]


def test_a_shop_without_backups_lists_none(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        bookstore, ["backups"], env={"INSTANCE_DIR": str(tmp_path), "SECRET_KEY": SECRET_KEY}
    )
    assert (done.exit_code, done.output) == (0, "")
