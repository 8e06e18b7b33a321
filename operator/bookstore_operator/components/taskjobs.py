"""What the components of tasks share: their Jobs, and what they wait for."""

from typing import Any

from bookstore_operator.api.conditions import Reason
from bookstore_operator.components.jobs import image_of, pods_of
from bookstore_operator.components.pods import explain
from bookstore_operator.engine.verdict import Verdict, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Fields, Kind, Manifest, Ref
from bookstore_operator.task import Task

TASK_JOB = Kind("batch", "v1", "Job", "jobs", fields=Fields(frozen=(("spec",),)), foreground=True)
"""A Job that is gone only once its pods are: what works on a database is never left behind."""

STORE_NOT_READY = Reason(
    "StoreNotReady",
    "The BookStore is not there, was never started, or is paused.",
    fix="Make the BookStore, or set its spec.state to Running.",
)
STORE_OF_SERVICES = Reason(
    "StoreOfServices",
    "The BookStore's topology is Microservices; the operator backs up and restores none yet.",
    fix="Back its databases up by their own means, see docs/how-to/microservices-on-kubernetes.md.",
)
BACKUPS_PATH = "/app/backups"
SOON = 2.0
"""Seconds until what brings no event is looked at again."""


def task_job(
    task: Task[Any, Any], ref: Ref, component: str, store: str, spec: Manifest
) -> Manifest:
    """Return the manifest of a Job of a task."""
    return {
        "apiVersion": ref.kind.api_version,
        "kind": ref.kind.name,
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": task.labels(store, component),
            "ownerReferences": [task.owner()],
        },
        "spec": spec,
    }


def store_not_ready(task: Task[Any, Any], store: str, view: View) -> Verdict | None:
    """Return the verdict where there are no pods whose settings a Job could have, or None."""
    live = view.get(task.store(store))
    if live is None:
        text = f"BookStore {task.namespace}/{store} is not there."
    elif live["spec"].get("state") == "Paused":
        text = f"BookStore {task.namespace}/{store} is paused; set its spec.state to Running."
    elif live["spec"].get("topology") == "Microservices":
        text = (
            f"BookStore {task.namespace}/{store} runs as services, whose schemas the shop can "
            "neither back up nor restore together yet; use the means of their databases."
        )
        return waiting(STORE_OF_SERVICES, text)
    elif view.get(task.web(store)) is None:
        text = f"BookStore {task.namespace}/{store} has not been started yet."
    else:
        return None
    return waiting(STORE_NOT_READY, text, again=SOON)


def obstacle(job: Manifest, view: View) -> Verdict | None:
    """Return why the pod of a Job does not start, or None."""
    pods = view.found(pods_of(job)) or []
    return explain(pods, image_of(job), "the store's spec.image", view.now)


def carry_backups(pod: Manifest, claim: str) -> None:
    """Have a pod see the backups of another claim in the place of its own."""
    (container,) = pod["containers"]
    container["volumeMounts"] = [
        {**mount, "name": "carried"} if mount["mountPath"] == BACKUPS_PATH else mount
        for mount in container["volumeMounts"]
    ]
    carried = {"name": "carried", "persistentVolumeClaim": {"claimName": claim}}
    pod["volumes"] = [*pod["volumes"], carried]
