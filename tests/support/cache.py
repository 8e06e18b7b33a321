"""The cache of the local cluster, in which tests make images too."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.settings import Settings


@contextmanager
def held(settings: Settings) -> Iterator[None]:
    """Take the lock of ``python -m cluster`` on the cache, and wait for whoever has it."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    with (settings.cache / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
