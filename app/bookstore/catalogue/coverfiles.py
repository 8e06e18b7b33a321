"""Files of covers on the folder that all replicas share."""

import os
import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from bookstore.catalogue.models import Book
from bookstore.catalogue.pictures import WIDTHS, Picture
from bookstore.core.db.database import Database

FILE_NAME = re.compile(rf"[0-9a-f]{{32}}-(?:{'|'.join(map(str, WIDTHS))})\.webp", re.ASCII)
# What is still being written; what a remover puts aside has the file's name in front of it.
WRITTEN_NAME = re.compile(r"\.[0-9a-f]{16}", re.ASCII)


def file_name(cover: str, width: int) -> str:
    """Return the name of a cover's file of a width."""
    return f"{cover}-{width}.webp"


def cover_of(name: str) -> str:
    """Return the cover that a file of a width belongs to."""
    return name.partition("-")[0]


@dataclass(frozen=True)
class CoverChange:
    """What becomes of a book's cover: a new one, none, or the one that it has."""

    new: str | None = None
    remove: bool = False

    def after(self, before: str | None) -> str | None:
        """Return the name of the cover that a book has then."""
        return self.new or (None if self.remove else before)


UNCHANGED = CoverChange()


class Covers:
    """Covers, under names of their content, so that equal ones are one file.

    Writers and removers on other replicas may be at the same cover. A writer looks again after
    its commit and a remover after it has put the files aside, so whichever comes last finds what
    the other did: a cover that a book names is there.
    """

    def __init__(self, database: Database, uploads: Path) -> None:
        self._database = database
        self.folder = uploads / "covers"

    @contextmanager
    def keeping(self, picture: Picture | None) -> Iterator[str | None]:
        """Keep a picture around the transaction that names it in a row; drop it if that fails.

        The files come before the row, and outside of the transaction, which may be repeated.

        :return: the name for the row, or None without a picture.
        """
        if picture is None:
            yield None
            return
        self._keep(picture)
        try:
            yield picture.name
        except BaseException:
            self.drop(picture.name)
            raise
        self._keep(picture)

    def drop(self, cover: str | None) -> int:
        """Remove a cover's files unless a book has it; call it after the commit.

        :return: how many files were removed.
        """
        if cover is None or self.used([cover]):
            return 0
        aside = []
        for width in WIDTHS:
            path = self.folder / file_name(cover, width)
            place = self.folder / f".{path.name}.{secrets.token_hex(8)}"
            try:
                path.replace(place)
            except FileNotFoundError:
                continue
            aside.append((place, path))
        used_after_all = bool(self.used([cover]))
        for place, path in aside:
            if used_after_all:
                # The sweep does the same to what it takes for left behind.
                with suppress(FileNotFoundError):
                    place.replace(path)
            else:
                place.unlink(missing_ok=True)
        return 0 if used_after_all else len(aside)

    def used(self, covers: Collection[str]) -> set[str]:
        """Return those of some covers that a book has."""
        named = select(Book.cover).where(Book.cover.in_(covers)).distinct()
        with self._database.reading() as db:
            return {str(cover) for cover in db.scalars(named)}

    def path(self, name: str) -> Path | None:
        """Return the path of a cover's file, or None when no file of ours has such a name."""
        return self.folder / name if FILE_NAME.fullmatch(name) else None

    def _keep(self, picture: Picture) -> None:
        # Each file is there whole or not at all, for every replica.
        self.folder.mkdir(parents=True, exist_ok=True)
        for width, content in picture.sizes.items():
            path = self.folder / file_name(picture.name, width)
            if is_there(path):
                continue
            partial = self.folder / f".{secrets.token_hex(8)}"
            try:
                with partial.open("xb") as written:
                    written.write(content)
                    written.flush()
                    os.fsync(written.fileno())
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)


def is_there(path: Path) -> bool:
    """Return whether a file is there, for the other replicas too."""
    # On NFS only an open is sure to ask the server; a stat may answer from a cache.
    try:
        with path.open("rb"):
            return True
    except FileNotFoundError:
        return False
