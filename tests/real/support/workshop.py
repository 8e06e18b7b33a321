"""Third-party programs on the local cluster: built, put into images, installed, taken away."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import yaml

from cluster import debian, engine, hashing, images, kindcluster, nodeimage, programs, settings
from cluster.builds import Builder
from cluster.errors import ClusterError
from cluster.programs import Program
from cluster.steps import Step, Steps
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.namespaces import wait_all_gone

T = TypeVar("T")

PARTS = Path(__file__).parents[1] / "parts"
# Where an image of ours is, so that no node asks a registry for it.
REPOSITORY = "kind.local"
ROLLOUT = "110s"


class Workshop:
    """Builds the parts that a test asks for, and has them at work while it runs.

    Programs are built once and kept in the cache of `make up`; their images are named by the
    content of what they are built from.
    """

    def __init__(self, kube: Kube) -> None:
        self.kube = kube
        self.settings = settings.from_environment()
        self._steps = Steps()
        self._installed = ExitStack()

    def keep(self, part: AbstractContextManager[T]) -> T:
        """Have a part at work until the end of the run."""
        return self._installed.enter_context(part)

    def clear(self) -> None:
        """Take away every part, once the namespaces of the run's tests are gone.

        What is in them may need its controller to let it go.
        """
        with self._installed:
            wait_all_gone(self.kube)

    @cached_property
    def builder(self) -> Builder:
        docker = engine.answering()
        assert docker, "no Docker engine answers"
        return Builder(self.settings, docker)

    def binaries(self, part: str, wanted: tuple[Program, ...]) -> Path:
        """Build a part's programs where the cache lacks them, and return their folder."""
        with self._alone(f"Programs of {part}") as step:
            return programs.build(self.settings, f"real-{part}", wanted, step)

    def image(
        self,
        part: str,
        wanted: tuple[Program, ...],
        name: str,
        *,
        base: str = "scratch",
        user: str = "",
    ) -> str:
        """Have the nodes hold an image of one of a part's programs, and return its name."""
        folder = self.binaries(part, wanted)
        made_of = programs.inputs_digest(self.settings, wanted)
        return self._held(
            name,
            hashing.digest(PARTS, [], made_of, base, user),
            lambda tag: self.builder.program(folder / name, tag, base, user),
        )

    def composed(
        self, name: str, inputs: Sequence[str], fill: Callable[[Path], None], **arguments: str
    ) -> str:
        """Have the nodes hold an image that a Dockerfile makes, and return its name.

        ``fill`` puts the Dockerfile and what it copies into a folder; it is asked where the engine
        has no image of the very ``inputs`` and build arguments.
        """

        def build(tag: str) -> None:
            context = self.builder.context(f"real-{name}")
            fill(context)
            self.builder.build(context, tag, arguments=arguments)

        return self._held(name, hashing.digest(PARTS, [], *inputs, *arguments.values()), build)

    def _held(self, name: str, digest: str, build: Callable[[str], None]) -> str:
        reference = f"{REPOSITORY}/real-{name}:{digest}"
        with self._alone(f"Image of {name}") as step:
            if not self.builder.image_id(reference):
                step.note("building")
                build(reference)
                self.builder.prune(f"{REPOSITORY}/real-{name}:*", keep=1)
            nodes = kindcluster.node_names(self.settings, self.builder.docker)
            images.load(self.builder, kindcluster.workers(nodes), [reference], step)
        return reference

    def rootfs(self, name: str, suite: str, packages: tuple[str, ...]) -> str:
        """Have the engine hold Debian's packages as an image, and return its name."""
        with self._alone(f"Debian's packages for {name}") as step:
            archive = debian.rootfs(
                self.settings, f"real-{name}", suite, packages, step, images.SLIM_HOOKS
            )
            return self.builder.imported(archive, f"real-{name}", step)

    def network_tools(self) -> str:
        """Have the engine hold the image of iptables and ipset that nodes have, and return it."""
        with self._alone("Network tools") as step:
            return nodeimage.network_tools(self.builder, step)

    def module(self, path: str, part: str) -> Path:
        """Return the folder of a module that a part's Go module requires."""
        return programs.module_folder(path, PARTS / part / "go")

    @contextmanager
    def installed(
        self, manifests: Sequence[Manifest], workloads: Sequence[tuple[str, str]] = ()
    ) -> Iterator[None]:
        """Apply manifests, wait for workloads (namespace, kind/name), and delete all at the end."""
        kinds = [one for one in manifests if is_definition(one)]
        try:
            if kinds:
                self.kube.kubectl(*APPLY, stdin=listed(kinds))
                names = [f"crd/{one['metadata']['name']}" for one in kinds]
                self.kube.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
            others = [one for one in manifests if not is_definition(one)]
            self.kube.kubectl(*APPLY, stdin=listed(others))
            for namespace, workload in workloads:
                wait = ("rollout", "status", workload, f"--timeout={ROLLOUT}")
                self.kube.kubectl("-n", namespace, *wait)
            yield
        finally:
            delete = ("delete", "--ignore-not-found", "-f", "-")
            self.kube.kubectl(*delete, stdin=listed(list(reversed(manifests))))

    @contextmanager
    def _alone(self, title: str) -> Iterator[Step]:
        """Lock the cache of `make up` while a step runs, and print the step."""
        with (self.settings.cache / "lock").open("ab") as lock, self._steps.step(title) as step:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield step


APPLY = ("apply", "--server-side", "--force-conflicts", "--field-manager=real-parts", "-f", "-")


def listed(manifests: Sequence[Manifest]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})


def is_definition(manifest: Manifest) -> bool:
    return bool(manifest["kind"] == "CustomResourceDefinition")


def definitions(folder: Path, pattern: str = "*.yaml") -> list[Manifest]:
    """Return the definitions of kinds in a folder of a module's files."""
    found = [
        manifest
        for file in sorted(folder.glob(pattern))
        for manifest in yaml.safe_load_all(file.read_text())
        if manifest and is_definition(manifest)
    ]
    if not found:
        raise ClusterError(f"{folder} defines no kind in {pattern}")
    return found
