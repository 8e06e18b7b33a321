"""The kinds that the operator reads and writes, and references to single objects of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bookstore_operator.api import GROUP, KIND, PLURAL, VERSION

Manifest = dict[str, Any]
"""An object of the API as plain JSON values."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Name a resource of the API.

    Attributes:
        group: The API group; empty for the core group.
        version: The version within the group.
        name: The kind, as manifests state it.
        plural: The resource, as paths state it.
        namespaced: Whether objects live in a namespace.
    """

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return group and version as manifests state them."""
        return f"{self.group}/{self.version}" if self.group else self.version


BOOKSTORE = Kind(GROUP, VERSION, KIND, PLURAL)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
PERSISTENT_VOLUME = Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)
PERSISTENT_VOLUME_CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
POD = Kind("", "v1", "Pod", "pods")
SECRET = Kind("", "v1", "Secret", "secrets")
SERVICE = Kind("", "v1", "Service", "services")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets")
JOB = Kind("batch", "v1", "Job", "jobs")
EVENT = Kind("events.k8s.io", "v1", "Event", "events")

CHILDREN = (
    CONFIG_MAP,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    DEPLOYMENT,
    STATEFUL_SET,
    JOB,
)
"""The kinds whose objects a store owns."""

_BY_NAME = {kind.name: kind for kind in (BOOKSTORE, *CHILDREN, POD, EVENT)}


@dataclass(frozen=True, slots=True)
class Ref:
    """Point at one object.

    Attributes:
        kind: What it is.
        namespace: Where it lives; empty for a cluster-scoped kind.
        name: What it is called.
    """

    kind: Kind
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Ref":
        """Return the reference to an object of one of the kinds of this module.

        Raises:
            KeyError: The kind is not one of them.
        """
        metadata = manifest["metadata"]
        return cls(_BY_NAME[manifest["kind"]], metadata.get("namespace", ""), metadata["name"])

    def __str__(self) -> str:
        path = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind.name} {path}"
