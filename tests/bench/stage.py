"""Play the controllers and the kubelet of a bare API server: at once, and always with success.

A claim is bound, a Job completes, a Deployment is available, a Service has an address. Each is one
write to a status, counted, so that the writes of the operator can be told from those of the stage.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import httpx

from tests.cluster.support.kube import Kube, Manifest

NOW = "2026-01-01T00:00:00Z"
SECONDS = 900


def condition(kind: str, reason: str) -> Manifest:
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": "",
        "lastTransitionTime": NOW,
    }


def bound(_: Manifest) -> Manifest:
    return {"phase": "Bound"}


def completed(_: Manifest) -> Manifest:
    conditions = [condition(kind, "Staged") for kind in ("SuccessCriteriaMet", "Complete")]
    return {
        "succeeded": 1,
        "startTime": NOW,
        "completionTime": NOW,
        "uncountedTerminatedPods": {},
        "conditions": conditions,
    }


def available(deployment: Manifest) -> Manifest:
    replicas = deployment["spec"]["replicas"]
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    conditions = [
        condition("Available", "MinimumReplicasAvailable"),
        condition("Progressing", "NewReplicaSetAvailable"),
    ]
    status: Manifest = {"observedGeneration": deployment["metadata"]["generation"]}
    return status | dict.fromkeys(counts, replicas) | {"conditions": conditions}


def addressed(service: Manifest) -> Manifest:
    return {"loadBalancer": {"ingress": [{"ip": service["spec"]["clusterIP"]}]}}


PLAYS: dict[str, Callable[[Manifest], Manifest]] = {
    "Deployment": available,
    "Job": completed,
    "PersistentVolume": bound,
    "PersistentVolumeClaim": bound,
    "Service": addressed,
}


class Stage:
    """Answer every new object of the kinds that a store waits for.

    ``writes`` is the number of status writes made so far.
    """

    def __init__(self, server: str) -> None:
        self.writes = 0
        self._lock = threading.Lock()
        for kind in PLAYS:
            client = Kube(server)
            events = client.watch(kind, "", SECONDS)
            threading.Thread(target=self._run, args=(client, kind, events), daemon=True).start()

    def _run(self, client: Kube, kind: str, events: Iterator[Manifest]) -> None:
        with contextlib.suppress(httpx.TransportError):  # The server ends, and the play with it.
            self._play(client, kind, events)

    def _play(self, client: Kube, kind: str, events: Iterator[Manifest]) -> None:
        for event in events:
            made = event["object"]
            if event["type"] != "ADDED":
                continue
            meta = made["metadata"]
            client.patch(
                kind,
                meta.get("namespace", ""),
                meta["name"],
                {"status": PLAYS[kind](made)},
                subresource="/status",
            )
            with self._lock:
                self.writes += 1
