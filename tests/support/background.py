"""What goes on beside a test: acts that are done again and again until a block ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def repeating(*acts: Callable[[], object], every: float) -> Iterator[None]:
    """Do each of some acts again and again, in a thread of its own, while the block runs.

    ``every`` is the seconds between the end of one time and the beginning of the next. An act that
    raises is not done again, and the block raises it at its end: an act catches what it expects.
    """
    ended = threading.Event()

    def repeat(act: Callable[[], object]) -> None:
        while not ended.wait(every):
            act()

    with ThreadPoolExecutor(len(acts)) as pool:
        going = [pool.submit(repeat, act) for act in acts]
        try:
            yield
        finally:
            ended.set()
        for each in going:
            each.result()
