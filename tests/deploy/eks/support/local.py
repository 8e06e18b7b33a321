"""The environment local as a person applies it, in a namespace of a test's own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.cluster.support.backups import Task
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.store import Store
from tests.deploy.eks.support.overlays import MANIFESTS, written
from tests.support.poll import eventually

OVERLAY = MANIFESTS / "overlays" / "local" / "store"


class LocalStore:
    """The store of the environment, and what was seen of it until it was ready."""

    def __init__(self, kube: Kube, namespace: str, images: dict[str, str], folder: Path) -> None:
        self.kube = kube
        self.namespace = namespace
        self.store = Store(kube, namespace, "bookstore")
        self.seen: list[Manifest] = []
        digest = hashlib.sha256(namespace.encode()).hexdigest()[:17]
        store = [
            {"op": "replace", "path": "/spec/image", "value": images["APP_IMAGE"]},
            {"op": "add", "path": "/spec/database/embedded/image", "value": images["MYSQL_IMAGE"]},
            # `make up` has the sample's port and folders.
            {"op": "remove", "path": "/spec/exposure/loadBalancer/nodePort"},
            {
                "op": "replace",
                "path": "/spec/storage/efs",
                "value": {"fileSystemId": f"fs-{digest}", "accessPointId": f"fsap-{digest}"},
            },
        ]
        self.kustomization = written(
            folder,
            resources=[OVERLAY],
            namespace=namespace,
            patches=[{"target": {"kind": "BookStore"}, "patch": json.dumps(store)}],
        )

    def apply(self) -> None:
        """Apply the environment as a person does."""
        self.kube.kubectl("apply", "-k", str(self.kustomization))

    def wait_ready(self, within: float) -> None:
        """Wait until the store is ready, and keep each of its states on the way."""

        def ready() -> None:
            state = self.store.get()
            if not self.seen or self.seen[-1].get("status") != state.get("status"):
                self.seen.append(state)
            self.store.told("Ready", "True")

        eventually(ready, within=within)

    def back_up(self, to: Path) -> str:
        """Take a backup in a pod, and carry it into a folder of this machine."""
        (pod, *_) = self.store.pods()
        name = str(
            json.loads(self.store.exec(pod, "bookstore", "backup").splitlines()[-1])["backup"]
        )
        place = f"{self.namespace}/{pod['metadata']['name']}:/app/backups/{name}"
        self.kube.kubectl("cp", place, str(to / name))
        return name

    def restore(self, carried: Path) -> None:
        """Restore a backup as the how-to says: carry it there, and ask for the restore."""
        (pod, *_) = self.store.pods()
        place = f"{self.namespace}/{pod['metadata']['name']}:/app/backups/{carried.name}"
        self.kube.kubectl("cp", str(carried), place)
        source = {"name": carried.name}
        restore = Task.ask(self.store, "BookStoreRestore", "move", backup=source, replace=True)
        restore.wait("Complete", within=300)
        self.store.wait_ready(within=180)

    def ended(self, job: str) -> str:
        """Wait until a job has ended, and return how: Complete or Failed."""

        def ended() -> str:
            status = self.kube.get("Job", self.namespace, job).get("status", {})
            held = {one["type"] for one in status.get("conditions", []) if one["status"] == "True"}
            assert held & {"Complete", "Failed"}, status
            return "Complete" if "Complete" in held else "Failed"

        return eventually(ended, within=180)
