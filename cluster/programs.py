"""Go programs: kind, kubectl, and what nodes and stand-ins run, built from pinned modules.

The modules' versions are in go/go.mod, go/metrics-server/go.mod, go/kwok/go.mod and
go/compose/go.mod; metrics-server, KWOK and compose have modules of their own because they need
another Kubernetes API than the cluster's.
"""

import json
import platform
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster import hashing, shell
from cluster.errors import ClusterError
from cluster.settings import PACKAGE, ROOT, Settings
from cluster.steps import Step

MODULE = PACKAGE / "go"
METRICS_MODULE = MODULE / "metrics-server"
KWOK_MODULE = MODULE / "kwok"
COMPOSE_MODULE = MODULE / "compose"


@dataclass(frozen=True)
class Cut:
    """A package of a module, of which a program needs no more than a file of ours does."""

    module: str
    package: str
    file: Path


@dataclass(frozen=True)
class Program:
    """A Go package and the name that its binary gets.

    `alone`: it cannot be compiled in one go with others of its module. `stamp`: the variable
    that holds its version, and the key of that version in versions.env. `cut`: what is left
    out of it. `tags`: build constraints that its files ask for.
    """

    name: str
    package: str
    module: Path = MODULE
    alone: bool = False
    stamp: tuple[str, str] | None = None
    cut: Cut | None = None
    tags: tuple[str, ...] = ()

    @property
    def built_as(self) -> str:
        """Give the name that `go build` chooses: the last element that is no version."""
        parts = self.package.split("/")
        return parts[-2] if parts[-1].startswith("v") and parts[-1][1:].isdigit() else parts[-1]


def _kubernetes(*names: str) -> tuple[Program, ...]:
    return tuple(Program(name, f"k8s.io/kubernetes/cmd/{name}") for name in names)


CONTROL_PLANE = _kubernetes("kube-apiserver", "kube-controller-manager", "kube-scheduler")
NODE_TOOLS = _kubernetes("kubelet", "kubeadm", "kubectl")
KUBE_PROXY = _kubernetes("kube-proxy")[0]
ETCD = Program("etcd", "go.etcd.io/etcd/server/v3")
COREDNS = Program("coredns", "./coredns")
PAUSE = Program("pause", "./pause")
PODNET = Program("podnet", "./podnet")
# It imports logrus by the capitalised path of old, the kubelet by the new one, and Go
# refuses two paths that differ in case only within one command.
LOCAL_PATH = Program(
    "local-path-provisioner", "github.com/rancher/local-path-provisioner", alone=True
)
EFS_CSI = Program("efs-csi", "./efs-csi")
METALLB_CONTROLLER = Program("metallb-controller", "go.universe.tf/metallb/controller")
METALLB_SPEAKER = Program("metallb-speaker", "go.universe.tf/metallb/speaker")
METRICS_SERVER = Program(
    "metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server", METRICS_MODULE
)
KWOK = Program("kwok", "sigs.k8s.io/kwok/cmd/kwok", KWOK_MODULE)
COMPOSE = Program(
    "docker-compose",
    "github.com/docker/compose/v2/cmd",
    COMPOSE_MODULE,
    stamp=("github.com/docker/compose/v2/internal.Version", "COMPOSE_VERSION"),
)

TOOLS = (Program("kind", "sigs.k8s.io/kind"), *_kubernetes("kubectl"))
NODE = (*CONTROL_PLANE, *NODE_TOOLS, KUBE_PROXY, ETCD, COREDNS, PAUSE, PODNET, LOCAL_PATH)
STANDINS = (EFS_CSI, METALLB_CONTROLLER, METALLB_SPEAKER, METRICS_SERVER)


def linker_flags(version: str) -> str:
    """Give the flags that stamp a Kubernetes version such as v1.35.4: kubeadm compares them."""
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "0" * 40,
        "buildDate": "1970-01-01T00:00:00Z",
    }
    package = "k8s.io/component-base/version"
    return " ".join(["-s -w", *(f"-X {package}.{key}={value}" for key, value in stamps.items())])


def stamped(settings: Settings, programs: Iterable[Program]) -> str:
    """Give the linker's flags for programs of one batch."""
    stamps = [program.stamp for program in programs if program.stamp]
    own = (f"-X {variable}={settings.versions[key]}" for variable, key in stamps)
    return " ".join([linker_flags(settings.versions["KUBERNETES_VERSION"]), *own])


def inputs_digest(settings: Settings, programs: Iterable[Program]) -> str:
    """Give the hash of all that the binaries are made of, the compiler left out."""
    wanted = tuple(programs)
    paths: set[Path] = set()
    for program in wanted:
        paths |= {program.module / "go.mod", program.module / "go.sum"}
        if program.package.startswith("./"):
            paths.add(program.module / program.package)
        if program.cut:
            paths.add(program.cut.file)
    # Modules of the tests lie elsewhere in the repository.
    root = PACKAGE if all(path.is_relative_to(PACKAGE) for path in paths) else ROOT
    return hashing.digest(
        root,
        sorted(paths),
        settings.versions["KUBERNETES_VERSION"],
        platform.machine(),
        *(program.name for program in wanted),
        *(tag for program in wanted for tag in program.tags),
    )


def build(settings: Settings, group: str, programs: tuple[Program, ...], step: Step) -> Path:
    """Build a group of programs into a folder of the cache and give that folder.

    Nothing is built when the folder is there: its name holds the hash of the inputs, and
    it gets that name only once it is complete. Folders of older inputs are removed.
    """
    wanted = f"{group}-{inputs_digest(settings, programs)}"
    folder = settings.cache / "go" / wanted
    if folder.is_dir():
        step.result("present")
        return folder
    require_go()
    partial = folder.with_name(f".{wanted}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    compiled = 0

    def count(line: str) -> None:
        nonlocal compiled
        compiled += 1
        step.note(f"{compiled} packages compiled, now {line.rsplit(' ', 1)[-1]}")

    for members in batches(programs):
        step.note("fetching Go modules")
        shell.stream(
            "go", "build", "-v", "-o", f"{partial}/",
            "-ldflags", stamped(settings, members),
            *(("-tags", ",".join(members[0].tags)) if members[0].tags else ()),
            *cutting(members[0], settings.cache / "go" / f".{group}.cut"),
            *(program.package for program in members),
            log=settings.cache / "logs" / f"go-{group}.log",
            on_line=count,
            cwd=members[0].module,
            env={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
        )  # fmt: skip
        for program in members:
            (partial / program.built_as).rename(partial / program.name)
    partial.rename(folder)
    for old in folder.parent.glob(f"{group}-*"):
        if old != folder:
            shutil.rmtree(old)
    step.result(f"{len(programs)} built, {compiled} packages compiled")
    return folder


def cutting(program: Program, folder: Path) -> list[str]:
    """Give the flag for `go build` that leaves out what a program does not need, where there is.

    The module of the package is copied into `folder`, where our file stands for the package, and
    a copy of the program's go.mod leads to it: Go replaces no file in its own cache.
    """
    if program.cut is None:
        return []
    shutil.rmtree(folder, ignore_errors=True)
    source = module_folder(program.cut.module, program.module)
    copy = folder / "module"
    shutil.copytree(source, copy, copy_function=shutil.copyfile)
    for made in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        made.chmod(0o755)
    package = copy / program.cut.package
    for file in package.glob("*.go"):
        file.unlink()
    shutil.copyfile(program.cut.file, package / program.cut.file.name)
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(program.module / name, folder / name)
    replace = f"-replace={program.cut.module}={copy}"
    shell.run("go", "mod", "edit", replace, folder / "go.mod")
    return [f"-modfile={folder / 'go.mod'}"]


def batches(programs: Iterable[Program]) -> list[list[Program]]:
    """Part programs into those that one `go build` can take together."""
    parted: dict[tuple[Path, str, tuple[str, ...]], list[Program]] = {}
    for program in programs:
        own = program.name if program.alone or program.cut else ""
        key = (program.module, own, program.tags)
        parted.setdefault(key, []).append(program)
    return list(parted.values())


def require_go() -> None:
    """Raise ClusterError unless a Go toolchain is on PATH."""
    if shutil.which("go") is None:
        raise ClusterError(
            "go is not on PATH; install Go 1.26 or newer (https://go.dev/dl) and try again."
        )


def link_tools(settings: Settings, folder: Path) -> None:
    """Let <cache>/bin name the folder of kind and kubectl that is in use."""
    link, fresh = settings.cache / "bin", settings.cache / ".bin.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder)
    fresh.replace(link)


def module_folder(path: str, module: Path = MODULE) -> Path:
    """Give the folder in Go's module cache where a required module's files lie.

    Fetches the module when it is not there; raises ClusterError when that fails.
    """
    told = shell.run("go", "mod", "download", "-json", path, cwd=module, env={"GOWORK": "off"})
    return Path(json.loads(told)["Dir"])
