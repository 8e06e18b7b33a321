"""One server for all processes of a test run (pytest-xdist), where each would start its own."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path


@contextmanager
def shared(folder: Path, name: str, server: AbstractContextManager[str]) -> Iterator[str]:
    """Give the URL of a server that the first process starts and that all others use.

    Who started it ends it, once the others have left. Locks are the kernel's, so that a process
    that is killed leaves too.

    :param folder: a folder that the processes of this run share, and no other.
    :param server: what starts the server; it is entered by the first process alone.
    """
    address = folder / f"{name}.url"
    with (folder / f"{name}.turn").open("ab") as turn, (folder / f"{name}.users").open("ab") as use:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if address.exists():
            fcntl.flock(use, fcntl.LOCK_SH)
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield address.read_text(encoding="utf-8")
            return
        with server as url:
            address.write_text(url, encoding="utf-8")
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield url
            # Nobody comes from now on, and those who are there are waited for.
            fcntl.flock(turn, fcntl.LOCK_EX)
            address.unlink()
            fcntl.flock(use, fcntl.LOCK_EX)
