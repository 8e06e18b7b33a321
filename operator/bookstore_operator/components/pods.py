"""Explain from its pods why a workload is not ready."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.engine.root import INSTANCE_LABEL, Root
from bookstore_operator.engine.verdict import Verdict, failed
from bookstore_operator.kube.objects import Manifest, is_terminating
from bookstore_operator.store import COMPONENT_LABEL

IMAGE_PULL_FAILED = Reason(
    "ImagePullFailed",
    "A node cannot pull an image.",
    fix=(
        "Correct the image that the message names, or the nodes' access to the registry; the old "
        "pods serve."
    ),
)
PODS_NOT_READY = Reason(
    "PodsNotReady",
    "Fewer pods are ready than wanted.",
    fix="Look at the pods by `kubectl describe pod` and `kubectl bookstore logs`.",
)
REASONS = (IMAGE_PULL_FAILED, PODS_NOT_READY)

PULL_FAILURES = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
)
PATIENCE = 120.0
"""Seconds that the scheduler may need, while volumes are bound and an autoscaler adds nodes."""

EXPLAINED_AFTER = 2.0
"""Seconds that a component is not ready before its pods are listed; most are ready by then."""

START_FAILURES = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)


def explain(pods: list[Manifest], image: str, field: str, now: datetime) -> Verdict | None:
    """Return why pods do not get ready, where they tell it; None where they do not.

    Args:
        pods: The pods of one workload.
        image: The image that is wanted; pods of another one are left out, since they are on
            their way out or serve on.
        field: The field of the spec that names the image; other containers are a person's own.
        now: The time, to give the scheduler a while.

    Source: Kubernetes, "Pod Lifecycle", container states; ``k8s.io/kubernetes/pkg/kubelet/images``.
    """
    for pod in pods:
        if is_terminating(pod) or image not in _images(pod):
            continue
        own = pod["spec"]["containers"][0].get("name")
        for status in _containers(pod):
            named = (
                field if status["name"] == own else f"spec.podTemplate, container {status['name']}"
            )
            verdict = _explain_container(pod, status, named)
            if verdict:
                return verdict
        verdict = _explain_scheduling(pod, now)
        if verdict:
            return verdict
    return None


def wants_explanation(
    root: Root, condition: ConditionType, now: datetime, after: float = EXPLAINED_AFTER
) -> bool:
    """Return whether a component was not ready for so long that what it made is looked at."""
    current = root.condition(condition)
    if current is None or current.status == "True":
        return False
    since = datetime.fromisoformat(current.last_transition_time)
    return (now - since).total_seconds() >= after


def termination(pods: list[Manifest]) -> dict[str, Any]:
    """Return the JSON that the pod which ended last left behind; empty where there is none.

    Source: Kubernetes, "Determine the Reason for Pod Failure".
    """
    try:
        message = json.loads(_ended_last(pods).get("message") or "null")
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def exit_code(pods: list[Manifest]) -> int | None:
    """Return the exit code of the container that ended last; None where none has ended."""
    code = _ended_last(pods).get("exitCode")
    return None if code is None else int(code)


def _ended_last(pods: list[Manifest]) -> Manifest:
    """Return the state of the container that ended last; empty where none has ended."""
    ended = [
        terminated
        for pod in pods
        for status in _containers(pod)
        for state in ("state", "lastState")
        if (terminated := status.get(state, {}).get("terminated"))
    ]
    key = ("finishedAt", "message")
    return max(ended, key=lambda one: [one.get(name) or "" for name in key], default={})


def _explain_container(pod: Manifest, status: Manifest, field: str) -> Verdict | None:
    waiting = status.get("state", {}).get("waiting") or {}
    reason, image = waiting.get("reason"), status.get("image")
    if reason in PULL_FAILURES:
        return failed(
            IMAGE_PULL_FAILED,
            f"image {image} cannot be pulled; correct {field}, push it, or give the nodes "
            "access to its registry",
        )
    if reason in START_FAILURES:
        return failed(
            PODS_NOT_READY,
            f"a container cannot be started: {_sentence(waiting.get('message', reason))}",
        )
    if reason == "CrashLoopBackOff":
        ended = status.get("lastState", {}).get("terminated") or {}
        return failed(
            PODS_NOT_READY,
            f"container {status['name']} of image {image} ends again and again with exit code "
            f"{ended.get('exitCode')}; see kubectl logs -n {pod['metadata']['namespace']} "
            f"-l {_selector(pod)} --previous",
        )
    return None


def _explain_scheduling(pod: Manifest, now: datetime) -> Verdict | None:
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] != "PodScheduled" or condition["status"] != "False":
            continue
        since = datetime.fromisoformat(condition["lastTransitionTime"])
        if (now - since).total_seconds() > PATIENCE:
            return failed(
                PODS_NOT_READY,
                f"a pod cannot be scheduled: {_sentence(condition.get('message', ''))}; add "
                "nodes, or lower spec.resources.requests",
            )
    return None


def _selector(pod: Manifest) -> str:
    labels = pod["metadata"].get("labels", {})
    return ",".join(f"{key}={labels.get(key)}" for key in (INSTANCE_LABEL, COMPONENT_LABEL))


def _images(pod: Manifest) -> set[str]:
    return {container["image"] for container in pod["spec"]["containers"]}


def _containers(pod: Manifest) -> Iterator[Manifest]:
    status = pod.get("status", {})
    yield from status.get("initContainerStatuses", [])
    yield from status.get("containerStatuses", [])


def _sentence(text: str) -> str:
    return text.strip().rstrip(".")
