"""Checkouts of the project that hold another version of the shop."""

from __future__ import annotations

import shutil
from pathlib import Path

from cluster.settings import ROOT


def of_version(folder: Path, version: str) -> Path:
    """Make a checkout whose shop tells another version, and give it."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "hosts.yml", "secrets")
    for part in ("app", "deploy"):
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    shutil.copy2(ROOT / "requirements-build.lock", folder)
    told = folder / "app" / "bookstore" / "__init__.py"
    lines = [line for line in told.read_text().splitlines() if "__version__" not in line]
    told.write_text("\n".join([*lines, f'__version__ = "{version}"', ""]))
    return folder
