"""A step on the way of a shop: a database, folders of its own, and the shop's own commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.support.keys import SECRET_KEY
from tests.support.replicas import Replica


class Step(Protocol):
    """Where the shop runs, as far as moving its data needs it."""

    def back_up(self, to: Path) -> str:
        """Take a backup, carry it into a folder of this machine, and return its name."""

    def restore(self, carried: Path) -> None:
        """Carry a backup to the shop's folder of backups, and restore it there."""


class Machine:
    """A step whose shop is a process: compose, the virtual machines, the fleet."""

    def __init__(self, uri: str, folder: Path) -> None:
        self._uri = uri
        self._folder = folder
        self.backups = folder / "backups"
        self.backups.mkdir(parents=True)

    def command(self, *arguments: str) -> dict[str, Any]:
        """Run a command of the shop and return what it tells."""
        done = subprocess.run(
            [sys.executable, "-m", "bookstore", *arguments],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "SQLALCHEMY_DATABASE_URI": self._uri,
                "SECRET_KEY": SECRET_KEY,
                "FLASK_ENV": "production",
                "INSTANCE_DIR": str(self._folder),
                "BACKUPS_DIR": str(self.backups),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"bookstore {' '.join(arguments)}: {done.stdout}{done.stderr}"
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    def back_up(self, to: Path) -> str:
        name = str(self.command("backup")["backup"])
        shutil.copytree(self.backups / name, to / name)
        return name

    def restore(self, carried: Path) -> None:
        shutil.copytree(carried, self.backups / carried.name)
        self.command("restore", carried.name)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve the shop and give its URL."""
        server = Replica(self._uri, self._folder)
        server.start()
        try:
            server.wait_ready()
            yield server.url
        finally:
            server.stop()
