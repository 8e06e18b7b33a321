"""The reader: servers of the same database whose rows may be a moment late.

A read goes there only where the code says that it may be late, see ``Database.read``.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from bookstore.core.db.engine import READS_ALONE, driver_message
from bookstore.core.observability import trace
from bookstore.core.observability.trace import Kind

T = TypeVar("T")

# As long as a proxy takes to notice that a server of its is away, and no burden if it does not.
REST_SECONDS = 10.0

log = logging.getLogger("bookstore.reader")


class ReaderAway(Exception):
    """The reader failed, or is left alone because it did: the primary is to be asked."""


class Reader:
    """Asks the reader, and leaves it alone for a while after it has failed.

    Each process finds out for itself. While the reader is away, one read in ``REST_SECONDS`` tries
    it and all others go to the primary without waiting.

    :ivar engine: the engine, with a pool of its own.
    :ivar watch: is told of each read whether the reader answered it.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.watch: Callable[[bool], None] = lambda _answered: None
        self._sessions = sessionmaker(
            engine.execution_options(**{READS_ALONE: True}), expire_on_commit=False
        )
        self._lock = threading.Lock()
        self._failed_at: float | None = None
        self._tried_again_at = 0.0

    def read(self, work: Callable[[Session], T]) -> T:
        """Run queries at the reader.

        Whatever the database says there makes it fail, also that a table is not there: after a
        migration its schema may be late as well.

        :raise ReaderAway: when it fails, or is left alone.
        """
        begun = time.monotonic()
        if not self._is_asked(begun):
            self.watch(False)
            raise ReaderAway
        try:
            with trace.span("database late read", Kind.CLIENT), self._sessions() as db:
                found = work(db)
        except (DBAPIError, PoolTimeout) as error:
            self._leave_alone(error)
            self.watch(False)
            raise ReaderAway from error
        if self._failed_at is not None:
            self._take_back(begun)
        self.watch(True)
        return found

    def _is_asked(self, moment: float) -> bool:
        if self._failed_at is None:
            return True
        with self._lock:
            if moment < self._tried_again_at:
                return False
            # The others wait for what becomes of this one.
            self._tried_again_at = moment + REST_SECONDS
            return True

    def _leave_alone(self, error: Exception) -> None:
        with self._lock:
            is_news = self._failed_at is None
            self._failed_at = time.monotonic()
            self._tried_again_at = self._failed_at + REST_SECONDS
        if is_news:
            log.warning("the reader is left alone", extra={"error": driver_message(error)})

    def _take_back(self, begun: float) -> None:
        with self._lock:
            # What began before it failed says nothing of how it is now.
            if self._failed_at is None or begun < self._failed_at:
                return
            self._failed_at = None
        log.info("the reader answers again")
