"""The Docker engine: the one that answers, or on Debian one that is installed and started."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cluster import shell
from cluster.errors import ClusterError
from cluster.settings import PACKAGE, Settings
from cluster.steps import Step
from cluster.waiting import until

# Bit of CAP_SYS_RESOURCE in a capability set (linux/capability.h).
SYS_RESOURCE = 1 << 24
DAEMON_CONFIG = Path("/etc/docker/daemon.json")
START_SECONDS = 60
INSTALL = "install Docker Engine (https://docs.docker.com/engine/install) and start it"


@dataclass(frozen=True)
class Docker:
    """A client program whose engine answers."""

    client: Path

    @property
    def env(self) -> dict[str, str]:
        """Give variables under which children (kind above all) use this very client."""
        path = f"{self.client.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        env = {"PATH": path, "KIND_EXPERIMENTAL_PROVIDER": "docker"}
        # The classic builder is all that some engines have; BuildKit needs its plugin.
        if shell.attempt(self.client, "buildx", "version").returncode != 0:
            env["DOCKER_BUILDKIT"] = "0"
        return env

    def run(self, *arguments: shell.Argument, stdin: str | bytes | None = None) -> str:
        """Run a docker command and give its output; raises ClusterError when it fails."""
        return shell.run(self.client, *arguments, stdin=stdin)

    def feed(self, stream: IO[bytes], *arguments: shell.Argument) -> None:
        """Run a docker command that reads a file; raises ClusterError when it fails."""
        done = subprocess.run(
            [self.client, *arguments], stdin=stream, capture_output=True, check=False
        )
        if done.returncode != 0:
            told = shell.last_line((done.stderr or done.stdout).decode(errors="replace"))
            raise ClusterError(f"{shell.shown([self.client, *arguments])} failed: {told}")


def ensure(settings: Settings, step: Step) -> Docker:
    """Give an engine that answers, installing and starting one as root on Debian.

    Raises ClusterError that says what to install or start anywhere else.
    """
    if docker := answering():
        return docker
    if host := os.environ.get("DOCKER_HOST"):
        raise ClusterError(
            f"No Docker engine answers at DOCKER_HOST={host}; start it, or unset DOCKER_HOST."
        )
    if os.geteuid() != 0:
        raise ClusterError(
            f"No Docker engine answers to this user; {INSTALL}, or join the group docker."
        )
    if shutil.which("dockerd") is None:
        install_packages(step, "docker.io", "iptables")
    step.note("starting dockerd")
    if Path("/run/systemd/system").is_dir():
        shell.run("systemctl", "start", "docker")
        process = None
    else:
        process = start_dockerd(settings)
    docker = wait_for_answer(settings, process)
    step.result("dockerd started")
    return docker


def answering() -> Docker | None:
    """Give the first docker client whose engine answers within 10 s.

    More than the first on PATH is tried: a client can be too new for the engine, or a stub.
    """
    for client in dict.fromkeys((shutil.which("docker"), "/usr/bin/docker")):
        if client is None or not Path(client).exists():
            continue
        told = shell.attempt(client, "version", "--format", "{{.Server.Version}}", seconds=10)
        if told.returncode == 0 and told.stdout.strip():
            return Docker(Path(client))
    return None


def install_packages(step: Step, *packages: str) -> None:
    """Install Debian packages as root; raises ClusterError elsewhere, naming them."""
    wanted = " ".join(packages)
    if os.geteuid() != 0 or not is_debian(os_release()):
        raise ClusterError(
            f"{wanted} is missing and only you can install it here; do so and try again."
        )
    step.note(f"installing {wanted}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    shell.run("apt-get", "-q", "update", env=quiet)
    shell.run("apt-get", "-q", "-y", "--no-install-recommends", "install", *packages, env=quiet)


def os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    """Read os-release(5) into a dictionary; an absent file is an empty one."""
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, _, value in pairs}


def is_debian(release: Mapping[str, str]) -> bool:
    """Tell whether an os-release describes Debian or a child of it."""
    return "debian" in {release.get("ID", ""), *release.get("ID_LIKE", "").split()}


def lacks_sys_resource(status: str) -> bool:
    """Tell from /proc/self/status whether root can not hold CAP_SYS_RESOURCE."""
    sets = dict(line.split(":\t", 1) for line in status.splitlines() if line.startswith("Cap"))
    return any(not int(sets[name], 16) & SYS_RESOURCE for name in ("CapEff", "CapBnd"))


def runtime_flags(status: str, daemon_config: Mapping[str, object], wrapper: Path) -> list[str]:
    """Give dockerd's flags for the runtime wrapper, none where it is not needed.

    A daemon.json that chooses a runtime itself is left alone: dockerd refuses a setting
    that is both there and a flag, and its owner knows why.
    """
    if not lacks_sys_resource(status) or {"runtimes", "default-runtime"} & set(daemon_config):
        return []
    return ["--add-runtime", f"bookstore={wrapper}", "--default-runtime", "bookstore"]


def start_dockerd(settings: Settings) -> subprocess.Popen[bytes]:
    """Start dockerd so that it outlives this command; its log is in the cache folder."""
    log = settings.cache / "logs" / "dockerd.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    wrapper = settings.cache / "runc-without-sys-resource"
    shutil.copy2(PACKAGE / "runtime" / wrapper.name, wrapper)
    config = json.loads(DAEMON_CONFIG.read_text()) if DAEMON_CONFIG.exists() else {}
    flags = runtime_flags(Path("/proc/self/status").read_text(), config, wrapper)
    with log.open("ab") as output:
        return subprocess.Popen(
            ["dockerd", *flags],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def wait_for_answer(settings: Settings, process: subprocess.Popen[bytes] | None) -> Docker:
    """Wait for the engine; raises ClusterError with its last log line when it ends."""
    log = settings.cache / "logs" / "dockerd.log"

    def ask() -> Docker | None:
        docker = answering()
        if docker is None and process is not None and process.poll() is not None:
            raise ClusterError(
                f"dockerd ended at once: {shell.last_line(log.read_text())} (its log is {log})"
            )
        return docker

    docker = until(ask, START_SECONDS, every=0.3)
    if docker is None:
        raise ClusterError(
            f"dockerd was started but does not answer after {START_SECONDS} s; look into {log}."
        )
    return docker
