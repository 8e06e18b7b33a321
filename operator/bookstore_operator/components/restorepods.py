"""The pods of a store that is restored: whether they are all gone, and whether it serves again."""

from bookstore_operator.api.spec import BookStoreSpec
from bookstore_operator.components.restorephases import RestoreTask
from bookstore_operator.components.shop import AVAILABLE_PODS, WEB
from bookstore_operator.components.taskjobs import parts_of
from bookstore_operator.engine.root import INSTANCE_LABEL
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import COMPONENT_LABEL, NAME_LABEL


def pods_of_store(task: RestoreTask, view: View) -> list[Query]:
    """Return the queries for the pods that write: those of the shop, or of each of its services."""
    store = task.spec.store
    labels = {NAME_LABEL: "bookstore", INSTANCE_LABEL: store}
    return [
        Query.of(POD, labels | {COMPONENT_LABEL: part or WEB})
        for part in parts_of(task, store, view)
    ]


def stands_still(task: RestoreTask, view: View) -> bool:
    """Return whether no such pod is there any more, and none is about to come."""
    store = task.spec.store
    emptied = all(
        _is_emptied(view.get(task.web(store, part)) or {}) for part in parts_of(task, store, view)
    )
    return emptied and all(view.found(query) == [] for query in pods_of_store(task, view))


def serves_again(task: RestoreTask, view: View) -> bool:
    """Return whether the store serves with all that is to have pods; one that is gone has none."""
    store = task.spec.store
    live = view.get(task.store(store))
    if live is None:
        return True
    spec = BookStoreSpec.model_validate(live["spec"])
    return all(
        _serves(view.get(task.web(store, part)))
        or not (spec.of_service(part) if part else spec).least_replicas
        for part in parts_of(task, store, view)
    )


def _serves(deployment: Manifest | None) -> bool:
    return bool((deployment or {}).get("status", {}).get(AVAILABLE_PODS))


def _is_emptied(deployment: Manifest) -> bool:
    """Return whether a Deployment's controller has seen that no pod is wanted."""
    status, metadata = deployment.get("status", {}), deployment.get("metadata", {})
    seen = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    wanted = deployment.get("spec", {}).get("replicas")
    return bool(wanted == 0 and seen)
