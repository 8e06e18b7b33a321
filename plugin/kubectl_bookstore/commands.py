"""What each command does: it reads or changes the cluster, prints, and returns an exit code."""

import os
import shutil
import time
import webbrowser
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from kubectl_bookstore import doctor as examination
from kubectl_bookstore.cluster import Cluster, store_path
from kubectl_bookstore.doctor import Scene
from kubectl_bookstore.errors import CommandError
from kubectl_bookstore.gather import gather
from kubectl_bookstore.objects import MICROSERVICES, SHOPS, STORES, Manifest, full_name, name
from kubectl_bookstore.release import refuse_while_an_operator_acts, release
from kubectl_bookstore.tree import tree

OPERATOR = "bookstore-operator"
OPERATOR_PODS = f"app.kubernetes.io/name={OPERATOR}"

Command = Callable[[Cluster, Namespace], int]


class Choice(NamedTuple):
    """A command, and what its help says."""

    run: Command
    help: str


def status(cluster: Cluster, asked: Namespace) -> int:
    """Print stores as trees; 1 where one of them is not ready."""
    found = _chosen(cluster, asked)
    print("\n\n".join(tree(store) for store in found))
    return 0 if all(_is_ready(store) for store in found) else 1


def doctor(cluster: Cluster, asked: Namespace) -> int:
    """Print what blocks stores, and the fix; 1 where anything does."""
    ill = False
    for store in _chosen(cluster, asked):
        findings = examination.examine(_scene(cluster, store, asked.operator_namespace))
        ill = ill or bool(findings)
        if not findings:
            print(f"{full_name(store)}: nothing blocks it.")
        for finding in findings:
            print(f"{full_name(store)}: {finding.what}\n    {finding.fix}")
    return 1 if ill else 0


def pause(cluster: Cluster, asked: Namespace) -> int:
    """Let the operator leave a store as it is."""
    return _set_state(cluster, asked, "Paused", "the operator leaves it as it is")


def resume(cluster: Cluster, asked: Namespace) -> int:
    """Let the operator act on a store again."""
    return _set_state(cluster, asked, "Running", "the operator acts on it again")


def hibernate(cluster: Cluster, asked: Namespace) -> int:
    """Let a store run no pods, and keep its data."""
    return _set_state(cluster, asked, "Hibernated", "its pods go, its data stay")


def open_store(cluster: Cluster, asked: Namespace) -> int:
    """Print a store's URL, and open it in a browser."""
    store = cluster.store(_namespace(cluster, asked), asked.name)
    url = store.get("status", {}).get("url")
    if not url:
        raise CommandError(
            f"{full_name(store)} has no URL yet; `kubectl bookstore doctor {asked.name}` says why"
        )
    print(url)
    if not asked.print:
        webbrowser.open(url)
    return 0


def logs(cluster: Cluster, asked: Namespace) -> int:
    """Become `kubectl logs` of all pods of the shop, or of the operator's lines on it."""
    namespace = _namespace(cluster, asked)
    cluster.store(namespace, asked.name)
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise CommandError("kubectl is not on the PATH; install it, or add it there")
    selector = f"app.kubernetes.io/instance={asked.name},app.kubernetes.io/component"
    selector += f" in ({','.join(SHOPS)})"
    options = {"--kubeconfig": asked.kubeconfig, "--context": asked.context, "--tail": asked.tail}
    arguments = [kubectl, "logs", "-n", namespace, "-l", selector, "--prefix"]
    arguments += ["--max-log-requests=50"]
    arguments += [f"{flag}={value}" for flag, value in options.items() if value is not None]
    arguments += ["--follow"] if asked.follow else []
    arguments += ["--previous"] if asked.previous else []
    os.execv(kubectl, arguments)  # noqa: S606 - it becomes kubectl


def must_gather(cluster: Cluster, asked: Namespace) -> int:
    """Write manifests, events and logs into a tar, without secrets."""
    places = [_namespace(cluster, asked)]
    if asked.all_namespaces:
        places = sorted({store["metadata"]["namespace"] for store in cluster.stores()})
    if asked.operator_namespace not in places:
        places.append(asked.operator_namespace)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    to = Path(asked.output or f"bookstore-must-gather-{stamp}.tar.gz")
    missing = gather(cluster, places, to)
    print(f"{to} has {', '.join(places)}; secrets are taken out.")
    if missing:
        print(f"{len(missing)} things could not be read; missing.txt in it says which.")
    return 0


def let_go(cluster: Cluster, asked: Namespace) -> int:
    """Take our finalizers off what is being deleted, where no operator is there to do it."""
    namespace, operators = _namespace(cluster, asked), quote(asked.operator_namespace)
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{operators}/leases/{OPERATOR}"
    refuse_while_an_operator_acts(cluster.get(lease))
    released = list(release(cluster, namespace))
    print("\n".join(f"{one} let go" for one in released) or f"Nothing hangs in {namespace}.")
    return 0


def backup(cluster: Cluster, asked: Namespace) -> int:
    """Ask for a backup of a store now."""
    store = cluster.store(_namespace(cluster, asked), asked.name)
    called = f"{asked.name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    return _make(cluster, store, "BookStoreBackup", called, {"store": asked.name})


def restore(cluster: Cluster, asked: Namespace) -> int:
    """Ask for a store's data of a backup: that of a BookStoreBackup, or one by its own name."""
    namespace = _namespace(cluster, asked)
    store = cluster.store(namespace, asked.name)
    called = f"{asked.name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    made = cluster.get(
        f"{STORES}/namespaces/{quote(namespace)}/bookstorebackups/{quote(asked.backup)}"
    )
    source = {"bookStoreBackup" if made else "name": asked.backup}
    spec: Manifest = {"store": asked.name, "backup": source, "replace": asked.replace}
    if asked.from_store:
        spec["fromStore"] = asked.from_store
    if asked.from_s3:
        spec["s3"] = _bucket(cluster, store, asked.from_store)
    return _make(cluster, store, "BookStoreRestore", called, spec)


def rollback(cluster: Cluster, asked: Namespace) -> int:
    """Set the last image that was good before the one of now."""
    store = cluster.store(_namespace(cluster, asked), asked.name)
    service = _service(store, asked.service)
    image = asked.image or _before(store, service)
    chosen: Manifest = {"image": image}
    _change(cluster, store, {"services": {service: chosen}} if service else chosen)
    what = f"{service} of {full_name(store)}" if service else full_name(store)
    print(f"{what} goes back to {image}; see `kubectl bookstore status {asked.name}`.")
    return 0


COMMANDS: dict[str, Choice] = {
    "status": Choice(status, "a store as a tree of conditions, with reasons and messages"),
    "doctor": Choice(doctor, "find what blocks a store, and the fix"),
    "open": Choice(open_store, "print a store's URL and open it in a browser"),
    "logs": Choice(logs, "the logs of all pods of a store"),
    "pause": Choice(pause, "let the operator leave a store as it is"),
    "resume": Choice(resume, "let the operator act on a store again, also on a hibernated one"),
    "hibernate": Choice(hibernate, "let a store run no pods, and keep its data"),
    "rollback": Choice(rollback, "set the last good image before the one of now"),
    "backup": Choice(backup, "back a store up now"),
    "restore": Choice(restore, "bring a backup's data back into a store"),
    "must-gather": Choice(must_gather, "manifests, events and logs as a tar, without secrets"),
    "release": Choice(let_go, "let go what is being deleted, where the operator is gone for good"),
}


def _namespace(cluster: Cluster, asked: Namespace) -> str:
    return asked.namespace or cluster.namespace


def _chosen(cluster: Cluster, asked: Namespace) -> list[Manifest]:
    """Return the store that is named, or all of the namespace, or of all namespaces."""
    namespace = _namespace(cluster, asked)
    if asked.name:
        return [cluster.store(namespace, asked.name)]
    found = cluster.stores("" if asked.all_namespaces else namespace)
    if not found:
        where = "in any namespace" if asked.all_namespaces else f"in namespace {namespace}"
        raise CommandError(f"There is no BookStore {where}; -A looks in all namespaces")
    return found


def _is_ready(store: Manifest) -> bool:
    told = store.get("status", {}).get("conditions", [])
    return any((one["type"], one["status"]) == ("Ready", "True") for one in told)


def _scene(cluster: Cluster, store: Manifest, operators: str) -> Scene:
    namespace = store["metadata"]["namespace"]
    selector = f"app.kubernetes.io/instance={name(store)}"
    where = f"/api/v1/namespaces/{quote(operators)}/pods"
    pods = cluster.items(f"/api/v1/namespaces/{quote(namespace)}/pods", labelSelector=selector)
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{quote(operators)}/leases/{OPERATOR}"
    try:
        running = cluster.items(where, labelSelector=OPERATOR_PODS)
        held = cluster.get(lease)
    except CommandError:  # who cares for a store need not see the operator
        return Scene(store, pods)
    return Scene(store, pods, held, running)


def _set_state(cluster: Cluster, asked: Namespace, state: str, what: str) -> int:
    store = cluster.store(_namespace(cluster, asked), asked.name)
    _change(cluster, store, {"state": state})
    print(f"{full_name(store)} is {state}: {what}.")
    return 0


def _change(cluster: Cluster, store: Manifest, spec: Manifest) -> None:
    cluster.merge(store_path(store["metadata"]["namespace"], name(store)), {"spec": spec})


def _make(cluster: Cluster, store: Manifest, kind: str, called: str, spec: Manifest) -> int:
    namespace = store["metadata"]["namespace"]
    plural = f"{kind.lower()}s"
    served = cluster.get(STORES) or {}
    if plural not in {one["name"] for one in served.get("resources", [])}:
        raise CommandError(
            f"This cluster's operator knows no {kind}; update it, or see docs/how-to/back-up.md"
        )
    body = {
        "apiVersion": "bookstore.dev/v1",
        "kind": kind,
        "metadata": {"name": called, "namespace": namespace},
        "spec": spec,
    }
    cluster.create(f"{STORES}/namespaces/{quote(namespace)}/{plural}", body)
    print(f"{kind} {namespace}/{called} made; `kubectl -n {namespace} get {plural}` follows it.")
    return 0


def _bucket(cluster: Cluster, store: Manifest, other: str | None) -> Manifest:
    """Return the bucket of the store that the backup is of, or else that of the store itself.

    Raises:
        CommandError: Neither has one.
    """
    path = store_path(store["metadata"]["namespace"], other) if other else None
    theirs, own = _bucket_of(cluster.get(path) if path else None), _bucket_of(store)
    if theirs:
        return theirs
    if own:
        # Another store's folder is another one.
        return {name: value for name, value in own.items() if not (other and name == "prefix")}
    raise CommandError(
        f"{full_name(store)} has no spec.backup.s3; name the bucket in a BookStoreRestore of your "
        "own, see docs/how-to/restore.md"
    )


def _bucket_of(store: Manifest | None) -> Manifest | None:
    found: Manifest | None = ((store or {}).get("spec", {}).get("backup") or {}).get("s3")
    return found


def _service(store: Manifest, named: str | None) -> str | None:
    """Return the service that is to go back; None where the shop runs as one.

    Raises:
        CommandError: Another one is to be named, or none.
    """
    if store["spec"].get("topology") != MICROSERVICES:
        if named:
            raise CommandError(f"{full_name(store)} runs as one; leave --service out")
        return None
    if named is None:
        raise CommandError(
            f"{full_name(store)} runs as services; name one by --service auth, catalogue or orders"
        )
    return named


def _before(store: Manifest, service: str | None) -> str:
    """Return the image of the newest entry of the history that is not the one of now.

    Raises:
        CommandError: There is none.
    """
    spec, told = store["spec"], store.get("status", {})
    now, of = spec.get("image"), ""
    if service:
        now = ((spec.get("services") or {}).get(service) or {}).get("image") or now
        told = next((one for one in told.get("services", []) if one["name"] == service), {})
        of = f" of {service}"
    for entry in reversed(told.get("history", [])):
        if entry.get("image") not in (None, now):
            return str(entry["image"])
    raise CommandError(
        f"{full_name(store)} has no other image in its history{of}; name one by --image"
    )
