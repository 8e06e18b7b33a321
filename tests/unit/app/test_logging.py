"""Every record becomes one whole line of JSON, whoever else writes at the same time."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bookstore.core.logging import JsonFormatter, LineHandler


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Give both ends of a pipe; the test closes the one that is written to."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


def handler_to(file: int) -> LineHandler:
    handler = LineHandler(file)
    handler.setFormatter(JsonFormatter())
    return handler


def record(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "bookstore.test", "msg": message, **extra})


def lines_of(file: int) -> list[dict[str, object]]:
    with os.fdopen(os.dup(file)) as read:
        return [json.loads(line) for line in read]


def test_threads_do_not_mix_their_lines(pipe: tuple[int, int]) -> None:
    handler = handler_to(pipe[1])

    def write(thread: int) -> None:
        for number in range(100):
            handler.handle(record("request", thread_number=thread, number=number))

    with ThreadPoolExecutor(9) as pool:
        read = pool.submit(lines_of, pipe[0])
        list(pool.map(write, range(8)))
        os.close(pipe[1])
        lines = read.result(30)
    told = {(line["thread_number"], line["number"]) for line in lines}
    assert told == {(thread, number) for thread in range(8) for number in range(100)}
    assert len(lines) == 800


def test_a_line_that_is_longer_than_a_pipe_holds_comes_whole(pipe: tuple[int, int]) -> None:
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(lines_of, pipe[0])
        handler_to(pipe[1]).handle(record("ñ\ud800" * 200_000))
        os.close(pipe[1])
        (line,) = read.result(30)
    assert str(line["message"]).startswith("ñ\ud800ñ")
    assert len(str(line["message"])) == 400_000


def test_a_log_that_cannot_be_written_stops_nobody(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    os.close(pipe[1])
    handler_to(pipe[1]).handle(record("nobody hears this"))


def test_a_filter_is_asked(pipe: tuple[int, int]) -> None:
    handler = handler_to(pipe[1])
    handler.addFilter(lambda passing: passing.getMessage() != "secret")
    for message in ("secret", "plain"):
        handler.handle(record(message))
    os.close(pipe[1])
    assert [line["message"] for line in lines_of(pipe[0])] == ["plain"]
