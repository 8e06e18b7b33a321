"""Putting the operator and the sample store onto a cluster."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cluster.errors import ClusterError
from cluster.images import Images
from cluster.kindcluster import Cluster
from cluster.settings import ROOT
from cluster.steps import Step
from cluster.waiting import until

NAMESPACE = STORE = "bookstore"
MONOLITH, MICROSERVICES = TOPOLOGIES = ("Monolith", "Microservices")
DEMO_BOOKS = 20
STORE_SECONDS = 300
ANSWER_SECONDS = 30
OPERATOR_NAMESPACE = "bookstore-system"


def operator(
    cluster: Cluster, images: Images, step: Step, root: Path = ROOT, selector: str = ""
) -> None:
    """Install the CRDs and the operator of a checkout, and wait until it runs.

    Where a label selector is given, what has those labels alone.
    """
    name, _, tag = images.operator.partition(":")
    base = relative(cluster, "operator", root / "manifests" / "overlays" / "local")
    apply_overlay(
        cluster,
        "operator",
        {"resources": [base], "images": [{"name": name, "newTag": tag}]},
        step,
        *(("--selector", selector) if selector else ()),
    )
    cluster.kubectl("wait", "--for=condition=Established", "crd/bookstores.bookstore.dev")
    step.note("waiting for the operator")
    cluster.wait_rolled_out(OPERATOR_NAMESPACE, "deployment/bookstore-operator", 120)
    step.result(images.operator)


def sample(cluster: Cluster, images: Images, step: Step, topology: str | None = None) -> None:
    """Apply the sample store with our images, and wait until it is Ready, telling why not yet.

    Without a topology it stays as it runs, and is a Monolith the first time; with another one it
    moves there.

    Raises ClusterError with the store's own reason when it is not Ready after 5 minutes.
    """
    chosen = topology or _running_topology(cluster) or MONOLITH
    base = relative(cluster, "sample", ROOT / "manifests" / "samples" / "local")
    patch = json.dumps(changes(images, chosen))
    apply_overlay(
        cluster,
        "sample",
        {
            "resources": [base],
            "patches": [{"target": {"kind": "BookStore"}, "patch": patch}],
        },
        step,
    )

    def ask() -> dict[str, Any] | None:
        told = cluster.kubectl("-n", NAMESPACE, "get", "bookstore", STORE, "-o", "json")
        store: dict[str, Any] = json.loads(told)
        if is_ready(store):
            return store
        step.note(why_not(store))
        return None

    store = until(ask, STORE_SECONDS)
    if store is None:
        raise ClusterError(
            f"The store is not Ready after {STORE_SECONDS} s ({step.detail}); "
            f"see `kubectl -n {NAMESPACE} describe bookstore {STORE}`."
        )
    step.result(f"Ready, {store['status'].get('url', 'no URL')}")


def changes(images: Images, topology: str) -> list[dict[str, object]]:
    """Give the JSON patch that makes the sample a store of our images and of a topology."""
    image: dict[str, object] = {"op": "replace", "path": "/spec/image", "value": images.app}
    if topology == MONOLITH:
        return [image]
    gateway = {"image": images.nginx, "replicas": 1}
    # One pod each, since six would want more memory than the whole shop's two do.
    wanted = {"replicas": 1, "topology": topology, "services": {"gateway": gateway}}
    return [
        image,
        *({"op": "add", "path": f"/spec/{name}", "value": value} for name, value in wanted.items()),
    ]


def _running_topology(cluster: Cluster) -> str | None:
    told = cluster.attempt(
        "-n", NAMESPACE, "get", "bookstore", STORE, "-o", "jsonpath={.spec.topology}"
    )
    if told.returncode != 0:
        return None
    return told.stdout.strip() or MONOLITH


def is_ready(store: dict[str, object]) -> bool:
    """Tell whether a BookStore says that its present generation is Ready."""
    generation = _section(store, "metadata").get("generation")
    ready = condition(store, "Ready")
    return ready.get("status") == "True" and ready.get("observedGeneration") == generation


def why_not(store: dict[str, object]) -> str:
    """Give the first part of a store that is not well, as `Type Reason: message`."""
    conditions = _section(store, "status").get("conditions")
    listed = conditions if isinstance(conditions, list) else []
    summaries = ("Ready", "Available", "Progressing", "Degraded")
    parts = [one for one in listed if one["type"] not in summaries]
    for one in [*parts, condition(store, "Ready")]:
        if one and one.get("status") != "True":
            return f"{one['type']} {one['reason']}: {one['message']}"
    return "the operator has not told its state yet"


def condition(store: dict[str, object], kind: str) -> dict[str, object]:
    """Give a condition of a store by its type, an empty one where it is not told."""
    conditions = _section(store, "status").get("conditions")
    for one in conditions if isinstance(conditions, list) else []:
        if one["type"] == kind:
            return dict(one)
    return {}


def _section(store: dict[str, object], name: str) -> dict[str, object]:
    section = store.get(name)
    return section if isinstance(section, dict) else {}


def seed(cluster: Cluster, step: Step) -> None:
    """Put the demonstration's books into the sample store; a second time changes nothing."""
    books = ("--books", str(DEMO_BOOKS))
    if _running_topology(cluster) == MICROSERVICES:
        sellers = _seed(cluster, "auth").splitlines()
        _seed(cluster, "catalogue", *books, *(f"--seller={each}" for each in sellers))
    else:
        _seed(cluster, None, *books)
    step.result(f"{DEMO_BOOKS} books")


def _seed(cluster: Cluster, service: str | None, *options: str) -> str:
    name = f"deployment/{STORE}" + (f"-{service}" if service else "")
    return cluster.kubectl("-n", NAMESPACE, "exec", name, "--", "bookstore", "seed", *options)


def check(url: str, step: Step) -> None:
    """Wait until the catalogue answers 200; raises ClusterError after 30 s."""

    def ask() -> int | None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310, our own http:// URL
                return int(answer.status)
        except (urllib.error.URLError, OSError) as error:
            step.note(str(error))
            return None

    status = until(ask, ANSWER_SECONDS)
    if status is None:
        raise ClusterError(f"{url} does not answer ({step.detail}); run `make up` again.")
    step.result(f"{url} answers {status}")


def apply_overlay(
    cluster: Cluster, name: str, kustomization: dict[str, object], step: Step, *flags: str
) -> None:
    """Write a kustomization into the cache and apply it on the server's side."""
    step.note("applying manifests")
    folder = _overlay(cluster, name)
    folder.mkdir(parents=True, exist_ok=True)
    header = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (folder / "kustomization.yaml").write_text(json.dumps({**header, **kustomization}, indent=2))
    cluster.apply("-k", folder, *flags)


def relative(cluster: Cluster, name: str, base: Path) -> str:
    """Give the path of a kustomization as another one in the cache must state it."""
    return os.path.relpath(base, _overlay(cluster, name))


def _overlay(cluster: Cluster, name: str) -> Path:
    return cluster.settings.state / name
