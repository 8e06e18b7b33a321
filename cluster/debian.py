"""Root file systems made of Debian's or Ubuntu's packages, for images that no registry gives us."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from cluster import engine, hashing, shell
from cluster.settings import PACKAGE, Settings
from cluster.steps import Step

# What a container never reads.
TRIMMED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


def rootfs(
    settings: Settings,
    name: str,
    suite: str,
    packages: Iterable[str],
    step: Step,
    hooks: Iterable[str] = (),
    components: str = "main",
) -> Path:
    """Make a root file system as a tar archive in the cache and give its path.

    `hooks` are shell commands that mmdebstrap runs at the end with the new root as $1, and
    `components` the parts of the archive to choose packages from, separated by commas.
    An archive of the same suite, packages and hooks is used again. Raises ClusterError
    when mmdebstrap is missing and cannot be installed, or fails, as for a suite of Ubuntu where
    /usr/share/keyrings has no ubuntu-archive-keyring.gpg.
    """
    wanted, commands = list(packages), list(hooks)
    key = hashing.digest(PACKAGE, [], suite, *wanted, *commands)
    archive = settings.cache / "rootfs" / f"{name}-{key}.tar"
    if archive.exists():
        return archive
    if shutil.which("mmdebstrap") is None:
        engine.install_packages(step, "mmdebstrap")
    step.note(f"unpacking {suite}")
    partial = archive.with_name(f".{archive.name}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    shell.stream(
        "mmdebstrap", "--variant=minbase", "--format=tar",
        f"--components={components}",
        f"--include={','.join(wanted)}",
        '--aptopt=APT::Install-Recommends "false"',
        # Snapshots of a suite under development can be older than their Release file says.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in TRIMMED),
        *(f"--customize-hook={command}" for command in commands),
        suite, partial,
        log=settings.cache / "logs" / f"mmdebstrap-{name}.log",
        on_line=lambda line: step.note(f"{suite}: {line[:60]}"),
    )  # fmt: skip
    partial.rename(archive)
    for old in archive.parent.glob(f"{name}-*.tar"):
        if old != archive:
            old.unlink()
    return archive
