"""Jobs: whether they ended, and those that run a command of the shop as its pods would."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bookstore_operator.components.pods import exit_code, termination
from bookstore_operator.components.shop import WEB
from bookstore_operator.engine.root import PREFIX
from bookstore_operator.engine.view import Query
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest, uid_of

ALL_NIGHT = 4 * 3600
"""Seconds that a backup or a restore may take, with all attempts; a hanging one is ended."""

ATTEMPT = f"{PREFIX}/attempt"
"""The annotation of a Job that is made anew when it fails: which attempt it is."""

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 120.0
"""Seconds between the failure of such a Job and the next attempt, doubled each time."""

RETRIES = 2
UNDISTURBED = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
"""A drained node is no failure of a Job. Source: Kubernetes, "Jobs", pod failure policy."""

UNKNOWN_COMMAND = 2
"""The exit code of a shop that does not know a command, or an option of it."""

REFUSED = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1, UNKNOWN_COMMAND]}}
"""Where the shop itself said why it ends, another attempt says the same."""

SERVING = ("ports", "lifecycle", "startupProbe", "readinessProbe", "livenessProbe")
"""What a container has because it serves."""

PLACING = ("affinity", "topologySpreadConstraints", "terminationGracePeriodSeconds")
"""What a pod has because it is one of several that serve."""


def is_complete(job: Manifest) -> bool:
    """Return whether a Job succeeded."""
    return condition(job, "Complete") is not None


def failure(job: Manifest) -> Manifest | None:
    """Return the condition by which a Job failed for good, or None."""
    return condition(job, "Failed")


def why_failed(job: Manifest, pods: list[Manifest]) -> str:
    """Return the shop's own sentence of why a Job failed, else what is known of it."""
    text = termination(pods).get("message")
    if not text and exit_code(pods) == UNKNOWN_COMMAND:
        container = job["spec"]["template"]["spec"]["containers"][0]
        words = " ".join(["bookstore", *container["args"]])
        text = (
            f'image {container["image"]} is too old to know "{words}"; set spec.image of the '
            "store to a newer one"
        )
    text = text or (failure(job) or {}).get("message") or "it gave no word"
    return str(text).strip().rstrip(".")


def condition(job: Manifest, kind: str) -> Manifest | None:
    """Return a condition of a Job that holds, or None."""
    conditions: list[Manifest] = job.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind and c["status"] == "True"), None)


def attempt_of(job: Manifest) -> int:
    """Return which attempt a Job is at what it does, counted from 1."""
    text = job["metadata"].get("annotations", {}).get(ATTEMPT, "")
    return int(text) if text.isdecimal() else 1


def pause_left(job: Manifest, now: datetime) -> float:
    """Return the seconds until a Job that failed is made anew, at its next attempt."""
    since = datetime.fromisoformat((failure(job) or {})["lastTransitionTime"])
    pause: float = min(FIRST_PAUSE * 2 ** min(attempt_of(job) - 1, 10), LONGEST_PAUSE)
    return pause - (now - since).total_seconds()


def pods_of(job: Manifest) -> Query:
    """Return the query for a Job's pods."""
    return Query.of(POD, {"batch.kubernetes.io/controller-uid": uid_of(job)})


def shop_job(
    deployment: Manifest,
    labels: dict[str, str],
    args: Sequence[str],
    policy: Sequence[Manifest] = (UNDISTURBED,),
    retries: int = RETRIES,
) -> Manifest:
    """Return the spec of a Job that runs a command of the shop with all that its pods have.

    Image, settings, Secrets, volumes and security are those of the Deployment, so that the command
    meets the very database and files that the shop does.

    Args:
        deployment: The shop's Deployment.
        labels: The labels of the pods.
        args: The command's words.
        policy: What failures of the pods mean.
        retries: How often a failed pod is followed by another.
    """
    pod = {
        name: value
        for name, value in deployment["spec"]["template"]["spec"].items()
        if name not in PLACING
    }
    # What a person put beside the shop would never end.
    served = next(one for one in pod["containers"] if one["name"] == WEB)
    container = {name: value for name, value in served.items() if name not in SERVING}
    told = {"name": "TERMINATION_LOG", "value": "/dev/termination-log"}
    container |= {
        "name": "shop",
        "args": list(args),
        "env": [*container.get("env", []), told],
    }
    return {
        "backoffLimit": retries,
        "activeDeadlineSeconds": ALL_NIGHT,
        "podFailurePolicy": {"rules": list(policy)},
        "template": {
            "metadata": {"labels": labels},
            "spec": pod | _near(deployment) | {"restartPolicy": "Never", "containers": [container]},
        },
    }


def image_of(deployment: Manifest) -> str:
    """Return the image of the shop's pods."""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _near(deployment: Manifest) -> Manifest:
    """Return the wish to be where the shop's pods are, if their volume is one node's.

    It is no more than a wish: a shop may have no pods at all.
    """
    affinity: dict[str, Any] = deployment["spec"]["template"]["spec"].get("affinity", {})
    terms = affinity.get("podAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if not terms:
        return {}
    wishes = [{"weight": 100, "podAffinityTerm": term} for term in terms]
    return {
        "affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": wishes}}
    }
