"""An account of AWS that moto plays, and a terminal in which the how-to is typed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.cluster.support.kube import CACHE
from tests.deploy.eks.support.overlays import ROOT
from tests.support.poll import eventually
from tests.support.ports import free_port

NUMBER = "210987654321"
BIN = ROOT / ".venv-deploy" / "bin"
STANDINS = Path(__file__).parents[1] / "standins"
BLOCK = re.compile(r"^```sh ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Account:
    """An empty account, asked by its own command line."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def ask(self, *command: str) -> Any:
        """Run a command of ``aws`` and return its answer."""
        done = subprocess.run(
            [BIN / "aws", *command, "--output", "json", "--endpoint-url", self._url],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")


@contextmanager
def opened(log: Path) -> Iterator[Account]:
    """Open an account, and close it with all that is in it."""
    port = free_port()
    with log.open("wb") as out:
        server = subprocess.Popen(
            [BIN / "moto_server", "-p", str(port)],
            # A certificate is issued as soon as somebody asks again.
            env=os.environ | {"MOTO_ACCOUNT_ID": NUMBER, "MOTO_ACM_VALIDATION_WAIT": "0"},
            stdout=out,
            stderr=out,
        )
    try:
        url = f"http://127.0.0.1:{port}"

        def answers() -> None:
            assert server.poll() is None, log.read_text()
            httpx.get(f"{url}/moto-api/", trust_env=False).raise_for_status()

        eventually(answers, within=60)
        yield Account(url)
    finally:
        server.terminate()
        server.wait()


class Terminal:
    """A checkout, and a shell in which ``aws`` is real and the other tools write down their calls.

    The tool of clusters makes its network in the account, and ``kubectl`` renders what it would
    apply. What was exported stays for the commands that are typed later.
    """

    def __init__(self, account: Account, folder: Path) -> None:
        self.checkout = folder / "checkout"
        for part in ("crds", "deploy/eks", "manifests"):
            shutil.copytree(ROOT / part, self.checkout / part)
        self._exported = folder / "exported"
        self._exported.touch()
        self._calls = folder / "calls"
        self._calls.mkdir()
        own = CACHE / "bin" / "kubectl"
        self._environment = account.environment | {
            "PATH": f"{STANDINS}:{os.environ['PATH']}",
            "AWS": str(BIN / "aws"),
            "KUBECTL": str(own) if own.exists() else shutil.which("kubectl") or "",
            "CALLS": str(self._calls),
        }

    def type(self, script: str) -> str:
        """Type commands, of which none may fail, and return what they complain of."""
        done = subprocess.run(
            [
                *("bash", "-euo", "pipefail", "-c"),
                f'. "{self._exported}"\n{script}\nexport -p > "{self._exported}"',
            ],
            cwd=self.checkout,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr

    def calls(self, tool: str) -> list[str]:
        """Return the calls of a tool, each as its line."""
        log = self._calls / tool
        return log.read_text().splitlines() if log.exists() else []

    def rendered(self) -> str:
        """Return all that was given to the cluster."""
        return "---\n".join(path.read_text() for path in sorted(self._calls.glob("*.yaml")))


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the commands of a page, each block with its mark."""
    return BLOCK.findall(page.read_text())
