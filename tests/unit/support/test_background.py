"""Acts beside a test: all of them go on, and one that breaks is not passed over."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from tests.support.background import repeating
from tests.support.poll import eventually


def test_every_act_is_repeated_while_the_block_runs_and_no_longer() -> None:
    done: Counter[str] = Counter()

    def more() -> None:
        assert min(done["read"], done["buy"]) > 2

    before = threading.active_count()
    with repeating(lambda: done.update(["read"]), lambda: done.update(["buy"]), every=0.001):
        eventually(more, within=30, every=0.001)
        assert threading.active_count() == before + 2
    assert threading.active_count() == before


def test_an_act_that_raises_fails_the_block() -> None:
    tried = threading.Event()

    def fail() -> None:
        tried.set()
        raise ValueError("sold out")

    with pytest.raises(ValueError, match="sold out"), repeating(fail, every=0):
        assert tried.wait(30)
