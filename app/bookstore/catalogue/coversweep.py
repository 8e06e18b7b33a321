"""Cover files that no book names, which a killed process leaves behind: found once a day."""

import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bookstore.catalogue.coverfiles import FILE_NAME, WRITTEN_NAME, Covers

DAY_SECONDS = 24 * 3600
BATCH = 250
# Its time is that of the last sweep, for all replicas; a backup leaves it out.
MARK = ".swept"
ASIDE = re.compile(rf"\.({FILE_NAME.pattern}){WRITTEN_NAME.pattern}", re.ASCII)

log = logging.getLogger("bookstore.covers")


class Sweeper:
    """Remove what is older than a day, so that no upload or restore under way is touched.

    Two sweepers at once are one too many, but do no harm: a file goes as a replaced cover does.
    """

    def __init__(self, covers: Covers) -> None:
        self._covers = covers

    def sweep_when_due(self) -> None:
        """Sweep if no replica has begun to in the last day."""
        mark = self._covers.folder / MARK
        try:
            if time.time() - mark.stat().st_mtime < DAY_SECONDS:
                return
        except FileNotFoundError:
            if not self._covers.folder.is_dir():
                return
        mark.touch()
        self.sweep()

    def sweep(self, age: float = DAY_SECONDS) -> int:
        """Remove the covers that no book names, and what was left half written.

        :param age: since when at least a file has its name, in seconds.
        :return: how many files were removed.
        """
        removed = 0
        old = _older(self._covers.folder, time.time() - age)
        while batch := list(islice(old, BATCH)):
            named = {name.partition("-")[0]: name for name in batch if FILE_NAME.fullmatch(name)}
            for name in batch:
                if WRITTEN_NAME.fullmatch(name):
                    removed += self._remove(name)
                elif aside := ASIDE.fullmatch(name):
                    removed += self._end(name, aside[1])
            used = self._covers.used(named)
            for cover in named.keys() - used:
                removed += self._covers.drop(cover)
        if removed:
            log.info("files of covers removed that no book names", extra={"files": removed})
        return removed

    def _end(self, aside: str, name: str) -> int:
        """End what a remover began: a cover that a book names comes back."""
        place, path = self._covers.folder / aside, self._covers.folder / name
        if self._covers.used([name.partition("-")[0]]) and not path.exists():
            place.replace(path)
            return 0
        return self._remove(aside)

    def _remove(self, name: str) -> int:
        try:
            (self._covers.folder / name).unlink()
        except FileNotFoundError:
            return 0
        return 1


def _older(folder: Path, moment: float) -> Iterator[str]:
    """Yield the names of a folder's files that have their names since before a moment.

    Links, folders and files with names of others are left alone by whoever reads the names.
    """
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                known = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            # A rename changes this time, and restoring an old file does too.
            if stat.S_ISREG(known.st_mode) and known.st_ctime < moment:
                yield entry.name
