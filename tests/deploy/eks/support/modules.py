"""Files of others' projects, read from their Go modules, which modules.sum pins as go.sum would."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PINS = Path(__file__).parents[1] / "modules.sum"


class Module:
    """The files of one module at its pinned version."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        self._archive = archive
        self._root = root

    def read(self, path: str) -> str:
        return self._archive.read(f"{self._root}/{path}").decode()

    def unpack(self, folder: str, to: Path) -> Path:
        """Write a folder of the module below ``to``, and return where it is."""
        names = [
            name for name in self._archive.namelist() if name.startswith(f"{self._root}/{folder}/")
        ]
        self._archive.extractall(to, names)
        return to / self._root / folder


@contextmanager
def opened(path: str) -> Iterator[Module]:
    """Fetch a module, where Go's cache lacks it, and read it.

    Its checksum is compared with ours, so the checksum database need not know it. Go reports a
    module that wants a newer Go as an error, and has its files all the same.
    """
    lines = (line.split() for line in PINS.read_text().splitlines())
    version, pinned = {name: (version, digest) for name, version, digest in lines}[path]
    done = subprocess.run(
        ["go", "mod", "download", "-json", f"{path}@{version}"],
        cwd=PINS.parent,
        env=os.environ | {"GOFLAGS": "-mod=mod", "GOWORK": "off", "GONOSUMDB": path},
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout or "{}")
    assert told.get("Sum") == pinned, (
        f"{path}@{version} is not the one that is pinned: {done.stderr}{told}"
    )
    with zipfile.ZipFile(told["Zip"]) as archive:
        yield Module(archive, f"{path}@{version}")
