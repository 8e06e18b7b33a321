"""Docker compose: the plugin that the client has, or one that is built from its Go module."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from cluster import programs, shell
from cluster.engine import Docker
from cluster.errors import ClusterError
from cluster.settings import Settings
from cluster.steps import Step

# The first that reads all of compose.yaml and of the file that overrides it.
OLDEST = (2, 24)
VERSION = re.compile(r"v?(\d+)\.(\d+)\.")


def client_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the folder of the client's configuration, as the client finds it."""
    return Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/")) / ".docker")


def will_do(version: str) -> bool:
    """Tell whether a compose of this version reads our files."""
    match = VERSION.match(version)
    return match is not None and tuple(int(part) for part in match.groups()) >= OLDEST


def version(docker: Docker, folder: Path) -> str:
    """Give the version of the compose that the client has, empty where it has none."""
    told = shell.attempt(
        docker.client, "compose", "version", "--short", env={"DOCKER_CONFIG": str(folder)}
    )
    return told.stdout.strip() if told.returncode == 0 else ""


def ensure(settings: Settings, docker: Docker, folder: Path, step: Step) -> None:
    """Give the client compose, as a plugin in its folder, where it has none that will do.

    Raises ClusterError where there is an old one that somebody else has put into the folder.
    """
    present = version(docker, folder)
    if will_do(present):
        step.result(f"{present} is present")
        return
    place = folder / "cli-plugins" / programs.COMPOSE.name
    if place.exists() and present:
        raise ClusterError(
            f"{place} is compose {present}, which is older than "
            f"{'.'.join(map(str, OLDEST))}; replace it, or delete it and try again."
        )
    built = programs.build(settings, "compose", (programs.COMPOSE,), step)
    place.parent.mkdir(parents=True, exist_ok=True)
    # A copy: it goes on working when the cache is deleted.
    fresh = place.with_name(f".{place.name}.new")
    shutil.copy2(built / programs.COMPOSE.name, fresh)
    fresh.replace(place)
    if not will_do(present := version(docker, folder)):
        raise ClusterError(
            f"{docker.client} does not know the plugin {place} (it says {present!r}); "
            "install compose as https://docs.docker.com/compose/install says."
        )
    step.result(f"{present} built and put into {place}")
