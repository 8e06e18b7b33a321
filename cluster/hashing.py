"""Names by content, so that an unchanged input is never built or loaded again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

IGNORED = {
    *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
    *(".venv", ".venv-app", "var"),
}
IGNORED_SUFFIXES = (".pyc", ".egg-info")


def files_under(*paths: Path) -> list[Path]:
    """List files and, in folders, all files but caches, in a stable order."""
    found: set[Path] = set()
    for path in paths:
        if path.is_file():
            found.add(path)
        for child in path.rglob("*"):
            parts = child.relative_to(path).parts
            ignored = any(part in IGNORED or part.endswith(IGNORED_SUFFIXES) for part in parts)
            if child.is_file() and not ignored:
                found.add(child)
    return sorted(found)


def digest(root: Path, paths: Iterable[Path], *words: str) -> str:
    """Give 12 hexadecimal digits that stand for files (names below `root`, modes and content).

    `words` are inputs that are no files, such as a version or a build argument.
    """
    total = hashlib.sha256()
    for path in files_under(*paths):
        executable = "x" if path.stat().st_mode & 0o100 else "-"
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root)}\0{executable}\0{content}\n".encode())
    for word in words:
        total.update(f"{word}\0".encode())
    return total.hexdigest()[:12]
