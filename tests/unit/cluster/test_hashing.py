"""A tag by content changes with what is built, and with nothing else."""

import os
from pathlib import Path

import pytest

from cluster.hashing import digest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "a.py").write_text("a = 1\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def of(tree: Path, *words: str) -> str:
    return digest(tree, [tree / "pkg", tree / "Dockerfile"], *words)


def test_is_twelve_hexadecimal_digits_and_stable(tree: Path) -> None:
    before = of(tree)
    os.utime(tree / "pkg" / "a.py", (0, 0))
    assert len(before) == 12
    assert of(tree) == before


@pytest.mark.parametrize("cache", ["pkg/__pycache__/a.cpython-313.pyc", "pkg/var/shop.db"])
def test_passes_over_caches(tree: Path, cache: str) -> None:
    before = of(tree)
    file = tree / cache
    file.parent.mkdir(parents=True)
    file.write_text("x")
    assert of(tree) == before


def test_changes_with_content_name_mode_and_words(tree: Path) -> None:
    seen = {of(tree), of(tree, "v2")}
    (tree / "pkg" / "a.py").write_text("a = 2\n")
    seen.add(of(tree))
    (tree / "pkg" / "a.py").rename(tree / "pkg" / "b.py")
    seen.add(of(tree))
    (tree / "pkg" / "b.py").chmod(0o755)
    seen.add(of(tree))
    assert len(seen) == 5
