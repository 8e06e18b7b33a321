"""Find what blocks a store, and say what to do: from its conditions, its pods and the operator."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kubectl_bookstore.objects import Condition, Manifest, condition, conditions, is_behind, name
from kubectl_bookstore.reasons import fix

LEASE_IS_STALE = timedelta(seconds=60)
RUNNING = "Running"
PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName"})


class Finding(NamedTuple):
    """What stands in the way of a store, in the words of who knows it, and what helps."""

    what: str
    fix: str


@dataclass(frozen=True)
class Scene:
    """What the doctor looks at.

    Attributes:
        store: The BookStore.
        pods: The store's pods.
        lease: The operator's Lease, or None where there is none, or none may be read.
        operators: The operator's pods, or None where they may not be read.
        now: The time.
    """

    store: Manifest
    pods: Sequence[Manifest] = ()
    lease: Manifest | None = None
    operators: Sequence[Manifest] | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


def examine(scene: Scene) -> list[Finding]:
    """Return what blocks a store, causes before what follows from them."""
    return [*_operator(scene), *_wishes(scene), *_conditions(scene), *_pods(scene)]


def _operator(scene: Scene) -> Iterator[Finding]:
    if scene.operators is None:
        return
    if not scene.operators:
        yield Finding(
            "No pod of the operator runs: nobody cares for the store.",
            "Install it by `kubectl apply -k .`, or scale it up: `kubectl -n bookstore-system "
            "scale deployment bookstore-operator --replicas=2`. Where it is gone for good and the "
            "store hangs, see docs/how-to/uninstall.md.",
        )
        return
    renewed = _renewed(scene.lease)
    if renewed is None or scene.now - renewed > LEASE_IS_STALE:
        since = f"since {renewed:%Y-%m-%d %H:%M:%S} UTC" if renewed else "yet"
        yield Finding(
            f"No operator has acted {since}: the Lease bookstore-operator is not renewed.",
            "See `kubectl -n bookstore-system logs -l app.kubernetes.io/name=bookstore-operator` "
            "and docs/runbooks/BookStoreNoLeader.md.",
        )


def _renewed(lease: Manifest | None) -> datetime | None:
    """Return when the Lease was renewed last, where somebody holds it."""
    spec = (lease or {}).get("spec", {})
    if not spec.get("holderIdentity") or "renewTime" not in spec:
        return None
    return datetime.fromisoformat(str(spec["renewTime"]))


def _wishes(scene: Scene) -> Iterator[Finding]:
    """Find what the store's own spec wants, and people forget."""
    store = scene.store
    state = store["spec"].get("state", RUNNING)
    if state != RUNNING:
        yield Finding(f"spec.state is {state}: the store is left so by intent.", fix(state))
    if store["spec"].get("replicas") == 0:
        yield Finding(
            "spec.replicas is 0: the store is meant to serve nobody.",
            "Raise it: `kubectl scale bookstore "
            f"{name(store)} -n {store['metadata']['namespace']} --replicas=2`.",
        )
    for service, own in (store["spec"].get("services") or {}).items():
        if own.get("replicas") == 0:
            yield Finding(
                f"spec.services.{service}.replicas is 0: that part of the shop rests.",
                f"Raise it: `kubectl edit bookstore {name(store)} -n "
                f"{store['metadata']['namespace']}`.",
            )
    if not conditions(store):
        yield Finding("The operator has said nothing of the store yet.", "Wait some seconds.")
    elif is_behind(store):
        yield Finding("The operator has not judged the last edit yet.", "Wait some seconds.")


def _conditions(scene: Scene) -> Iterator[Finding]:
    """Find what the conditions say; parts that merely wait for another follow from that one."""
    meant = scene.store["spec"].get("state", RUNNING)
    ill = [one for one in conditions(scene.store) if one.is_trouble and one.reason != meant]
    told = [one for one in ill if not one.only_waits]
    parts = [one for one in told if one.is_part]
    said = {one.reason for one in parts}
    summary = condition(scene.store, "Degraded") or condition(scene.store, "Ready")
    if summary in told and summary.reason not in said:
        parts.insert(0, summary)
    ready = condition(scene.store, "Ready")
    if not parts and ready in ill:
        parts = [ready]
    for one in parts:
        yield Finding(_said(one), fix(one.reason))


def _said(one: Condition) -> str:
    return f"{one.type} is {one.status}, {one.reason}: {one.message}"


def _pods(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        status = pod.get("status", {})
        for one in status.get("conditions", []):
            if (one["type"], one["status"]) == ("PodScheduled", "False"):
                yield Finding(
                    f"Pod {name(pod)} finds no node: {one.get('message', '')}",
                    "Make room: add nodes, or lower what the store's pods ask for.",
                )
        for container in [
            *status.get("initContainerStatuses", []),
            *status.get("containerStatuses", []),
        ]:
            yield from _container(pod, container)


def _container(pod: Manifest, container: Manifest) -> Iterator[Finding]:
    waiting = container.get("state", {}).get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in PULL:
        yield Finding(
            f"Pod {name(pod)} cannot pull {container.get('image', 'its image')}: {message}",
            "Correct spec.image, spec.imagePullSecrets, or the nodes' access to the registry.",
        )
    elif reason == "CrashLoopBackOff":
        ended = container.get("lastState", {}).get("terminated", {})
        how = ended.get("reason", "Error")
        yield Finding(
            f"Container {container['name']} of pod {name(pod)} keeps ending ({how}, exit code "
            f"{ended.get('exitCode', '?')}, {container.get('restartCount', 0)} restarts).",
            "Raise spec.resources.limits.memory."
            if how == "OOMKilled"
            else "Its last words: `kubectl bookstore logs --previous`.",
        )
    elif reason == "CreateContainerConfigError":
        yield Finding(f"Pod {name(pod)} cannot start: {message}", fix("SecretNotFound"))
