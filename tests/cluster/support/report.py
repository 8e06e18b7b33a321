"""Tell what a namespace's stores say about themselves, for the report of a failed test."""

from __future__ import annotations

from tests.cluster.support.kube import Kube
from tests.cluster.support.store import Store, brief


def tell(kube: Kube, namespace: str) -> str:
    """Return the conditions of the namespace's stores, its pods, and its Events, oldest first."""
    lines = []
    for found in kube.list("BookStore", namespace):
        store = Store(kube, namespace, found["metadata"]["name"])
        lines += [f"{store.name}: {found.get('spec')}", brief(store.conditions()), ""]
    for pod in kube.list("Pod", namespace):
        status = pod["status"]
        waiting = [c.get("state") for c in status.get("containerStatuses", [])]
        lines.append(f"pod {pod['metadata']['name']} {status.get('phase')} {waiting}")
    events = kube.list("Event", namespace)
    for event in sorted(events, key=lambda e: str(e["metadata"]["creationTimestamp"])):
        about = event["involvedObject"]
        lines.append(
            f"{event['metadata']['creationTimestamp']} {event.get('type')} {event.get('reason')}"
            f" {about['kind']}/{about['name']}: {event.get('message')}"
        )
    return "\n".join(lines)
