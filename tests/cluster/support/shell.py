"""Type into a shell what a how-to page says, as a person does at the local cluster."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.support.kube import Kube

PAGES = Path(__file__).parents[3] / "docs" / "how-to"
SECTION = r"^## {}\n(.*?)(?=^## |\Z)"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def typed(page: str, section: str, changes: Mapping[str, str]) -> str:
    """Return all commands under a heading of a page, changed in what is a person's own."""
    text = (PAGES / f"{page}.md").read_text()
    found = re.search(SECTION.format(re.escape(section)), text, re.DOTALL | re.MULTILINE)
    assert found, f"{page} has no section {section}"
    commands = "".join(BLOCK.findall(found[1]))
    for old, new in changes.items():
        assert commands.count(old) == 1, old
        commands = commands.replace(old, new)
    return commands


def type_in(kube: Kube, script: str, folder: Path) -> None:
    """Type commands into a shell whose kubectl is led to the local cluster, until all are done."""
    program = folder / "kubectl"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(kube.command)} "$@"\n')
    program.chmod(0o755)
    programs = [str(folder), str(Path(sys.executable).parent), os.environ["PATH"]]
    found = {"PATH": os.pathsep.join(programs), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | found,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout
