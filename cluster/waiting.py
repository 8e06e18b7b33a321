"""Waiting for what something outside of us does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(ask: Callable[[], T | None], seconds: float, every: float = 0.5) -> T | None:
    """Ask until there is an answer, and once more when the time is over.

    :param ask: gives None as long as there is nothing.
    :param seconds: how long to go on asking.
    :param every: the seconds between two questions.
    :return: the first answer that is not None; None when there was none in time.
    """
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None:
        if time.monotonic() > deadline:
            return None
        time.sleep(every)
    return answer
