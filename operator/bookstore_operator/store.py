"""The store as the components see it: typed spec and status, names of its children, labels."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from pydantic import ValidationError

from bookstore_operator.api import GROUP, KIND, PLURAL, VERSION
from bookstore_operator.api.conditions import Condition
from bookstore_operator.api.model import ApiModel
from bookstore_operator.api.spec import BookStoreSpec, DeletionPolicy, StoreState
from bookstore_operator.api.status import BookStoreStatus, VolumeStatus
from bookstore_operator.engine.errors import InvalidResourceError
from bookstore_operator.engine.root import FINALIZER, INSTANCE_LABEL, MANAGED_BY_LABEL, PREFIX, Root
from bookstore_operator.kube.client import MANAGER
from bookstore_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    INGRESS,
    JOB,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
)
from bookstore_operator.kube.objects import Kind, Ref, is_terminating
from bookstore_operator.kube.thirdparty import CERTIFICATE, DB_INSTANCE, HTTP_ROUTE, PXC

BOOKSTORE = Kind(GROUP, VERSION, KIND, PLURAL, verbs=("get", "list", "watch", "patch"))
COMPONENT_LABEL = "app.kubernetes.io/component"
NAME_LABEL = "app.kubernetes.io/name"

ACCEPT_LOSS = f"{PREFIX}/accept-volume-loss"
"""The annotation by which a person accepts that a volume's data is lost: the lost claim's uid."""

LONGEST_CLUSTER_NAME = 22
"""Characters that the name of a PerconaXtraDBCluster may have."""


F = TypeVar("F", bound=ApiModel)


@dataclass(frozen=True)
class Store(Root):
    """One BookStore, parsed.

    Attributes:
        spec: What is wanted.
        status: What was written last, without the conditions, some of which are other writers'.
    """

    spec: BookStoreSpec
    status: BookStoreStatus

    @classmethod
    def parse(
        cls, body: Mapping[str, Any], types: frozenset[str], model: type[BookStoreSpec]
    ) -> "Store":
        """Parse a BookStore as the API returns it.

        Args:
            body: The BookStore.
            types: The conditions that the operator writes; other writers' are left out.
            model: The whole spec, with the fields that components add.

        Raises:
            InvalidResourceError: The spec is not one that this operator understands.
        """
        root = identify(body, types)
        try:
            spec = model.model_validate(body["spec"])
        except ValidationError as error:
            raise InvalidResourceError.of(root.ref, error) from error
        known = {one.name: getattr(root, one.name) for one in fields(Root)}
        known |= {
            "paused": spec.state is StoreState.PAUSED,
            "retains_data": spec.deletion_policy is DeletionPolicy.RETAIN,
        }
        written = dict(body.get("status") or {})
        written.pop("conditions", None)
        status = BookStoreStatus.model_validate(written)
        return cls(**known, spec=spec, status=status)

    def fragment(self, model: type[F]) -> F:
        """Return the fields of the spec that a component declares.

        Raises:
            TypeError: The component of that fragment is not in the order; a fault of the program.
        """
        if not isinstance(self.spec, model):
            raise TypeError(f"the spec has no fields of {model.__name__}")
        return self.spec

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

    def volume_status(self, name: str) -> VolumeStatus | None:
        """Return what the status holds of a volume, or None where it was never bound."""
        return next((one for one in self.status.volumes or [] if one.name == name), None)

    @property
    def secret(self) -> Ref:
        """Return the Secret that the operator generates."""
        return self._child(SECRET, "-secret")

    @property
    def account(self) -> Ref:
        """Return the ServiceAccount of the shop's pods."""
        return self._child(SERVICE_ACCOUNT)

    @property
    def files(self) -> Ref:
        """Return the claim of uploads and backups."""
        return self._child(PERSISTENT_VOLUME_CLAIM, "-files")

    @property
    def efs_volume(self) -> Ref:
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
    def rds_instance(self) -> Ref:
        """Return the DBInstance that stands for the instance on RDS."""
        return self._child(DB_INSTANCE, "-rds")

    @property
    def percona_cluster(self) -> Ref:
        """Return the PerconaXtraDBCluster, whose name may have 22 characters at most.

        A digest tells stores with a long beginning in common apart. Source: Percona Operator for
        MySQL, "Custom Resource options reference", metadata.
        """
        name = f"{self.name}-db"
        if len(name) > LONGEST_CLUSTER_NAME:
            digest = hashlib.sha256(self.name.encode()).hexdigest()[:6]
            name = f"{self.name[: LONGEST_CLUSTER_NAME - 7].rstrip('-')}-{digest}"
        return Ref(PXC, self.namespace, name)

    @property
    def web(self) -> Ref:
        """Return the Deployment of the shop."""
        return self._child(DEPLOYMENT)

    @property
    def service(self) -> Ref:
        """Return the Service that shoppers reach."""
        return self._child(SERVICE, "-svc")

    @property
    def backend(self) -> Ref:
        """Return the Service that an Ingress or a Gateway leads to."""
        return self._child(SERVICE, "-web")

    def ingress(self, class_name: str | None) -> Ref:
        """Return the Ingress of a class, each of which has one of its own."""
        return self._child(INGRESS, f"-ingress-{class_name}" if class_name else "-ingress")

    @property
    def route(self) -> Ref:
        """Return the route on a Gateway."""
        return self._child(HTTP_ROUTE)

    @property
    def certificate(self) -> Ref:
        """Return the Certificate that is ordered for an Ingress' hosts."""
        return self._child(CERTIFICATE, "-tls")

    @property
    def certificate_secret(self) -> Ref:
        """Return the Secret into which cert-manager puts that certificate."""
        return self._child(SECRET, "-tls")

    def config(self, digest: str) -> Ref:
        """Return the ConfigMap of a revision of the shop's environment."""
        return self._child(CONFIG_MAP, f"-config-{digest}")

    def env(self, digest: str) -> Ref:
        """Return the Secret of a revision of the shop's environment."""
        return self._child(SECRET, f"-env-{digest}")

    def migration(self, key: str) -> Ref:
        """Return the Job that migrates the database for ``key``."""
        return self._child(JOB, f"-migrate-{key}")

    def own_secret(self, name: str) -> Ref:
        """Return a Secret of the store's namespace."""
        return Ref(SECRET, self.namespace, name)

    def _child(self, kind: Kind, suffix: str = "") -> Ref:
        return Ref(kind, self.namespace, f"{self.name}{suffix}")


def identify(body: Mapping[str, Any], types: frozenset[str]) -> Root:
    """Return what a BookStore is apart from its spec, which this operator may not understand."""
    metadata = body["metadata"]
    status = body.get("status") or {}
    conditions = [one for one in status.get("conditions", []) if one["type"] in types]
    return Root(
        ref=Ref(BOOKSTORE, metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        generation=metadata["generation"],
        annotations=metadata.get("annotations") or {},
        conditions=tuple(map(Condition.model_validate, conditions)),
        finalized=FINALIZER in metadata.get("finalizers", []),
        deleting=is_terminating(dict(body)),
        paused=False,
        retains_data=True,
    )
