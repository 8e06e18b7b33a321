"""Options and fixtures of the operator's unit tests."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens", action="store_true", help="write the goldens anew instead of comparing"
    )
    parser.addoption(
        "--update-released", action="store_true", help="take what is wanted now for a release"
    )
