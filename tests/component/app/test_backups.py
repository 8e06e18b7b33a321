"""Backups: whole or absent, of one moment, verified before a restore, between databases."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import MetaData, create_engine, select, update
from sqlalchemy.orm import Session

from bookstore.catalogue.models import Book
from bookstore.cli import bookstore as command_line
from bookstore.core.backups.backup import back_up
from bookstore.core.backups.folder import MOMENT
from bookstore.core.backups.manifest import BackupDamaged, BackupFailed, Manifest
from bookstore.core.backups.restore import restore
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.database import Database
from bookstore.core.db.engine import build_engine
from bookstore.core.db.lock import LOCK_TABLE
from bookstore.core.db.migrate import migrate
from bookstore.core.db.schema import head_revisions, read_revisions
from bookstore.core.jobs.registry import Jobs
from bookstore.core.observability.health import Readiness
from bookstore.core.services import service
from bookstore.factory import create_app
from bookstore.orders.models import PurchaseLine
from tests.component.app.newer import Change, newer_version
from tests.component.app.shopper import Shopper
from tests.support.keys import SECRET_KEY
from tests.support.newdatabase import new_database
from tests.support.poll import eventually

COVERS = {"ab12.webp": b"RIFF\0\1\2", "thumbs/cd34.webp": b"x" * 70_000, "leer ñ.webp": b""}
FEW_BYTES = 64 * 1024


def fresh(folder: Path, uri: str | None = None) -> Settings:
    """Return settings for a shop in another folder, which takes backups from ``folder``."""
    place = folder / f"shop-{uuid.uuid4().hex[:8]}"
    return load_settings(
        sqlalchemy_database_uri=uri or f"sqlite:///{place / 'shop.sqlite3'}",
        secret_key=SECRET_KEY,
        instance_dir=place,
        backups_dir=folder / "backups",
    )


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Settings:
    settings = fresh(tmp_path)
    migrate(settings)
    put_covers(settings)
    return settings


def database_of(settings: Settings) -> str:
    return settings.database_url.render_as_string(hide_password=False)


def put_covers(settings: Settings) -> None:
    for name, content in COVERS.items():
        path = settings.uploads / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def covers(settings: Settings) -> dict[str, bytes]:
    folder = settings.uploads
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def rows(settings: Settings) -> Mapping[str, list[Any]]:
    """Return all that a database holds, as the drivers of both kinds show it."""
    engine = build_engine(settings)
    metadata = MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)
        found = {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in metadata.sorted_tables
            if table.name != LOCK_TABLE
        }
    engine.dispose()
    return found


@contextmanager
def opened(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    service(Database, app).engine.dispose()
    service(Readiness, app).engine.dispose()


def fill(app: Flask) -> tuple[Shopper, int]:
    """Sell a book, and return its buyer and the order."""
    seller, buyer = Shopper(app).register("Ñandú 📚"), Shopper(app).register()
    book = seller.publish(title="Rayuela «ñ» 📚", description="Dos\nlíneas \\ 'y' \"comillas\".")
    seller.publish(title="Another")
    assert buyer.buy(book).status_code == 303
    return buyer, buyer.orders()[0][0]


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SQLALCHEMY_DATABASE_URI": database_of(settings),
        "SECRET_KEY": SECRET_KEY,
        "INSTANCE_DIR": str(settings.instance_dir),
        "BACKUPS_DIR": str(settings.backups),
    }


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(command_line, arguments, env=environment(settings))


@pytest.fixture(params=["sqlite", "mysql", "mariadb", "itself"])
def target(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path
) -> Iterator[Settings]:
    """Give a shop to restore into: a new one of either kind, or the one that was backed up."""
    if request.param == "itself":
        yield settings
    elif request.param == "sqlite":
        yield fresh(tmp_path)
    else:
        with new_database(request.getfixturevalue(f"{request.param}_url")) as uri:
            yield fresh(tmp_path, uri)


def test_a_shop_comes_back_from_its_backup_on_either_database(
    app: Flask, settings: Settings, target: Settings
) -> None:
    buyer, order = fill(app)
    put_covers(settings)
    taken = back_up(settings)
    had = rows(settings)
    if target is settings:
        buyer.publish(title="Too late for the backup")
        (settings.uploads / "ab12.webp").unlink()
    restored = restore(target, "latest", replace=target is settings)
    assert restored == taken
    assert rows(target) == had
    assert covers(target) == COVERS
    with opened(target) as again:
        person = Shopper(again, email=buyer.email)
        assert person.log_in().status_code == 303
        assert person.orders() == [(order, "paid")]
        assert "Rayuela «ñ» 📚" in person.get(f"/orders/{order}").text
        newer = person.publish()
        assert newer > max(book for book, *_ in had["books"])


def test_a_backup_is_of_one_moment_while_the_shop_sells(
    app: Flask, settings: Settings, database: Database, seller: Shopper, tmp_path: Path
) -> None:
    copies = 1000
    book = seller.publish(quantity=str(copies))
    done = threading.Event()

    def sell() -> None:
        def work(db: Session) -> None:
            db.execute(update(Book).where(Book.id == book).values(stock=Book.stock - 1))
            bought = update(PurchaseLine).where(PurchaseLine.book_id == book)
            db.execute(bought.values(quantity=PurchaseLine.quantity + 1))

        while not done.is_set():
            database.transaction(work)

    buyer = Shopper(app).register()
    assert buyer.buy(book).status_code == 303
    selling = threading.Thread(target=sell)
    selling.start()
    try:
        taken = [back_up(settings).name for _ in range(3)]
    finally:
        done.set()
        selling.join()
    for name in taken:
        other = fresh(tmp_path).model_copy(update={"backups_dir": settings.backups})
        restore(other, name)
        engine = build_engine(other)
        with engine.connect() as connection:
            left = connection.scalar(select(Book.stock).where(Book.id == book))
            sold = connection.execute(select(PurchaseLine.quantity)).scalars().all()
        engine.dispose()
        assert left is not None
        assert left + sum(sold) == copies


def test_a_backup_of_an_older_schema_is_restored_and_migrated(
    on_sqlite: Settings, database_uri: str, tmp_path: Path
) -> None:
    with opened(on_sqlite) as app:
        book = Shopper(app).register().publish()
    assert back_up(on_sqlite).revisions == head_revisions()
    newer = fresh(tmp_path, database_uri)
    shelf = Change("catalogue_9001_shelf", 'add_column("books", sa.Column("shelf", sa.String(20)))')
    with newer_version(tmp_path, shelf):
        migrate(newer)
        restore(newer, "latest")
    held = rows(newer)
    assert [row[0] for row in held["catalogue_alembic_version"]] == [shelf.revision]
    assert [(row[0], row[-1]) for row in held["books"]] == [(book, None)]


def test_a_restore_does_not_overwrite_unless_told(app: Flask, settings: Settings) -> None:
    fill(app)
    name = back_up(settings).name
    had = rows(settings)
    (settings.uploads).mkdir(exist_ok=True)
    with pytest.raises(BackupFailed, match="--replace"):
        restore(settings, name)
    assert rows(settings) == had


def test_a_shop_that_ran_and_that_nobody_has_used_is_empty(
    on_sqlite: Settings, tmp_path: Path
) -> None:
    with opened(on_sqlite) as app:
        fill(app)
    name = back_up(on_sqlite).name
    unused = fresh(tmp_path)
    migrate(unused)
    with opened(unused) as app:
        worker = service(Jobs, app).worker()
        worker.start()
        eventually(lambda: has_rows(unused, "auth_jobs"), within=30)
        assert worker.stop(seconds=30)
    restore(unused, name)
    assert rows(unused)["accounts"] == rows(on_sqlite)["accounts"]


def has_rows(settings: Settings, table: str) -> None:
    assert rows(settings)[table], "its own daily jobs"


def corrupt(backup: Path) -> str:
    path = backup / "uploads.tar"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return "uploads.tar has another checksum"


def cut(backup: Path) -> str:
    path = backup / "catalogue" / "books.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-1])
    return "books.jsonl.gz has .* bytes instead of"


def lose(backup: Path) -> str:
    (backup / "auth" / "accounts.jsonl.gz").unlink()
    return "accounts.jsonl.gz is missing"


def cut_manifest(backup: Path) -> str:
    path = backup / "manifest.json"
    path.write_text(path.read_text()[:-3])
    return "manifest.json of the backup .* cannot be read"


def lose_manifest(backup: Path) -> str:
    (backup / "manifest.json").unlink()
    return "has no manifest.json"


def forget_a_table(backup: Path) -> str:
    path = backup / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"] = manifest["files"][1:]
    path.write_text(json.dumps(manifest))
    return "does not fit"


@pytest.mark.parametrize(
    "damage", [corrupt, cut, lose, cut_manifest, lose_manifest, forget_a_table]
)
def test_a_damaged_backup_is_told_and_changes_nothing(
    on_sqlite: Settings, damage: Callable[[Path], str]
) -> None:
    with opened(on_sqlite) as app:
        fill(app)
        whole = back_up(on_sqlite)
        fill(app)
    broken = back_up(on_sqlite)
    had = rows(on_sqlite), covers(on_sqlite)
    told = damage(on_sqlite.backups / broken.name)
    with pytest.raises(BackupDamaged, match=told):
        restore(on_sqlite, "latest", replace=True)
    assert (rows(on_sqlite), covers(on_sqlite)) == had
    listed = run(on_sqlite, "backups", "--verify")
    assert listed.exit_code == 1
    first, second = listed.output.splitlines()
    assert first.startswith(f"{broken.name}  DAMAGED")
    assert second.startswith(f"{whole.name}  {whole.created:%Y-%m-%d}")


def test_a_backup_of_a_newer_shop_is_refused(on_sqlite: Settings) -> None:
    taken = back_up(on_sqlite)
    path = on_sqlite.backups / taken.name / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["domains"]["orders"]["revision"] = "9999_later"
    path.write_text(json.dumps({**manifest, "shop": "9.9"}))
    with pytest.raises(BackupFailed, match=r"9999_later.*does not know.*version 9\.9"):
        restore(on_sqlite, "latest")


def test_a_database_of_others_is_left_alone(on_sqlite: Settings, tmp_path: Path) -> None:
    back_up(on_sqlite)
    other = fresh(tmp_path)
    other.instance_dir.mkdir()
    engine = create_engine(other.database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE payroll (id INTEGER)")
    engine.dispose()
    with pytest.raises(BackupFailed, match="payroll"):
        restore(other, "latest", replace=True)
    assert list(rows(other)) == ["payroll"]


def test_two_backups_at_once_are_both_whole(on_sqlite: Settings) -> None:
    command = [sys.executable, "-m", "bookstore", "backup"]
    both = [
        subprocess.Popen(command, env=environment(on_sqlite), stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    names = {json.loads(process.communicate()[0])["backup"] for process in both}
    listed = run(on_sqlite, "backups", "--verify")
    assert listed.exit_code == 0
    assert {line.split()[0] for line in listed.output.splitlines()} == names
    assert len(names) == 2


@pytest.mark.fault(row=25)
def test_a_killed_backup_leaves_nothing_that_is_listed(on_sqlite: Settings) -> None:
    hang = (
        "import time, bookstore.core.backups.backup as module, bookstore.cli as cli\n"
        "module.dump_uploads = lambda *_: time.sleep(600)\n"
        "cli.bookstore(['backup'])"
    )
    process = subprocess.Popen([sys.executable, "-c", hang], env=environment(on_sqlite))

    def half_written() -> None:
        assert list(on_sqlite.backups.glob(".partial-*/auth/accounts.jsonl.gz"))

    eventually(half_written, within=30, every=0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert run(on_sqlite, "backups").output == ""
    name = json.loads(run(on_sqlite, "backup").output)["backup"]
    left = {path.name for path in on_sqlite.backups.iterdir()}
    assert left == {name, ".lock"}


@pytest.mark.fault(row=25)
def test_a_full_disk_is_told_and_nothing_stays(on_sqlite: Settings) -> None:
    (on_sqlite.uploads / "large.webp").write_bytes(bytes(2 * FEW_BYTES))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FEW_BYTES, limits[1]))
    try:
        with pytest.raises(BackupFailed, match="no room"):
            back_up(on_sqlite)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name for path in on_sqlite.backups.iterdir()} == {".lock"}


def test_old_backups_go_by_count_and_by_age(on_sqlite: Settings) -> None:
    names = [back_up(on_sqlite).name for _ in range(4)]
    pruned = run(on_sqlite, "prune", "--keep", "3")
    assert json.loads(pruned.output) == {"removed": names[:1]}
    fifth = json.loads(run(on_sqlite, "backup", "--keep", "2").output)["backup"]
    assert listed(on_sqlite) == [fifth, names[3]]
    for name in (fifth, names[3]):
        grow_old(on_sqlite.backups / name)
    assert len(json.loads(run(on_sqlite, "prune", "--days", "7").output)["removed"]) == 1
    assert len(listed(on_sqlite)) == 1, "the last one stays, however old"


@pytest.mark.fault(row=25)
def test_the_last_good_backup_stays_though_damaged_ones_are_newer(on_sqlite: Settings) -> None:
    good, *damaged = (back_up(on_sqlite).name for _ in range(3))
    for name in damaged:
        corrupt(on_sqlite.backups / name)
    run(on_sqlite, "prune", "--keep", "1")
    assert good in listed(on_sqlite)
    newest = json.loads(run(on_sqlite, "backup", "--keep", "1").output)["backup"]
    assert listed(on_sqlite) == [newest]


def test_what_the_disk_does_not_give_back_as_it_was_written_is_no_backup(
    on_sqlite: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = back_up(on_sqlite).name
    sync = os.fsync

    def sync_badly(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.pwrite(handle, b"?", 0)
        sync(handle)

    monkeypatch.setattr(os, "fsync", sync_badly)
    told = run(on_sqlite, "backup", "--keep", "1")
    assert told.exit_code == 1
    assert "has another checksum" in json.loads(told.output)["message"]
    assert listed(on_sqlite) == [whole]
    assert {path.name for path in on_sqlite.backups.iterdir()} == {whole, ".lock"}


def test_a_backup_tells_the_checksum_of_its_manifest(on_sqlite: Settings) -> None:
    told = json.loads(run(on_sqlite, "backup").output)
    manifest = (on_sqlite.backups / told["backup"] / "manifest.json").read_bytes()
    assert told["checksum"] == hashlib.sha256(manifest).hexdigest()


def test_a_dry_run_tells_what_a_restore_would_and_changes_nothing(on_sqlite: Settings) -> None:
    with opened(on_sqlite) as app:
        fill(app)
        put_covers(on_sqlite)
        name = back_up(on_sqlite).name
        fill(app)
    had = rows(on_sqlite), covers(on_sqlite)
    refused = run(on_sqlite, "restore", name, "--dry-run")
    assert "--replace" in json.loads(refused.output)["message"]
    taken = run(on_sqlite, "restore", name, "--replace", "--dry-run")
    assert json.loads(taken.output)["backup"] == name
    corrupt(on_sqlite.backups / name)
    damaged = run(on_sqlite, "restore", name, "--replace", "--dry-run")
    assert "is damaged" in json.loads(damaged.output)["message"]
    assert (rows(on_sqlite), covers(on_sqlite)) == had


def test_a_drill_restores_all_of_the_latest_backup_and_leaves_nothing(
    app: Flask, settings: Settings
) -> None:
    fill(app)
    put_covers(settings)
    taken = json.loads(run(settings, "backup").output)
    fill(app)
    had = rows(settings), covers(settings)
    left = {path.name for path in settings.backups.iterdir()}
    assert json.loads(run(settings, "drill").output) == taken
    assert (rows(settings), covers(settings)) == had
    assert {path.name for path in settings.backups.iterdir()} == left


def test_a_drill_fails_where_a_restore_would(on_sqlite: Settings) -> None:
    name = back_up(on_sqlite).name
    corrupt(on_sqlite.backups / name)
    told = run(on_sqlite, "drill")
    assert told.exit_code == 1
    assert "is damaged" in json.loads(told.output)["message"]
    none = fresh(on_sqlite.instance_dir.parent / "none")
    assert "There is no backup latest" in json.loads(run(none, "drill").output)["message"]


def test_one_backup_is_discarded_by_its_name(on_sqlite: Settings) -> None:
    first, second = (back_up(on_sqlite).name for _ in range(2))
    assert json.loads(run(on_sqlite, "discard", first).output) == {"removed": [first]}
    assert listed(on_sqlite) == [second]
    again = run(on_sqlite, "discard", first)
    assert again.exit_code == 1
    assert f"There is no backup {first}" in json.loads(again.output)["message"]


def listed(settings: Settings) -> list[str]:
    return [line.split()[0] for line in run(settings, "backups").output.splitlines()]


def grow_old(backup: Path) -> None:
    manifest = Manifest.model_validate_json((backup / "manifest.json").read_bytes())
    moment = manifest.created - timedelta(days=8)
    older = manifest.model_copy(update={"name": moment.strftime(MOMENT), "created": moment})
    (backup / "manifest.json").write_text(older.model_dump_json())
    backup.rename(backup.with_name(older.name))


def test_wrong_names_and_places_are_told_in_a_sentence(on_sqlite: Settings) -> None:
    told = run(on_sqlite, "restore", "20200101-000000-000000")
    assert told.exit_code == 1
    assert "There is no backup 20200101-000000-000000" in json.loads(told.output)["message"]
    for outside in ("../backups", "/etc", ".."):
        told = run(on_sqlite, "restore", outside)
        assert "There is no backup" in json.loads(told.output)["message"]
    on_sqlite.instance_dir.joinpath("file").touch()
    nowhere = on_sqlite.model_copy(update={"backups_dir": on_sqlite.instance_dir / "file"})
    assert "BACKUPS_DIR is" in json.loads(run(nowhere, "backup").output)["message"]


def test_an_unmigrated_database_is_not_backed_up(tmp_path: Path) -> None:
    settings = fresh(tmp_path)
    settings.instance_dir.mkdir()
    with pytest.raises(BackupFailed, match="bookstore migrate"):
        back_up(settings)
    engine = build_engine(settings)
    with engine.connect() as connection:
        assert read_revisions(connection) == {}
    engine.dispose()
