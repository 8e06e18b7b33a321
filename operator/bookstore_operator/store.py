"""The store as the components see it: typed spec, names of its children, labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from bookstore_operator.api import API_VERSION, KIND
from bookstore_operator.api.spec import BookStoreSpec
from bookstore_operator.api.status import BookStoreStatus, Condition
from bookstore_operator.errors import InvalidStoreError
from bookstore_operator.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    JOB,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    Kind,
    Ref,
)

MANAGER = "bookstore-operator"
"""The field manager of every write, and the value of the managed-by label."""

PREFIX = "bookstore.dev"
STORE_FINALIZER = f"{PREFIX}/finalizer"
NAMESPACE_LABEL = f"{PREFIX}/namespace"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
INSTANCE_LABEL = "app.kubernetes.io/instance"
COMPONENT_LABEL = "app.kubernetes.io/component"
NAME_LABEL = "app.kubernetes.io/name"
MANAGED = f"{MANAGED_BY_LABEL}={MANAGER}"


class StoreKey(NamedTuple):
    """Identify a store among all."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def generated_secret(key: StoreKey) -> Ref:
    """Return the Secret that the operator generates for a store, whether its spec parses or not."""
    return Ref(SECRET, key.namespace, f"{key.name}-secret")


@dataclass(frozen=True)
class Store:
    """Be one BookStore, parsed.

    Attributes:
        key: Namespace and name.
        uid: The identity that a store of the same name made later does not share.
        generation: The generation of the spec.
        spec: What is wanted.
        status: What was told last.
        finalized: Whether the operator's finalizer guards the store.
        deleting: Whether the store is being deleted.
    """

    key: StoreKey
    uid: str
    generation: int
    spec: BookStoreSpec
    status: BookStoreStatus
    finalized: bool
    deleting: bool

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> "Store":
        """Parse a BookStore as the API returns it.

        Raises:
            InvalidStoreError: The spec is not one that this operator understands.
        """
        metadata = body["metadata"]
        key = StoreKey(metadata["namespace"], metadata["name"])
        try:
            spec = BookStoreSpec.model_validate(body["spec"])
        except ValidationError as error:
            raise InvalidStoreError.of(key, error) from error
        return cls(
            key=key,
            uid=metadata["uid"],
            generation=metadata["generation"],
            spec=spec,
            status=BookStoreStatus.model_validate(body.get("status") or {}),
            finalized=STORE_FINALIZER in metadata.get("finalizers", []),
            deleting="deletionTimestamp" in metadata,
        )

    @property
    def name(self) -> str:
        """Return the store's name."""
        return self.key.name

    @property
    def namespace(self) -> str:
        """Return the store's namespace."""
        return self.key.namespace

    def condition(self, kind: str) -> Condition | None:
        """Return a condition as it was told last, or None."""
        return next((told for told in self.status.conditions if told.type == kind), None)

    def labels(self, component: str) -> dict[str, str]:
        """Return the recommended labels of a child.

        Source: Kubernetes, "Recommended Labels".
        """
        return {
            NAME_LABEL: "bookstore",
            INSTANCE_LABEL: self.name,
            COMPONENT_LABEL: component,
            "app.kubernetes.io/part-of": "bookstore",
            MANAGED_BY_LABEL: MANAGER,
        }

    def selector(self, component: str) -> dict[str, str]:
        """Return the labels that select the pods of a component, and never change."""
        return {NAME_LABEL: "bookstore", INSTANCE_LABEL: self.name, COMPONENT_LABEL: component}

    def owner(self) -> dict[str, Any]:
        """Return the owner reference of a child, by which the garbage collector removes it."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
        }

    @property
    def secret(self) -> Ref:
        """Return the Secret that the operator generates."""
        return generated_secret(self.key)

    @property
    def config(self) -> Ref:
        """Return the ConfigMap of the shop's environment."""
        return self._child(CONFIG_MAP, "-config")

    @property
    def account(self) -> Ref:
        """Return the ServiceAccount of the shop's pods."""
        return self._child(SERVICE_ACCOUNT)

    @property
    def files(self) -> Ref:
        """Return the claim of uploads and backups."""
        return self._child(PERSISTENT_VOLUME_CLAIM, "-files")

    @property
    def volume(self) -> Ref:
        """Return the PersistentVolume on EFS.

        Its name holds the namespace, since it has none, set off by a dot, which neither
        namespaces nor names of stores can hold.
        """
        return Ref(PERSISTENT_VOLUME, "", f"{self.namespace}.{self.name}.files")

    @property
    def database(self) -> Ref:
        """Return the StatefulSet of the embedded database."""
        return self._child(STATEFUL_SET, "-mysql")

    @property
    def database_service(self) -> Ref:
        """Return the Service of the embedded database."""
        return self._child(SERVICE, "-mysql")

    @property
    def database_claim(self) -> Ref:
        """Return the claim of the embedded database's files."""
        return self._child(PERSISTENT_VOLUME_CLAIM, "-mysql-data")

    @property
    def web(self) -> Ref:
        """Return the Deployment of the shop."""
        return self._child(DEPLOYMENT)

    @property
    def service(self) -> Ref:
        """Return the Service that shoppers reach."""
        return self._child(SERVICE, "-svc")

    def migration(self, key: str) -> Ref:
        """Return the Job that migrates the database for ``key``."""
        return self._child(JOB, f"-migrate-{key}")

    def own_secret(self, name: str) -> Ref:
        """Return a Secret of the store's namespace."""
        return Ref(SECRET, self.namespace, name)

    def _child(self, kind: Kind, suffix: str = "") -> Ref:
        return Ref(kind, self.namespace, f"{self.name}{suffix}")
