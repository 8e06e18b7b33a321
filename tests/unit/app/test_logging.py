"""Every record becomes one whole line of JSON, whoever else writes at the same time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

LINES, PROCESSES = 200, 3
LONG = "\N{OPEN BOOK} larga línea "
# A process that logs long and short lines, as `bookstore serve` would.
WRITE = f"""
import logging, sys
from bookstore.core.observability import logging as shop_logging
shop_logging.configure("INFO")
sys.stdin.readline()
for number in range({LINES}):
    logging.getLogger("bookstore.test").info(
        "{LONG}" * (number % 50 * 40), extra={{"process_number": sys.argv[1], "number": number}}
    )
"""
LOG_ONE = """
import logging
from bookstore.core.observability import logging as shop_logging
shop_logging.configure("INFO")
log = logging.getLogger("bookstore.test")
"""

Line = dict[str, object]
Log = Callable[[str], Line]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C"}


@pytest.fixture
def log() -> Log:
    """Give a way to run a statement in a process that logs, and to read its line."""

    def run(statement: str) -> Line:
        done = subprocess.run(
            [sys.executable, "-c", LOG_ONE + statement],
            capture_output=True,
            env=environment(),
            check=True,
        )
        (line,) = done.stderr.splitlines()
        told: Line = json.loads(line)
        return told

    return run


def test_long_lines_of_several_processes_in_one_pipe_come_whole() -> None:
    reading, writing = os.pipe()
    command = [sys.executable, "-c", WRITE]
    writers = [
        subprocess.Popen(
            [*command, str(process)], stdin=subprocess.PIPE, stderr=writing, env=environment()
        )
        for process in range(PROCESSES)
    ]
    os.close(writing)
    for writer in writers:
        assert writer.stdin is not None
        # All begin at once.
        writer.stdin.write(b"\n")
        writer.stdin.close()
    with os.fdopen(reading, "rb") as pipe:
        lines = [json.loads(line) for line in pipe]
    assert [writer.wait() for writer in writers] == [0] * PROCESSES
    told = {(line["process_number"], line["number"]) for line in lines}
    assert told == {(str(p), n) for p in range(PROCESSES) for n in range(LINES)}
    assert len(lines) == PROCESSES * LINES
    for line in lines:
        assert line["level"] == "info"
        if line["number"] % 50 == 49:
            assert line["message"].startswith(LONG)
            assert line["message"].endswith(LONG)
            assert "characters are cut" in line["message"]


def test_a_line_says_when_how_bad_and_who(log: Log) -> None:
    line = log('log.warning("cover %s", "ñ\\ud800", extra={"book": 7})')
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:]{8}\.\d{3}\+00:00", str(line.pop("time")))
    assert line == {
        "level": "warning",
        "logger": "bookstore.test",
        "message": "cover ñ\ud800",
        "book": 7,
    }


def test_a_traceback_keeps_its_end(log: Log) -> None:
    line = log(
        "try:\n  raise ValueError('a' * 9000 + 'the end')\nexcept ValueError:\n"
        "  log.exception('failed')"
    )
    assert str(line["traceback"]).startswith("Traceback (most recent call last)")
    assert str(line["traceback"]).endswith("the end")
    assert line["message"] == "failed"


def test_a_line_of_very_many_fields_is_still_a_line(log: Log) -> None:
    line = log("log.info('many', extra={f'field{n}': 'x' * n for n in range(900)})")
    assert line["message"] == "many"


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    statement = 'log.info("nobody hears this")\nprint("goes on")'
    done = subprocess.run(
        [sys.executable, "-c", LOG_ONE + "logging.raiseExceptions = False\n" + statement],
        stdout=subprocess.PIPE,
        stderr=writing,
        env=environment(),
        check=False,
    )
    os.close(writing)
    assert done.stdout == b"goes on\n"
