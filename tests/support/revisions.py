"""Revisions of the project: what git knows of them, and their files."""

from __future__ import annotations

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIRST_OF_SERVICES = "587af2c"
"""What runs beside today's services as long as no release has a tag: the first state of three."""


class NoRevision(Exception):
    """Git lacks a revision; the message says what to do."""


def git(*words: str, fails: bool = False) -> bytes:
    """Return what git prints; nothing where it fails and may.

    :raise NoRevision: where it fails and may not.
    """
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    if done.returncode and not fails:
        raise NoRevision(done.stderr.decode().strip())
    return done.stdout if not done.returncode else b""


def unpack(revision: str, folder: Path, *paths: str) -> None:
    """Write a revision's files into a folder, by default all, out of git's archive of it."""
    archive = git("archive", "--format=tar", revision, *paths)
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def release_of_services() -> str:
    """Return the commit of the release whose services run beside today's during a rollout.

    :raise NoRevision: where git does not have it.
    """
    return commit(newest_tag() or FIRST_OF_SERVICES)


def commit(name: str) -> str:
    """Return the commit that a person names, in short.

    :raise NoRevision: where git does not have it.
    """
    found = git("rev-parse", "--verify", "--quiet", "--short", f"{name}^{{commit}}", fails=True)
    if not found:
        raise NoRevision(
            f"Git does not have {name} here; name another revision, or get the history where the "
            "clone is shallow: git fetch --unshallow --tags."
        )
    return found.decode().strip()


def newest_tag() -> str:
    """Return the newest tag of a release before this commit; empty where there is none."""
    found = git("describe", "--tags", "--abbrev=0", "--match=v[0-9]*", "HEAD^", fails=True)
    return found.decode().strip()
