"""What the components of tasks share: their Jobs, and what they wait for."""

from dataclasses import replace
from typing import Any

from bookstore_operator.api.conditions import Reason
from bookstore_operator.api.services import SERVICES, Topology
from bookstore_operator.api.spec import BookStoreSpec, Database
from bookstore_operator.api.status import BookStoreStatus
from bookstore_operator.components.jobs import image_of, pods_of
from bookstore_operator.components.pods import explain
from bookstore_operator.components.wholeshop import LOGIN_IS, MODEL, as_whole, login_secret
from bookstore_operator.engine.verdict import Verdict, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Fields, Kind, Manifest, Ref
from bookstore_operator.store import sides_of
from bookstore_operator.task import Task

TASK_JOB = Kind("batch", "v1", "Job", "jobs", fields=Fields(frozen=(("spec",),)), foreground=True)
"""A Job that is gone only once its pods are: what works on a database is never left behind."""

STORE_NOT_READY = Reason(
    "StoreNotReady",
    "The BookStore is not there, was never started, or is paused; or it moves to another topology "
    "and a restore waits for that.",
    fix="Make the BookStore, set its spec.state to Running, or wait until it has moved.",
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
    elif any(view.get(task.web(store, part)) is None for part in parts_of(task, store, view)):
        text = f"BookStore {task.namespace}/{store} has not been started yet."
    else:
        return None
    return waiting(STORE_NOT_READY, text, again=SOON)


def parts_of(task: Task[Any, Any], store: str, view: View) -> tuple[str | None, ...]:
    """Return what of a store shoppers are led to: None, which is the shop as one, or services."""
    live = view.get(task.store(store))
    return SERVICES if live and _runs_as_services(live) else (None,)


def moves(task: Task[Any, Any], store: str, view: View) -> Verdict | None:
    """Return the verdict while a store moves to another topology, or None."""
    status = (view.get(task.store(store)) or {}).get("status", {})
    if not (move := status.get("move")):
        return None
    text = (
        f"BookStore {task.namespace}/{store} moves to topology {move['to']}; the restore goes on "
        "once it has."
    )
    return waiting(STORE_NOT_READY, text, again=SOON)


def shop_pods(task: Task[Any, Any], store: str, view: View) -> Manifest | None:
    """Return the Deployment whose pods a Job is like; None where the store has none yet."""
    live = view.get(task.store(store))
    if live is None or not _runs_as_services(live):
        return view.get(task.web(store))
    service = view.get(task.web(store, MODEL))
    return as_whole(service, _database(live), f"{store}-secret") if service else None


def obstacle(task: Task[Any, Any], store: str, job: Manifest, view: View) -> Verdict | None:
    """Return why the pod of a Job does not start, or None."""
    pods, live = view.found(pods_of(job)) or [], view.get(task.store(store))
    verdict = explain(pods, image_of(job), "the store's spec.image", view.now)
    login = login_secret(_database(live)) if live and _runs_as_services(live) else None
    if verdict is None or login is None:
        return verdict
    # In the kubelet's words.
    named = (f'secret "{login.name}"', f"Secret {task.namespace}/{login.name}")
    if not any(one in verdict.message for one in named):
        return verdict
    return replace(verdict, message=f"{verdict.message}; the store's {LOGIN_IS}")


def _runs_as_services(store: Manifest) -> bool:
    spec, told = BookStoreSpec.model_validate(store["spec"]), store.get("status") or {}
    written = {name: value for name, value in told.items() if name != "conditions"}
    sides = sides_of(spec, BookStoreStatus.model_validate(written))
    return sides.led_to is Topology.MICROSERVICES


def _database(store: Manifest) -> Database:
    return Database.model_validate(store["spec"]["database"])


def carry_backups(pod: Manifest, claim: str) -> None:
    """Have a pod see the backups of another claim in the place of its own."""
    (container,) = pod["containers"]
    container["volumeMounts"] = [
        {**mount, "name": "carried"} if mount["mountPath"] == BACKUPS_PATH else mount
        for mount in container["volumeMounts"]
    ]
    carried = {"name": "carried", "persistentVolumeClaim": {"claimName": claim}}
    pod["volumes"] = [*pod["volumes"], carried]
