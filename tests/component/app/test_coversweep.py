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
from sqlalchemy import update

from bookstore.catalogue import coversweep
from bookstore.catalogue.coverfiles import Covers, file_name
from bookstore.catalogue.coversweep import DAY_SECONDS, MARK, Sweeper
from bookstore.catalogue.models import Book
from bookstore.catalogue.pictures import WIDTHS, Picture, read_picture
from bookstore.cli import bookstore
from bookstore.core.config import Settings
from bookstore.core.db import Database
from tests.component.app.databases import on_sqlite
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
    kept: Covers = app.extensions["bookstore.covers"]
    return kept


@pytest.fixture
def sweeper(covers: Covers) -> Sweeper:
    return Sweeper(covers)


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
    lost = [picture(color) for color in ("red", "gold", "pink", "gray")]
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
def test_what_is_not_ours_is_left_alone(app: Flask, sweeper: Sweeper, folder: Path) -> None:
    assert sweeper.sweep(age=-1) == 0, "there is no folder yet"
    orphan = file_name("0" * 32, WIDTHS[0])
    folder.mkdir(parents=True)
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
def test_one_replica_a_day_sweeps(
    covers: Covers, sweeper: Sweeper, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[float] = []
    monkeypatch.setattr(Sweeper, "sweep", lambda _self: swept.append(time.time()))
    sweeper.sweep_when_due()
    assert not swept, "nothing was ever uploaded"
    folder.mkdir(parents=True)
    for _ in range(3):
        sweeper.sweep_when_due()
        Sweeper(covers).sweep_when_due()
    assert len(swept) == 1
    yesterday = time.time() - DAY_SECONDS - 1
    os.utime(folder / MARK, (yesterday, yesterday))
    sweeper.sweep_when_due()
    sweeper.sweep_when_due()
    assert len(swept) == 2


@on_sqlite
def test_the_command_tells_how_many_files_went(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore.factory.create_app", lambda: app)
    ran = CliRunner().invoke(bookstore, ["sweep"])
    assert (ran.exit_code, ran.output) == (0, "0 files removed.\n")
