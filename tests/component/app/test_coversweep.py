"""Files of covers that a killed process leaves behind are found, and no others are touched."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from PIL import Image
from sqlalchemy import select, update

from bookstore.catalogue import coversweep
from bookstore.catalogue.coverfiles import Covers, file_name
from bookstore.catalogue.coversweep import DAY_SECONDS, Sweeper, SweepRefused
from bookstore.catalogue.models import Book, CatalogueJob
from bookstore.catalogue.pictures import WIDTHS, Picture, read_picture
from bookstore.cli import bookstore
from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from tests.component.app.databases import counted, on_sqlite
from tests.component.app.shopper import Shopper


class Killed(BaseException):
    """Stand for SIGKILL: nothing after it is done."""


def picture(color: str) -> Picture:
    written = BytesIO()
    Image.new("RGB", (60, 90), color).save(written, "PNG")
    return read_picture(BytesIO(written.getvalue()), "a.png")


@pytest.fixture
def folder(settings: Settings) -> Path:
    return settings.uploads / "covers"


@pytest.fixture
def covers(app: Flask) -> Covers:
    kept: Covers = service(Covers, app)
    return kept


@pytest.fixture
def sweeper(covers: Covers) -> Sweeper:
    return Sweeper(covers)


def run_job(app: Flask) -> CatalogueJob:
    """Run the job that sweeps, and return its row."""
    jobs = service(Jobs, app)
    (queue,) = [queue for queue in jobs.queues if queue.domain == "catalogue"]
    queue.database.transaction(lambda db: queue.add(db, "covers.sweep", {}))
    jobs.run_due()
    newest = select(CatalogueJob).where(CatalogueJob.kind == "covers.sweep")
    with queue.database.reading() as db:
        return db.scalars(newest.order_by(CatalogueJob.id.desc()).limit(1)).one()


def let_a_day_pass(patch: pytest.MonkeyPatch) -> None:
    """Have all files be older than a day, and a sweep rest for no time."""
    later = time.time() + DAY_SECONDS + 60
    patch.setattr("time.time", lambda: later)
    patch.setattr(coversweep, "PAUSE_SECONDS", 0)


@pytest.fixture
def give(database: Database, covers: Covers) -> Callable[[int, Picture], None]:
    """Give a way to give a book a cover."""

    def give_cover(book: int, cover: Picture) -> None:
        statement = update(Book).where(Book.id == book).values(cover=cover.name)
        with covers.keeping(cover):
            database.transaction(lambda db: db.execute(statement))

    return give_cover


def die(covers: Covers, monkeypatch: pytest.MonkeyPatch, cover: Picture) -> None:
    """Keep a cover and be killed before a row names it."""
    with monkeypatch.context() as patch:
        patch.setattr(covers, "drop", lambda _cover: None)
        with pytest.raises(Killed), covers.keeping(cover):
            raise Killed


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def all_sizes(*covers: Picture) -> set[str]:
    return {file_name(cover.name, width) for cover in covers for width in WIDTHS}


def test_what_no_book_names_goes_and_what_one_names_stays(
    seller: Shopper,
    covers: Covers,
    sweeper: Sweeper,
    folder: Path,
    give: Callable[[int, Picture], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coversweep, "BATCH", 3)
    kept = [picture(color) for color in ("teal", "navy", "olive")]
    lost = [picture(color) for color in ("red", "gold", "pink")]
    for cover in kept:
        give(seller.publish(), cover)
    for cover in lost:
        die(covers, monkeypatch, cover)
    assert sweeper.sweep() == 0, "it may be the cover of an upload under way"
    assert names(folder) == all_sizes(*kept, *lost)
    assert sweeper.sweep(age=-1) == len(lost) * len(WIDTHS)
    assert names(folder) == all_sizes(*kept)
    assert sweeper.sweep(age=-1) == 0


@on_sqlite
def test_what_was_left_half_done_is_ended(
    seller: Shopper,
    sweeper: Sweeper,
    folder: Path,
    give: Callable[[int, Picture], None],
) -> None:
    kept, gone = picture("teal"), picture("red")
    give(seller.publish(), kept)
    least = WIDTHS[0]
    # A remover was killed when it had put a cover aside that a book took meanwhile, ...
    aside = folder / f".{file_name(kept.name, least)}.0123456789abcdef"
    (folder / file_name(kept.name, least)).replace(aside)
    # ... and one before it had removed a cover; a writer, before all was written.
    (folder / f".{file_name(gone.name, least)}.0123456789abcdef").write_bytes(b"old")
    (folder / ".fedcba9876543210").write_bytes(b"half")
    assert sweeper.sweep(age=-1) == 2
    assert names(folder) == all_sizes(kept)
    # Put aside and written anew meanwhile: the one aside is not needed.
    aside.write_bytes(b"old")
    assert sweeper.sweep(age=-1) == 1
    assert names(folder) == all_sizes(kept)


@on_sqlite
def test_what_is_not_ours_is_left_alone(
    seller: Shopper, sweeper: Sweeper, folder: Path, give: Callable[[int, Picture], None]
) -> None:
    assert sweeper.sweep(age=-1) == 0, "there is no folder yet"
    orphan = file_name("0" * 32, WIDTHS[0])
    give(seller.publish(), picture("teal"))
    foreign = {"notes.txt", ".nfs0000000000000001", "0" * 32, file_name("G" * 32, WIDTHS[0])}
    for name in foreign:
        (folder / name).write_text("not ours")
    (folder / file_name("1" * 32, WIDTHS[0])).mkdir()
    target = folder / "notes.txt"
    (folder / file_name("2" * 32, WIDTHS[0])).symlink_to(target)
    (folder / orphan).write_bytes(b"ours")
    before = names(folder)
    assert sweeper.sweep(age=-1) == 1
    assert names(folder) == before - {orphan}
    assert target.read_text() == "not ours"


@on_sqlite
def test_a_job_of_the_catalogue_sweeps_and_leaves_no_file_of_its_own(
    app: Flask, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_job(app).done_at is not None
    assert not folder.exists(), "nothing was ever uploaded"
    folder.mkdir(parents=True)
    (folder / ".0123456789abcdef").write_bytes(b"half")
    let_a_day_pass(monkeypatch)
    assert run_job(app).done_at is not None
    assert names(folder) == set()


@on_sqlite
def test_the_command_tells_how_many_files_went(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookstore.standalone.make_shop", lambda _settings: app)
    ran = CliRunner().invoke(bookstore, ["sweep"])
    assert (ran.exit_code, ran.output) == (0, "0 files removed.\n")


@on_sqlite
def test_a_file_goes_when_it_is_a_day_old(
    seller: Shopper,
    sweeper: Sweeper,
    folder: Path,
    give: Callable[[int, Picture], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(seller.publish(), picture("teal"))
    before = names(folder)
    orphan = folder / file_name("0" * 32, WIDTHS[0])
    orphan.write_bytes(b"ours")
    (folder / ".0123456789abcdef").write_bytes(b"half")
    # A restore gives a file the time it had; only the time of its name tells that it is new.
    os.utime(orphan, (0, 0))
    present = time.time()
    monkeypatch.setattr("time.time", lambda: present + DAY_SECONDS - 60)
    assert sweeper.sweep() == 0
    monkeypatch.setattr("time.time", lambda: present + DAY_SECONDS + 60)
    assert sweeper.sweep() == 2
    assert names(folder) == before


@on_sqlite
def test_a_database_that_waits_for_its_backup_loses_no_cover(
    database: Database,
    seller: Shopper,
    sweeper: Sweeper,
    folder: Path,
    give: Callable[[int, Picture], None],
) -> None:
    books = {seller.publish(): picture(color) for color in ("teal", "navy", "olive")}
    for book, cover in books.items():
        give(book, cover)
    (folder / ".0123456789abcdef").write_bytes(b"half")
    before = names(folder)
    forget = update(Book).values(cover=None)
    database.transaction(lambda db: db.execute(forget).close())
    with pytest.raises(SweepRefused, match="names 0 of their files and does not name 6"):
        sweeper.sweep(age=-1)
    assert names(folder) == before
    for book, cover in books.items():
        give(book, cover)
    assert sweeper.sweep(age=-1) == 1


@on_sqlite
def test_a_sweep_asks_little_and_removes_so_many_at_most(
    database: Database,
    seller: Shopper,
    sweeper: Sweeper,
    folder: Path,
    give: Callable[[int, Picture], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for color in ("teal", "navy", "olive"):
        give(seller.publish(), picture(color))
    for number in range(3):
        for width in WIDTHS:
            (folder / file_name(f"{number:032x}", width)).write_bytes(b"left")
    monkeypatch.setattr(coversweep, "MOST_REMOVED", 2)
    with counted(database) as asked:
        assert sweeper.sweep(age=-1) == 2 * len(WIDTHS)
    # One for the batch of names, and two for each cover that goes.
    assert len(asked) == 1 + 2 * 2
    assert sweeper.sweep(age=-1) == len(WIDTHS)


@on_sqlite
def test_a_remover_and_a_sweeper_may_end_the_same(
    seller: Shopper,
    sweeper: Sweeper,
    folder: Path,
    give: Callable[[int, Picture], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = picture("teal")
    give(seller.publish(), kept)
    path = folder / file_name(kept.name, WIDTHS[0])
    aside = folder / f".{path.name}.0123456789abcdef"
    path.replace(aside)
    exists = Path.exists

    def put_back_meanwhile(self: Path) -> bool:
        found = exists(self)
        if self == path and not found:
            aside.replace(path)
        return found

    monkeypatch.setattr(Path, "exists", put_back_meanwhile)
    assert sweeper.sweep(age=-1) == 0
    assert names(folder) == all_sizes(kept)


@on_sqlite
def test_the_command_and_the_job_tell_why_nothing_goes(
    app: Flask, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(parents=True)
    (folder / file_name("0" * 32, WIDTHS[0])).write_bytes(b"wanted")
    let_a_day_pass(monkeypatch)
    monkeypatch.setattr("bookstore.standalone.make_shop", lambda _settings: app)
    ran = CliRunner().invoke(bookstore, ["sweep"])
    assert ran.exit_code == 1
    assert "Restore its backup, or correct its address." in ran.output
    job = run_job(app)
    assert job.failed_at is not None
    assert "Restore its backup, or correct its address." in str(job.error)
    assert len(names(folder)) == 1
