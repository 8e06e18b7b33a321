"""A shop moves to another database as its how-to says, and people find all that is theirs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.support.people import People

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "move.md"
SECTION = "## From one database to another\n"
NAMES = "namespace=bookstore old=bookstore new=bookstore-rds\n"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(namespace: str, old: str, new: str) -> str:
    """Return what the page wants typed, for stores of these names."""
    _, _, section = PAGE.read_text().partition(SECTION)
    typed = "".join(BLOCK.findall(section))
    assert NAMES in typed
    return typed.replace(NAMES, f"namespace={namespace} old={old} new={new}\n")


def type_in(kube: Kube, script: str, folder: Path) -> None:
    """Type commands into a shell whose kubectl is led to the local cluster."""
    program = folder / "kubectl"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(kube.command)} "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_orders_and_pictures_are_the_same_on_the_other_database(
    kube: Kube, lab: Lab, tmp_path: Path
) -> None:
    old = lab.embedded("old")
    new = lab.external("new")
    old.wait_ready(within=240)
    people = People(old.url())
    new.wait_ready()

    type_in(kube, commands(lab.namespace, old.name, new.name), tmp_path)

    new.wait_ready(within=180)
    people.find_all_and_buy_again(new.url())
    assert not old.pods(), "the old shop is closed"
