"""The image of a machine: Debian or Ubuntu with systemd and SSH, and the roles' packages.

Nothing that the roles are to do is done here. The packages lie in apt's archive, not installed,
so that apt has work to do but a machine of a test needs no mirror.
"""

from __future__ import annotations

import os

from cluster import debian, engine, hashing, settings
from cluster.builds import INPUTS_LABEL, Builder
from cluster.settings import ROOT
from cluster.steps import Steps

# Another of the suites that the playbooks take: BOOKSTORE_MACHINE_SUITE=trixie, or noble.
SUITE = os.environ.get("BOOKSTORE_MACHINE_SUITE", "bookworm")
UBUNTU = SUITE == "noble"
COMPONENTS = "main,universe" if UBUNTU else "main"
INSTALLED = (
    "apt", "systemd-sysv", "dbus", "udev", "openssh-server", "python3", "python3-apt",
    "ca-certificates", "iproute2", "procps", "hostname", "netbase",
)  # fmt: skip
ARCHIVED = (
    "mysql-server" if UBUNTU else "mariadb-server",
    "nginx", "certbot", "nftables", "unattended-upgrades", "logrotate", "python3-venv", "openssl",
    "pebble", "curl",
)  # fmt: skip
# What a container has no part in, or what would change a machine while a test looks at it.
MASKED = (
    "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udevd-kernel.socket",
    "systemd-udevd-control.socket", "systemd-modules-load.service", "systemd-sysctl.service",
    "getty.target", "console-getty.service", "getty@tty1.service", "sys-kernel-config.mount",
    "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount",
    "dev-hugepages.mount", "dev-mqueue.mount", "proc-sys-fs-binfmt_misc.automount",
    "systemd-binfmt.service", "apt-daily.timer", "apt-daily-upgrade.timer",
)  # fmt: skip
# mmdebstrap empties apt's own folders at the end, so the archive has another place.
APT = 'Dir::State::Lists "/srv/apt/lists"; Dir::Cache::Archives "/srv/apt/archives";'
# No two machines share the keys that prove who they are.
SSH_KEYS = "[Service]\\nExecStartPre=\\nExecStartPre=/usr/bin/ssh-keygen -A\\n"
DOWNLOAD = f"apt-get -y -q --download-only install {' '.join(ARCHIVED)}"
HOOKS = (
    # Outside of the new root, with the host's mirrors.
    f'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" {DOWNLOAD}',
    'mkdir -p "$1"/srv/apt/lists/partial "$1"/srv/apt/archives/partial',
    'mv "$1"/var/cache/apt/archives/*.deb "$1"/srv/apt/archives/',
    'cp "$1"/var/lib/apt/lists/*Packages* "$1"/var/lib/apt/lists/*Release* "$1"/srv/apt/lists/',
    # Put in place when a machine starts: mmdebstrap itself could not clean up under it.
    f"echo '{APT}' > \"$1\"/srv/apt/apt.conf",
    *(f'ln -sf /dev/null "$1"/etc/systemd/system/{unit}' for unit in MASKED),
    'rm -f "$1"/etc/ssh/ssh_host_*',
    'mkdir -p "$1"/etc/systemd/system/ssh.service.d "$1"/root/.ssh',
    f"printf '{SSH_KEYS}' > \"$1\"/etc/systemd/system/ssh.service.d/keys.conf",
    'mkdir -p "$1"/etc/systemd/journald.conf.d',
    'printf "[Journal]\\nReadKMsg=no\\n" > "$1"/etc/systemd/journald.conf.d/machine.conf',
    ': > "$1"/etc/machine-id',
)


def ensure() -> tuple[engine.Docker, str]:
    """Give the engine and the name of the image, built where it is not there."""
    chosen = settings.from_environment()
    with Steps().step("Image of a machine") as step:
        builder = Builder(chosen, engine.ensure(chosen, step))
        key = hashing.digest(ROOT, [], SUITE, *INSTALLED, *ARCHIVED, *HOOKS)
        name = f"bookstore/machine:{SUITE}"
        if builder.label(name) != key:
            archive = debian.rootfs(
                chosen, f"machine-{SUITE}", SUITE, INSTALLED, step, HOOKS, COMPONENTS
            )
            step.note("importing the root file system")
            changes = (
                f"LABEL {INPUTS_LABEL}={key}", "ENV container=docker", 'CMD ["/sbin/init"]'
            )  # fmt: skip
            flags = [word for change in changes for word in ("--change", change)]
            builder.docker.run("import", *flags, archive, name)
            step.result(f"{name} built")
        else:
            step.result(f"{name} is present")
        return builder.docker, name
