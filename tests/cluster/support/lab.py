"""Make stores as people do: a namespace, a Secret, a resource."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.mysql import Login, MySQL
from tests.cluster.support.store import Store

# Small, so that two cores and their nodes hold the stores of a whole run.
RESOURCES = {"requests": {"cpu": "10m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}}


@dataclass(frozen=True)
class Lab:
    """A namespace to make stores in, with all that they need at hand."""

    kube: Kube
    namespace: str
    images: dict[str, str]
    mysql: MySQL
    logins: dict[str, Login] = field(default_factory=dict)
    """How each store logs in to its database on the shared server."""

    def login(self, name: str) -> Login:
        """Make a database for a store on the shared server."""
        self.logins[name] = self.mysql.create(self.owner(name))
        return self.logins[name]

    def owner(self, name: str) -> str:
        """Return what the shared server knows a store of this namespace by."""
        return f"{self.namespace}/{name}"

    def spec(self, name: str, database: Manifest, **changes: Any) -> Manifest:
        """Return a spec of one replica with files on a directory of its own; ``changes`` win.

        A change to None leaves a field out.
        """
        digest = hashlib.sha256(self.owner(name).encode()).hexdigest()[:17]
        efs = {"fileSystemId": f"fs-{digest}", "accessPointId": f"fsap-{digest}"}
        spec: Manifest = {
            "image": self.images["APP_IMAGE"],
            "replicas": 1,
            "resources": RESOURCES,
            "database": database,
            "storage": {"efs": efs},
        }
        return {name: value for name, value in (spec | changes).items() if value is not None}

    def external(self, name: str = "shop", **changes: Any) -> Store:
        """Apply a store on a database of its own on the shared server; it is not waited for."""
        login = self.login(name)
        self.kube.apply(login.secret(self.namespace, f"{name}-db"))
        store = Store(self.kube, self.namespace, name)
        store.apply(self.spec(name, login.spec(f"{name}-db"), **changes))
        return store

    def embedded(self, name: str = "shop", **changes: Any) -> Store:
        """Apply a store with a database server of its own; it is not waited for."""
        database = {"embedded": {"image": self.images["MYSQL_IMAGE"]}}
        store = Store(self.kube, self.namespace, name)
        store.apply(self.spec(name, database, **changes))
        return store
