"""Images that stores and the operator run from: pulled, built from Debian, or our own."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from cluster import debian, hashing
from cluster.builds import INPUTS_LABEL, Builder
from cluster.registry import Registry
from cluster.settings import PACKAGE, ROOT
from cluster.steps import Step

MYSQL_PACKAGES = ("mysql-server-core", "mysql-client-core", "util-linux")
PYTHON_PACKAGES = ("python3", "python3-venv", "ca-certificates", "media-types")
NGINX_PACKAGES = ("nginx-light",)
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# What a container of one program never reads; mmdebstrap gives the root as $1.
SLIM_HOOKS = ('rm -rf "$1"/var/cache/* "$1"/var/lib/apt/lists/* "$1"/var/log/*',)
# Images of our own that are kept for each target: going back to a commit of today costs no build.
KEPT = 3
SHARED = (ROOT / "Dockerfile", ROOT / "requirements-build.lock")


@dataclass(frozen=True)
class Images:
    """The names under which the cluster's nodes have what a store needs."""

    app: str
    operator: str
    mysql: str
    nginx: str

    def as_env(self) -> str:
        """Give KEY=value lines, as <cache>/images.env holds them."""
        named = (
            ("APP_IMAGE", self.app),
            ("OPERATOR_IMAGE", self.operator),
            ("MYSQL_IMAGE", self.mysql),
            ("NGINX_IMAGE", self.nginx),
        )
        return "".join(f"{variable}={image}\n" for variable, image in named)


def pinned_or_built(
    builder: Builder,
    registry: Registry,
    pinned: str,
    key: str,
    build: Callable[[str], None],
    step: Step,
) -> str:
    """Give an image under its short name: present, pulled by digest, or built by `build`.

    `pinned` is name:tag@digest. A built one carries `key` as a label and is built anew
    when that differs. Both are known by name:tag afterwards.
    """
    name = pinned.partition("@")[0]
    if builder.image_id(pinned) and builder.image_id(name):
        step.result(f"{name} is present")
    elif builder.label(name) == key:
        step.result(f"{name} is present, built from Debian's packages")
    elif registry.pull(pinned, step):
        builder.docker.run("tag", pinned, name)
        step.result(f"{name} pulled")
    else:
        build(name)
        step.result(f"{name} built from Debian's packages, since no registry answers")
    return name


def mysql(builder: Builder, registry: Registry, step: Step) -> str:
    """Give the image of MySQL."""
    versions = builder.settings.versions
    suite = versions["MYSQL_DEBIAN_SUITE"]
    files = PACKAGE / "mysql"
    key = hashing.digest(PACKAGE, [files], suite, *MYSQL_PACKAGES)

    def build(name: str) -> None:
        archive = debian.rootfs(builder.settings, "mysql", suite, MYSQL_PACKAGES, step, SLIM_HOOKS)
        rootfs = builder.imported(archive, "mysql", step)
        step.note("building")
        arguments, labels = {"ROOTFS": rootfs}, {INPUTS_LABEL: key}
        builder.build(files, name, arguments=arguments, labels=labels)

    return pinned_or_built(builder, registry, versions["MYSQL_IMAGE"], key, build, step)


def python(builder: Builder, registry: Registry, step: Step) -> str:
    """Give the base image of our own images."""
    links = " && ".join(
        f'ln -sf /usr/bin/python3 "$1"/usr/local/bin/{name}'
        for name in ("python", "python3", "python3.13")
    )
    # The host may trust an authority of its own, which pip meets during the build.
    trust = f'if [ -f {CA_BUNDLE} ]; then cp {CA_BUNDLE} "$1"{CA_BUNDLE}; fi'
    hooks = (*SLIM_HOOKS, links, trust)
    return pinned_or_packages(builder, registry, "python", PYTHON_PACKAGES, hooks, step)


def nginx(builder: Builder, registry: Registry, step: Step) -> str:
    """Give the image of NGINX, which leads to the services of compose."""
    return pinned_or_packages(builder, registry, "nginx", NGINX_PACKAGES, SLIM_HOOKS, step)


def pinned_or_packages(
    builder: Builder,
    registry: Registry,
    name: str,
    packages: tuple[str, ...],
    hooks: tuple[str, ...],
    step: Step,
) -> str:
    """Give an image that is nothing but packages of Debian where it cannot be pulled."""
    versions = builder.settings.versions
    suite = versions[f"{name.upper()}_DEBIAN_SUITE"]
    key = hashing.digest(PACKAGE, [], suite, *packages, *hooks)

    def build(reference: str) -> None:
        archive = debian.rootfs(builder.settings, name, suite, packages, step, hooks)
        step.note("importing the root file system")
        label = f"LABEL {INPUTS_LABEL}={key}"
        builder.docker.run("import", "--change", label, archive, reference)

    pinned = versions[f"{name.upper()}_IMAGE"]
    return pinned_or_built(builder, registry, pinned, key, build, step)


def own(builder: Builder, target: str, base: str, step: Step) -> str:
    """Give one of the two images of the Dockerfile, tagged by the content of its inputs."""
    base_id = builder.image_id(base) or base
    tag = f"bookstore/{target}:dev-{hashing.digest(ROOT, [*SHARED, ROOT / target], base_id)}"
    if builder.image_id(tag):
        step.result(f"{tag} is present")
        return tag
    step.note(f"building {tag}")
    context = builder.context("own")
    # The classic builder runs every stage that comes before the wanted one, so the context
    # always holds both sources; the tag says whose content it stands for.
    for file in hashing.files_under(*SHARED, ROOT / "app", ROOT / "operator"):
        copy = context / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
    builder.build(context, tag, target=target, arguments={"PYTHON_IMAGE": base})
    builder.prune(f"bookstore/{target}:dev-*", keep=KEPT)
    step.result(f"{tag} built")
    return tag


def load(builder: Builder, nodes: tuple[str, ...], references: list[str], step: Step) -> None:
    """Copy images to the nodes that do not have them yet."""
    missing = {node: lacking_on(builder, node, references) for node in nodes}
    wanted = sorted({reference for lacking in missing.values() for reference in lacking})
    if not wanted:
        step.result("all nodes have them")
        return
    archive = builder.settings.state / "load.tar"
    step.note(f"saving {', '.join(wanted)}")
    builder.save(wanted, archive)
    for node, lacking in missing.items():
        if lacking:
            step.note(f"loading into {node}")
            with archive.open("rb") as stream:
                builder.docker.feed(
                    stream, "exec", "-i", node,
                    "ctr", "-n", "k8s.io", "images", "import", "--no-unpack", "-",
                )  # fmt: skip
    archive.unlink()
    step.result(f"{len(wanted)} loaded")


def lacking_on(builder: Builder, node: str, references: list[str]) -> list[str]:
    """Give those images that a node's containerd does not know by their full name."""
    told = builder.docker.run("exec", node, "ctr", "-n", "k8s.io", "images", "list", "-q")
    present = set(told.split())
    return [reference for reference in references if full_name(reference) not in present]


def full_name(reference: str) -> str:
    """Give the name under which containerd keeps an image of Docker Hub."""
    host, slash, _ = reference.partition("/")
    if not slash:
        return f"docker.io/library/{reference}"
    return reference if "." in host or ":" in host else f"docker.io/{reference}"
