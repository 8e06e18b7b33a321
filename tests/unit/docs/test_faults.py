"""Every fault that is promised to be survived has tests that show it, and its page names them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "reference" / "faults.md"
ROW = re.compile(r"^\| (\d+) \|.*\| ([^|]*) \|$", re.MULTILINE)
TEST = re.compile(r"`([^`]+)`")
ROWS = 25


def rows_of(function: ast.stmt) -> Iterator[int]:
    """Yield the rows that a function is marked with, as ``@pytest.mark.fault(row=7)``."""
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(".fault"):
                (row,) = decorator.keywords
                assert row.arg == "row"
                yield ast.literal_eval(row.value)


def marked() -> dict[int, list[str]]:
    """Return the tests of each row, as ``cluster/test_drift.py``."""
    found: dict[int, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text()
        if "mark.fault" not in text:
            continue
        for statement in ast.parse(text).body:
            for row in rows_of(statement):
                found.setdefault(row, set()).add(str(path.relative_to(ROOT / "tests")))
    return {row: sorted(names) for row, names in found.items()}


def test_every_fault_has_a_test() -> None:
    assert sorted(marked()) == list(range(1, ROWS + 1))


def test_the_page_names_the_files_of_its_tests() -> None:
    told = {int(row): TEST.findall(names) for row, names in ROW.findall(PAGE.read_text())}
    assert told == marked()
