"""Work that a server does by itself goes on through failures of the database."""

from __future__ import annotations

import threading

from sqlalchemy.exc import OperationalError

from bookstore.core import chores


def test_a_chore_is_done_again_also_after_the_database_was_away() -> None:
    done: list[int] = []
    enough = threading.Event()

    def work() -> None:
        done.append(1)
        if len(done) == 1:
            raise OperationalError("SELECT 1", {}, Exception("gone away"))
        enough.set()

    chores.begin("test", work, 0.001)
    assert enough.wait(10)
