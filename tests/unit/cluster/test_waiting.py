"""Waiting for what something outside of us does."""

from __future__ import annotations

from cluster.waiting import until


def test_the_first_answer_ends_the_wait() -> None:
    answers = iter([None, None, 0, 7])
    assert until(lambda: next(answers), 60, every=0) == 0


def test_without_an_answer_in_time_there_is_none() -> None:
    asked: list[int] = []
    assert until(lambda: asked.append(1), 0, every=0.01) is None
    assert asked, "it was asked at least once"
