"""A checkout of the project on one machine, and docker compose in it as a person types it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import hashing
from tests.deploy.compose.guide import ROOT
from tests.support.ports import free_port
from tests.support.shopper import Shopper

PREFIX = "bscompose"
LABEL = "com.docker.compose.project"
# All that compose and the image's build read.
FILES = (
    *("compose.yaml", "compose.external-database.yaml", ".env.example"),
    *("compose.microservices.yaml", ".env.microservices.example", "deploy/microservices"),
    *("Dockerfile", ".dockerignore", "requirements-build.lock", "app", "operator"),
)
LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Done:
    """How commands ended, and all that they said."""

    code: int
    said: str
    complained: str


class Project:
    """A folder with the files that a person has, and nothing in Docker yet.

    ``machine`` holds what Docker's client needs here, and the images that no registry gives.
    """

    def __init__(self, folder: Path, name: str, machine: Mapping[str, str]) -> None:
        self.folder = folder
        self.name = f"{PREFIX}-{name}"
        self.image = f"{PREFIX}/{name}:tests"
        self.port = free_port()
        self.environment = {
            **os.environ,
            **machine,
            "APP_IMAGE": self.image,
            "COMPOSE_PROJECT_NAME": self.name,
            "PUBLISH": f"127.0.0.1:{self.port}",
        }
        for file in hashing.files_under(*(ROOT / name for name in FILES)):
            copy = folder / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def attempt(self, commands: str, **environment: str) -> Done:
        """Type commands, of which one may fail and then is the last."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder, env=self.environment | environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def type(self, commands: str) -> str:
        """Type commands, none of which may fail, and return what they print."""
        done = self.attempt(commands)
        assert done.code == 0, f"{commands}\n{done.complained}\n{done.said}\n{self.logs()}"
        return done.said

    def logs(self) -> str:
        """Return what all containers of the project have said."""
        return "\n".join(
            docker_all("logs", container).strip() for container in self.made("container")
        )

    def settings(self) -> dict[str, str]:
        """Return what .env says."""
        lines = (line.partition("=") for line in (self.folder / ".env").read_text().splitlines())
        return {key: value for key, equals, value in lines if equals and key[0] != "#"}

    def set(self, **settings: str) -> None:
        """Give settings in .env another value, or one at all."""
        file = self.folder / ".env"
        text = file.read_text()
        for key, value in settings.items():
            text = re.sub(rf"^{key}=.*\n", "", text, flags=re.MULTILINE) + f"{key}={value}\n"
        file.write_text(text)

    def shopper(self) -> Shopper:
        return Shopper(self.url)

    def inspect(self, service: str) -> dict[str, Any]:
        """Return what the engine tells of a service's one container."""
        ids = self.type(f"docker compose ps --all --quiet {service}").split()
        assert len(ids) == 1, f"{service} has {len(ids)} containers"
        (told,) = json.loads(docker("inspect", ids[0]))
        return dict(told)

    def made(self, kind: str) -> list[str]:
        """Return what the engine has of this project: its containers, volumes or networks."""
        every = ["--all"] if kind == "container" else []
        label = f"label={LABEL}={self.name}"
        return docker(kind, "ls", *every, "--quiet", "--filter", label).split()

    def remove(self) -> None:
        """Leave nothing of the project in Docker, whatever state it is in."""
        for kind in ("container", "volume", "network"):
            force = [] if kind == "network" else ["--force"]
            if made := self.made(kind):
                docker(kind, "rm", *force, *made)
        docker_all("image", "rm", "--force", self.image)


def docker(*arguments: str) -> str:
    """Run docker and return what it prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def docker_all(*arguments: str) -> str:
    """Run docker and return what it prints on both of its outputs, failed or not."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
