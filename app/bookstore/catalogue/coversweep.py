"""Cover files that no book names, which a killed process leaves behind: found once a day."""

import logging
import os
import re
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from bookstore.catalogue.coverfiles import FILE_NAME, WRITTEN_NAME, Covers, cover_of, is_there
from bookstore.core.jobs.kinds import GiveUp, Job

DAY_SECONDS = 24 * 3600
BATCH = 250
# A million files are 4,000 batches: half an hour in which the database hardly notices.
PAUSE_SECONDS = 0.5
MOST_REMOVED = 1000
ASIDE = re.compile(rf"\.({FILE_NAME.pattern}){WRITTEN_NAME.pattern}", re.ASCII)

log = logging.getLogger("bookstore.covers")


@dataclass
class Found:
    """What a walk over the folder found, of what goes at most ``MOST_REMOVED`` each."""

    named: int = 0
    unnamed: int = 0
    covers: set[str] = field(default_factory=set)
    partials: list[str] = field(default_factory=list)

    @property
    def is_doubtful(self) -> bool:
        """Return whether the database names fewer than half of the covers.

        Killed processes leave few files. A database that names so little is the wrong one, or
        one that waits for its backup, and then every file is still wanted.
        """
        return self.unnamed > self.named


class SweepRefused(Exception):
    """Nothing was removed; the message says why, and what to do."""


class Sweeper:
    """Removes what is older than a day, so that no upload or restore under way is touched.

    Two sweepers at once are one too many, but do no harm: a file goes as a replaced cover does.
    """

    def __init__(self, covers: Covers) -> None:
        self._covers = covers

    def run(self, _job: Job) -> None:
        """Sweep with pauses, so that the database and the disk have time for readers.

        :raise GiveUp: when the sweep is refused, so that a moderator sees why.
        """
        try:
            self.sweep(pause=PAUSE_SECONDS)
        except SweepRefused as refused:
            raise GiveUp(str(refused)) from None

    def sweep(self, age: float = DAY_SECONDS, pause: float = 0) -> int:
        """Remove the covers that no book names, and what was left half written.

        :param age: since when at least a file has its name, in seconds.
        :param pause: how long to rest after each batch of names, in seconds.
        :return: how many files were removed.
        :raise SweepRefused: when the database names so few covers that it may be the wrong one.
        """
        found = self._look(time.time() - age, pause)
        if found.is_doubtful:
            raise SweepRefused(
                f"No covers were removed: this database names {found.named} of their files and "
                f"does not name {found.unnamed}. Restore its backup, or correct its address."
            )
        removed = sum(self._end(name) for name in found.partials)
        removed += sum(self._covers.drop(cover) for cover in found.covers)
        log.info(
            "covers swept",
            extra={"named": found.named, "unnamed": found.unnamed, "removed": removed},
        )
        return removed

    def _look(self, moment: float, pause: float) -> Found:
        found = Found()
        if not self._covers.folder.is_dir():
            return found
        with os.scandir(self._covers.folder) as entries:
            while batch := list(islice(entries, BATCH)):
                self._judge(batch, moment, found)
                time.sleep(pause)
        return found

    def _judge(self, batch: list[os.DirEntry[str]], moment: float, found: Found) -> None:
        covers = {one.name: cover_of(one.name) for one in batch if FILE_NAME.fullmatch(one.name)}
        used = self._covers.used(set(covers.values())) if covers else set()
        for entry in batch:
            cover = covers.get(entry.name)
            if cover in used:
                found.named += 1
            elif cover is not None:
                # The disk is asked only about what no book names: on EFS that takes its time.
                if _is_older(entry, moment):
                    found.unnamed += 1
                    if len(found.covers) < MOST_REMOVED:
                        found.covers.add(cover)
            elif (
                len(found.partials) < MOST_REMOVED
                and _is_partial(entry.name)
                and _is_older(entry, moment)
            ):
                found.partials.append(entry.name)

    def _end(self, partial: str) -> int:
        """End what a writer or a remover began: a cover that a book names comes back."""
        place = self._covers.folder / partial
        aside = ASIDE.fullmatch(partial)
        with suppress(FileNotFoundError):
            if aside and self._covers.used([cover_of(aside[1])]):
                path = self._covers.folder / aside[1]
                if not is_there(path):
                    # Its remover, or another sweeper, may do the same.
                    place.replace(path)
                    return 0
            place.unlink()
            return 1
        return 0


def _is_partial(name: str) -> bool:
    return bool(WRITTEN_NAME.fullmatch(name) or ASIDE.fullmatch(name))


def _is_older(entry: os.DirEntry[str], moment: float) -> bool:
    """Return whether this is a file, and no link, that has its name since before a moment."""
    try:
        known = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    # A rename changes this time, and restoring an old file does too.
    return stat.S_ISREG(known.st_mode) and known.st_ctime < moment
