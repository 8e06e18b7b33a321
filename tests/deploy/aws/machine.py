"""An instance of the fleet, played by a container with systemd and an engine of its own.

What Amazon Linux has and Debian has not is played: dnf, which finds all installed; mount.efs of
amazon-efs-utils, which mounts a folder; cfn-signal, which writes down what it is told.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cluster import debian, engine, hashing, images, settings
from cluster.builds import INPUTS_LABEL, Builder
from cluster.registry import Registry
from cluster.steps import Steps
from tests.support.mysql import docker
from tests.support.poll import eventually

# What systemd says once it has started all that it could.
UP = ("running\n", "degraded\n")
SUITE = "trixie"
PACKAGES = (
    "systemd-sysv", "dbus", "docker.io", "docker-cli", "iptables", "iproute2", "util-linux",
    "mount", "kmod", "curl", "ca-certificates", "awscli", "python3", "procps",
)  # fmt: skip
DOCKERFILE = r"""
ARG ROOTFS
FROM ${ROOTFS}
RUN printf '#!/bin/sh\necho "$*" >> /var/log/dnf\n' > /usr/bin/dnf \
 && printf '#!/bin/sh\necho "$*" >> /var/log/mount.efs\nexec mount --bind /srv/efs "$2"\n' \
      > /usr/sbin/mount.efs \
 && mkdir -p /opt/aws/bin \
 && printf '#!/bin/sh\necho "$*" >> /var/log/cfn-signal\n' > /opt/aws/bin/cfn-signal \
 && chmod 0755 /usr/bin/dnf /usr/sbin/mount.efs /opt/aws/bin/cfn-signal \
 && systemctl disable docker.service docker.socket containerd.service \
 && systemctl set-default multi-user.target \
 && systemctl mask systemd-udevd systemd-udev-trigger systemd-modules-load systemd-sysctl \
      getty.target console-getty.service systemd-logind dev-hugepages.mount dev-mqueue.mount \
      sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
      sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount \
 && rm -f /etc/machine-id && touch /etc/machine-id
VOLUME /var/lib/docker /var/lib/containerd
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/bin/sh", "-c", "mount --make-rshared / && exec /sbin/init"]
"""


@dataclass(frozen=True)
class Built:
    """The names of the images: the machine's, the shop's, MySQL's."""

    machine: str
    shop: str
    mysql: str


def build() -> Built:
    """Build what is missing."""
    told, steps = settings.from_environment(), Steps()
    with steps.step("Images of an instance") as step:
        client = engine.ensure(told, step)
        builder, registry = Builder(told, client), Registry(client)
        shop = images.own(builder, "app", images.python(builder, registry, step), step)
        mysql = images.mysql(builder, registry, step)
        key = hashing.digest(settings.PACKAGE, [], SUITE, *PACKAGES, DOCKERFILE)
        name = "bookstore/aws-instance:tests"
        if builder.label(name) != key:
            archive = debian.rootfs(told, "aws-instance", SUITE, PACKAGES, step)
            rootfs = builder.imported(archive, "aws-instance", step)
            context = builder.context("aws-instance")
            (context / "Dockerfile").write_text(DOCKERFILE)
            builder.build(context, name, arguments={"ROOTFS": rootfs}, labels={INPUTS_LABEL: key})
    return Built(name, shop, mysql)


@dataclass(frozen=True)
class Instance:
    """A running instance."""

    container: str

    def run(self, *command: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command on it as root."""
        return subprocess.run(
            ["docker", "exec", "--interactive", self.container, *command],
            input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def read(self, *command: str) -> str:
        """Run a command that has to succeed, and give what it printed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command}: {done.stderr or done.stdout}"
        return done.stdout.strip()

    def load(self, image: str) -> None:
        """Give its engine an image, as a machine image of one's own would."""
        self.read("systemctl", "start", "docker")
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            loaded = subprocess.run(
                ["docker", "exec", "--interactive", self.container, "docker", "load"],
                stdin=saved.stdout, capture_output=True, text=True, check=False,
            )  # fmt: skip
        assert loaded.returncode == 0, loaded.stderr

    def boot(self, user_data: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run user data as cloud-init does, to its end."""
        names = [f"{key}={value}" for key, value in environment.items()]
        self.run("tee", "/var/lib/user-data", text=user_data)
        done = self.run("env", *names, "bash", "/var/lib/user-data")
        self.run("tee", "/var/lib/user-data.log", text=done.stdout + done.stderr)
        return done


@contextmanager
def running(image: str, name: str, network: str, files: str) -> Iterator[Instance]:
    """Start an instance whose file system EFS is the volume `files`."""
    container = docker(
        "run", "--detach", "--privileged", "--name", name, "--hostname", name, "--network", network,
        "--tmpfs", "/run", "--tmpfs", "/tmp", "--volume", f"{files}:/srv/efs", image,
    )  # fmt: skip
    try:
        instance = Instance(container)

        def booted() -> None:
            assert instance.run("systemctl", "is-system-running").stdout in UP

        eventually(booted, within=90)
        yield instance
    finally:
        docker("rm", "--force", "--volumes", container)


def settings_of(user_data: str) -> dict[str, str]:
    """Give what the head of user data sets."""
    return dict(re.findall(r"^(?:export )?(\w+)='(.*)'$", user_data, re.MULTILINE))
