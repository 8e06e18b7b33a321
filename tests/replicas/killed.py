"""Run `bookstore` again and again, killed after a change of the schema, until it ends by itself.

    python -m tests.replicas.killed SERVER_URL ARGUMENTS…

Prints how often it was killed. A killed one's locks are lifted, for which people wait a minute.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from typing import Any

from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.engine import Engine, make_url

from bookstore.cli import bookstore
from bookstore.core.db.lock import LOCK_TABLE
from bookstore.core.db.places import schemas_of

# Views are made one by one, and one is like the other: of each so many a run is killed at one.
OF_VIEWS = 16
CHANGES = ("CREATE DATABASE", "RENAME", "DROP")


def kill_at_a_change() -> None:
    """Have this process end by SIGKILL after its next change of a schema."""
    views = count(1)

    def kill(_connection: Any, _cursor: Any, statement: str, *_: object) -> None:
        is_view = statement.startswith("CREATE OR REPLACE")
        if statement.startswith(CHANGES) or (is_view and next(views) == OF_VIEWS):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "after_cursor_execute", kill)


def lift_locks(server: Engine, shop: str) -> None:
    """Let go of the locks that a killed process holds."""
    with server.connect() as connection:
        for schema in schemas_of(shop):
            if inspect(connection).has_table(LOCK_TABLE, schema=schema):
                connection.execute(text(f"DELETE FROM {schema}.{LOCK_TABLE}"))
    server.dispose()


def main(server_url: str, arguments: list[str]) -> int:
    """Run it until it ends by itself, and return its exit code."""
    shop = str(make_url(os.environ["SQLALCHEMY_DATABASE_URI"]).database)
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")
    for times in count():
        child = os.fork()
        if child == 0:
            kill_at_a_change()
            bookstore(arguments)
        _, how = os.waitpid(child, 0)
        if not os.WIFSIGNALED(how):
            print(f"{times} times killed")
            return os.waitstatus_to_exitcode(how)
        lift_locks(server, shop)
    raise AssertionError


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
