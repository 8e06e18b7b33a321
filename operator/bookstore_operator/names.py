"""The names of a store's children."""

import hashlib
from dataclasses import dataclass, field

from bookstore_operator.engine.root import Root
from bookstore_operator.kube.kinds import (
    CONFIG_MAP,
    CRON_JOB,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    JOB,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
)
from bookstore_operator.kube.objects import Kind, Ref
from bookstore_operator.kube.thirdparty import CERTIFICATE, DB_INSTANCE, HTTP_ROUTE, PXC

LONGEST_CLUSTER_NAME = 22
"""Characters that the name of a PerconaXtraDBCluster may have."""


@dataclass(frozen=True)
class Named(Root):
    """A store with the names of its children.

    Attributes:
        part: The service as which the store is seen; None for the whole store.
    """

    part: str | None = field(default=None, kw_only=True)

    @property
    def secret(self) -> Ref:
        """Return the Secret that the operator generates."""
        return self._child(SECRET, "-secret")

    @property
    def account(self) -> Ref:
        """Return the ServiceAccount of the shop's pods."""
        return self._own(SERVICE_ACCOUNT)

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
        return self._own(DEPLOYMENT)

    @property
    def autoscaler(self) -> Ref:
        """Return the autoscaler of that Deployment."""
        return self._own(HORIZONTAL_POD_AUTOSCALER)

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
        return self._own(CONFIG_MAP, f"-config-{digest}")

    def env(self, digest: str) -> Ref:
        """Return the Secret of a revision of the shop's environment."""
        return self._own(SECRET, f"-env-{digest}")

    def migration(self, key: str) -> Ref:
        """Return the Job that migrates the database for ``key``."""
        return self._own(JOB, f"-migrate-{key}")

    def moving(self, key: str) -> Ref:
        """Return the Job that brings the store's tables a step further to another topology."""
        return self._child(JOB, f"-move-{key}")

    @property
    def backups(self) -> Ref:
        """Return the CronJob that backs the store up."""
        return self._child(CRON_JOB, "-backup")

    @property
    def drills(self) -> Ref:
        """Return the CronJob that rehearses restores."""
        return self._child(CRON_JOB, "-drill")

    def own_secret(self, name: str) -> Ref:
        """Return a Secret of the store's namespace."""
        return Ref(SECRET, self.namespace, name)

    @property
    def service_key(self) -> Ref:
        """Return the Secret of the key by which other services know the calls of this one."""
        return self._own(SECRET, "-key")

    @property
    def reached(self) -> Ref:
        """Return the Service by which a service is reached within the store."""
        return self._own(SERVICE)

    @property
    def front(self) -> Ref:
        """Return the Deployment of the gateway that leads to the services."""
        return self._child(DEPLOYMENT, "-gateway")

    @property
    def front_config(self) -> Ref:
        """Return the ConfigMap of that gateway."""
        return self._child(CONFIG_MAP, "-gateway")

    def _own(self, kind: Kind, suffix: str = "") -> Ref:
        """Return a child that each service has for itself."""
        return self._child(kind, f"-{self.part}{suffix}" if self.part else suffix)

    def _child(self, kind: Kind, suffix: str = "") -> Ref:
        return Ref(kind, self.namespace, f"{self.name}{suffix}")
