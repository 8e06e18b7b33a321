"""Building images with the engine and keeping them as archives."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster import shell
from cluster.engine import Docker
from cluster.settings import Settings
from cluster.steps import Step

# The label that says from which inputs an image was made.
INPUTS_LABEL = "dev.bookstore.inputs"


@dataclass(frozen=True)
class Builder:
    """What a build needs: the engine, and the cache where contexts and archives lie."""

    settings: Settings
    docker: Docker

    def image_id(self, reference: str) -> str | None:
        """Give the ID of an image that the engine has, or None."""
        told = shell.attempt(
            self.docker.client, "image", "inspect", "--format", "{{.Id}}", reference
        )
        return told.stdout.strip() if told.returncode == 0 else None

    def label(self, reference: str) -> str | None:
        """Give the inputs that an image of ours was made from, None for any other image."""
        template = f'{{{{index .Config.Labels "{INPUTS_LABEL}"}}}}'
        told = shell.attempt(
            self.docker.client, "image", "inspect", "--format", template, reference
        )
        return told.stdout.strip() or None if told.returncode == 0 else None

    def context(self, name: str) -> Path:
        """Give an empty folder for a build's files."""
        folder = self.settings.cache / "contexts" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def build(
        self,
        context: Path,
        tag: str,
        dockerfile: Path | None = None,
        target: str | None = None,
        arguments: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Build and tag an image; raises ClusterError that names the build's log."""
        name = tag.replace("/", "-").replace(":", "-")
        shell.stream(
            self.docker.client, "build", "--tag", tag,
            *(("--file", str(dockerfile)) if dockerfile else ()),
            *(("--target", target) if target else ()),
            *flags("--build-arg", arguments), *flags("--label", labels),
            context,
            log=self.settings.cache / "logs" / f"build-{name}.log",
            env=self.docker.env,
        )  # fmt: skip

    def prune(self, pattern: str, keep: int) -> None:
        """Remove the images whose name:tag matches, but for the newest; one in use stays."""
        name = "{{.Repository}}:{{.Tag}}"
        listed = self.docker.run(
            "image", "ls", "--filter", f"reference={pattern}", "--format", name
        )
        for old in listed.split()[keep:]:
            shell.attempt(self.docker.client, "image", "rm", old, env=self.docker.env)

    def imported(self, archive: Path, name: str, step: Step) -> str:
        """Give the image of a root file system, imported where the engine has it not yet."""
        reference = f"bookstore/{name}-rootfs:{archive.stem}"
        if not self.image_id(reference):
            step.note("importing the root file system")
            self.docker.run("import", archive, reference)
        return reference

    def program(self, binary: Path, tag: str, base: str = "scratch", user: str = "") -> None:
        """Make an image of one static program, which is its entry point."""
        context = self.context(binary.name)
        (context / binary.name).hardlink_to(binary)
        place = f"/usr/local/bin/{binary.name}"
        path = "ENV PATH=/usr/local/bin\n" if base == "scratch" else ""
        account = f"USER {user}\n" if user else ""
        (context / "Dockerfile").write_text(
            f'FROM {base}\nCOPY {binary.name} {place}\n{path}{account}ENTRYPOINT ["{place}"]\n'
        )
        self.build(context, tag)

    def save(self, tags: Iterable[str], archive: Path) -> None:
        """Write images into one archive, which appears only when it is complete."""
        archive.parent.mkdir(parents=True, exist_ok=True)
        partial = archive.with_name(f".{archive.name}.partial")
        self.docker.run("save", "--output", partial, *tags)
        partial.rename(archive)


def flags(name: str, values: Mapping[str, str] | None) -> list[str]:
    """Give `name KEY=value` for each pair, as docker's command line wants them."""
    return [word for key, value in (values or {}).items() for word in (name, f"{key}={value}")]
