"""An instance of the fleet, played by a container with systemd and an engine of its own.

What Amazon Linux has and Debian has not is played: dnf, which finds all installed; mount.efs of
amazon-efs-utils, which mounts a folder; cfn-signal, which tells CloudFormation by the CLI of AWS.
The instance's own metadata at 169.254.169.254 are moto's, and its rights come from there.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster import debian, engine, hashing, images, settings
from cluster.builds import INPUTS_LABEL, Builder
from cluster.registry import Registry
from cluster.steps import Steps
from tests.support.mysql import docker
from tests.support.poll import eventually

# What systemd says once it has started all that it could.
UP = ("running\n", "degraded\n")
SUITE = "trixie"
METADATA = "169.254.169.254"
PACKAGES = (
    "systemd-sysv", "dbus", "docker.io", "docker-cli", "iptables", "iproute2", "util-linux",
    "mount", "kmod", "curl", "ca-certificates", "awscli", "python3", "procps",
    # What runs beside an instance: ECR's registry, and nginx in front of it.
    "docker-registry", "nginx-light", "openssl",
)  # fmt: skip
DOCKERFILE = r"""
ARG ROOTFS
FROM ${ROOTFS}
COPY dnf /usr/bin/dnf
COPY mount.efs /usr/sbin/mount.efs
COPY cfn-signal /opt/aws/bin/cfn-signal
RUN chmod 0755 /usr/bin/dnf /usr/sbin/mount.efs /opt/aws/bin/cfn-signal \
 && systemctl disable docker.service docker.socket containerd.service \
      nginx.service docker-registry.service \
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

PLAYED = {
    "dnf": '#!/bin/sh\necho "$*" >> /var/log/dnf\n',
    "mount.efs": '#!/bin/sh\necho "$*" >> /var/log/mount.efs\nexec mount --bind /srv/efs "$2"\n',
    # As the real one does, with the instance's id as what makes a signal its own.
    "cfn-signal": r"""#!/bin/bash
echo "$*" >> /var/log/cfn-signal
while [ $# -gt 0 ]; do
  case "$1" in
    --exit-code) code=$2 ;;
    --stack) stack=$2 ;;
    --resource) resource=$2 ;;
    --region) region=$2 ;;
  esac
  shift 2
done
token=$(curl --fail --silent --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
  http://169.254.169.254/latest/api/token)
id=$(curl --fail --silent --header "X-aws-ec2-metadata-token: $token" \
  http://169.254.169.254/latest/meta-data/instance-id)
exec aws cloudformation signal-resource --region "$region" --stack-name "$stack" \
  --logical-resource-id "$resource" --unique-id "$id" \
  --status "$([ "$code" = 0 ] && echo SUCCESS || echo FAILURE)"
""",
}


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
        key = hashing.digest(settings.PACKAGE, [], SUITE, *PACKAGES, DOCKERFILE, *PLAYED.values())
        name = "bookstore/aws-instance:tests"
        if builder.label(name) != key:
            archive = debian.rootfs(told, "aws-instance", SUITE, PACKAGES, step)
            rootfs = builder.imported(archive, "aws-instance", step)
            context = builder.context("aws-instance")
            for file, text in {"Dockerfile": DOCKERFILE, **PLAYED}.items():
                (context / file).write_text(text)
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

    @property
    def address(self) -> str:
        """Give its address in the network."""
        return docker(
            "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
            self.container,
        )  # fmt: skip

    def boot(self, user_data: str) -> subprocess.CompletedProcess[str]:
        """Run user data as cloud-init does, to its end."""
        self.run("tee", "/var/lib/user-data", text=user_data)
        done = self.run("bash", "/var/lib/user-data")
        self.run("tee", "/var/lib/user-data.log", text=done.stdout + done.stderr)
        return done

    def console(self) -> str:
        """Give what was said at its console."""
        return docker("logs", self.container)


@contextmanager
def running(
    image: str, name: str, network: str, files: str, aws: str, trusted: Path
) -> Iterator[Instance]:
    """Start an instance whose file system EFS is the volume `files`.

    AWS answers at the URL `aws`, at 169.254.169.254 too; the certificate `trusted` is believed.
    """
    container = docker(
        "run", "--detach", "--privileged", "--tty", "--name", name, "--hostname", name,
        "--network", network, "--env", f"AWS_ENDPOINT_URL={aws}",
        "--tmpfs", "/run", "--tmpfs", "/tmp", "--volume", f"{files}:/srv/efs", image,
    )  # fmt: skip
    try:
        instance = Instance(container)

        def booted() -> None:
            assert instance.run("systemctl", "is-system-running").stdout in UP

        eventually(booted, within=120)
        instance.read("systemctl", "set-environment", f"AWS_ENDPOINT_URL={aws}")
        instance.read(
            "iptables", "--table", "nat", "--append", "OUTPUT", "--destination", METADATA,
            "--protocol", "tcp", "--jump", "DNAT", "--to-destination", aws.rpartition("/")[2],
        )  # fmt: skip
        authority = "/usr/local/share/ca-certificates/tests.crt"
        assert instance.run("tee", authority, text=trusted.read_text()).returncode == 0
        instance.read("update-ca-certificates")
        yield instance
    finally:
        docker("rm", "--force", "--volumes", container)


def settings_of(user_data: str) -> dict[str, str]:
    """Give what the head of user data sets."""
    return dict(re.findall(r"^(?:export )?(\w+)='(.*)'$", user_data, re.MULTILINE))
