"""Wait for what a cluster will come to, by asking again until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from tests.cluster.support.kube import ApiError

T = TypeVar("T")

INTERVAL = 0.2


def eventually(check: Callable[[], T], *, within: float) -> T:
    """Call ``check`` until it stops raising AssertionError, and return what it returned.

    An API or connection error counts as "not yet": the object may not be there, the server may be
    starting. ``within`` is in seconds; past it the last error is raised as an AssertionError.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            return check()
        except (AssertionError, ApiError, httpx.TransportError) as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within:.0f} s: {error}") from error
        time.sleep(INTERVAL)
