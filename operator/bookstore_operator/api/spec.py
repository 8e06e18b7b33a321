"""The wanted state of a BookStore: the typed spec, from which the CRD is generated.

The CEL rules stand beside the fields that they guard, and are checked by the API server alone;
parsing checks types and unions only. What one component alone reads is declared in its file, and
becomes part of the spec there (``Component.spec``).
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import ConfigDict, Field

from bookstore_operator.api.autoscaling import MOST_REPLICAS, SCALED_ONCE, Autoscaling
from bookstore_operator.api.exposure import Exposure
from bookstore_operator.api.external import ExternalDatabase
from bookstore_operator.api.gateway import Gateway
from bookstore_operator.api.ingress import Ingress
from bookstore_operator.api.loadbalancer import LIVE_LOAD_BALANCER, LoadBalancer
from bookstore_operator.api.model import ApiModel, Union, rule, rules, unchanged
from bookstore_operator.api.percona import PerconaDatabase
from bookstore_operator.api.placement import SPREADABLE, Placement
from bookstore_operator.api.podtemplate import PodTemplate
from bookstore_operator.api.rds import PROTECTED, RdsDatabase
from bookstore_operator.api.resources import Resources
from bookstore_operator.api.scalars import (
    AccessPointId,
    Bytes,
    EfsPath,
    FileSystemId,
    Image,
    ImagePullSecrets,
    StorageClassName,
)
from bookstore_operator.api.services import (
    SERVICES,
    TOPOLOGY_RULES,
    Services,
    ShopService,
    Topology,
)

DEFAULT_REPLICAS = 2
"""The pods of a store that does not say how many; no default of the schema, so that a store which
leaves the number to an autoscaler can be told from one that wants two."""

FOREVER = "cannot change on a live store; create a new BookStore and move the data"


class DeletionPolicy(StrEnum):
    """What happens to the store's data when the BookStore is deleted."""

    RETAIN = "Retain"
    DELETE = "Delete"


class StoreState(StrEnum):
    """Whether the store serves, and whether the operator keeps it true."""

    RUNNING = "Running"
    PAUSED = "Paused"
    HIBERNATED = "Hibernated"


class ImagePullPolicy(StrEnum):
    """When a node pulls an image. Source: Kubernetes, "Images", image pull policy."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class VolumeClaim(ApiModel):
    """Take a volume from a StorageClass."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                unchanged("storageClassName"),
                f"storageClassName {FOREVER}",
                field=".storageClassName",
            ),
        )
    )

    size: Bytes = "1Gi"
    """The volume's size. It may grow, where the StorageClass allows it, and go back to the size
    that the volume has; it never shrinks."""

    storage_class_name: StorageClassName | None = None
    """The StorageClass; the cluster's default where it is left out. Immutable."""


class AccessMode(StrEnum):
    """How nodes may mount a volume. Source: Kubernetes, "Persistent Volumes", access modes.

    ReadWriteOncePod is left out: the files are shared by the pods of a store.
    """

    READ_WRITE_ONCE = "ReadWriteOnce"
    READ_WRITE_MANY = "ReadWriteMany"


class ClaimStorage(VolumeClaim):
    """Take a volume for uploads and backups from a StorageClass."""

    access_modes: Annotated[
        tuple[AccessMode, ...],
        Field(
            min_length=1,
            max_length=2,
            json_schema_extra={
                "x-kubernetes-list-type": "set",
                **rules(rule("self == oldSelf", f"accessModes {FOREVER}")),
            },
        ),
    ] = (AccessMode.READ_WRITE_ONCE,)
    """ReadWriteOnce keeps all pods of the shop on one node; ReadWriteMany lets them spread, where
    the StorageClass has it. Immutable."""


class EmbeddedDatabase(ApiModel):
    """Run a single MySQL beside the store: for trying things, not highly available."""

    image: Image = "mysql:8.4"
    """The MySQL 8 image."""

    storage: VolumeClaim = VolumeClaim()
    """The volume of the database's files."""


class Database(Union):
    """Where the store's data lives: exactly one member, for the life of the store."""

    immutable: ClassVar[bool] = True

    external: ExternalDatabase | None = None
    """A server outside of the operator's care, such as Amazon RDS."""

    rds: RdsDatabase | None = None
    """An instance of Amazon RDS that the ACK controller makes."""

    percona: PerconaDatabase | None = None
    """A replicated MySQL that Percona's operator runs in the cluster."""

    embedded: EmbeddedDatabase | None = None
    """A single MySQL that the operator runs beside the store."""


class EfsStorage(ApiModel):
    """Keep the files on an Amazon EFS file system that exists already. Immutable."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("self == oldSelf", f"storage.efs {FOREVER}"),
            rule(
                "!has(self.accessPointId) || !has(self.path)",
                "an access point has a root directory of its own: set accessPointId or path, "
                "not both",
                field=".path",
            ),
        )
    )

    file_system_id: FileSystemId
    """The file system's ID, for example fs-0123456789abcdef0."""

    access_point_id: AccessPointId | None = None
    """The access point. Its POSIX user, and the owner of its root directory, must be 10001, since
    fsGroup has no effect on EFS."""

    path: EfsPath | None = None
    """A directory that exists on the file system and belongs to user 10001."""


class Storage(Union):
    """Where uploads and backups live: exactly one member, for the life of the store."""

    immutable: ClassVar[bool] = True

    efs: EfsStorage | None = None
    """An Amazon EFS file system that exists already."""

    claim: ClaimStorage | None = None
    """A volume taken from a StorageClass."""


class Upgrade(ApiModel):
    """How a new image of the shop is rolled out."""

    auto_rollback: bool = False
    """Whether the shop goes back to the last image that all pods ran when a new one does not get
    ready within the deadline while that one serves. The new one is not tried again until image
    changes, or autoRollback is false."""

    progress_deadline_seconds: Annotated[int, Field(ge=30, le=3600)] = 300
    """Seconds without a new pod getting ready after which a rollout counts as stalled. Pulling the
    image and starting are to end within them."""


class BookStoreSpec(ApiModel):
    """The store that the operator keeps true. Set at least image, database and storage."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            PROTECTED, *LIVE_LOAD_BALANCER, *SCALED_ONCE, SPREADABLE, *TOPOLOGY_RULES
        )
    )

    image: Image
    """The shop's image, for example bookstore/app:1.0.0. The database is migrated for a new image
    before it is rolled out."""

    upgrade: Upgrade = Upgrade()
    """How a new image is rolled out, and what becomes of one that does not get ready."""

    image_pull_secrets: ImagePullSecrets | None = None
    """Secrets by which the nodes log in to the registry of the shop's image; its pods and the
    migration have them."""

    image_pull_policy: ImagePullPolicy | None = None
    """When a node pulls the shop's image; where it is left out Kubernetes pulls the tag latest
    always, and any other one if the node lacks it."""

    replicas: Annotated[int | None, Field(ge=0, le=MOST_REPLICAS)] = None
    """How many pods serve the shop: 2 where it is left out; 0 stops it. An autoscaler of your own
    can read the scale subresource once it is set."""

    autoscaling: Autoscaling | None = None
    """Let the operator's HorizontalPodAutoscaler choose how many pods serve the shop, for example
    {minReplicas: 2, maxReplicas: 10}; replicas is then left out."""

    resources: Resources = Resources()
    """What each pod of the shop is given."""

    placement: Placement | None = None
    """Where the pods run, for example {nodeSelector: {pool: shops}}; anywhere where it is left out,
    as evenly as can be had."""

    pod_template: PodTemplate | None = None
    """What is added to the shop's pods: labels, annotations, containers, volumes, for example
    {labels: {team: shops}}. Nothing of the operator's can be replaced."""

    topology: Topology = Topology.MONOLITH
    """Monolith runs the shop as one; Microservices runs it as the services auth, catalogue and
    orders, each with pods, a schema and a user of its own, behind one gateway. A live store moves
    from one to the other, and back, while people buy; status.move says how far it is."""

    services: Services | None = None
    """What the services of topology Microservices have for themselves, for example {catalogue:
    {replicas: 4}}. They may stay once the store has moved back to run as one."""

    database: Database
    """Where the store's data lives: external, for example {host: db.example.com,
    credentialsSecretRef: {name: db}}, rds: {instanceClass: db.t4g.medium}, percona: {}, or
    embedded: {}. The member that is set is immutable."""

    storage: Storage
    """Where uploads and backups live: efs, for example {fileSystemId: fs-0123456789abcdef0}, or
    claim: {size: 1Gi}. The member that is set is immutable."""

    exposure: Exposure | None = None
    """How shoppers reach the store: by a load balancer on port 80 where it is left out. The way
    before serves until the new one has an address."""

    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    """Retain keeps the store's volumes when the BookStore is deleted, and a new one of the same
    name takes them again; Delete removes them with their data."""

    state: StoreState = StoreState.RUNNING
    """Running; Paused: the operator then changes nothing of this store, and its pods go on serving;
    or Hibernated: no pods of the shop and of an embedded or Percona database run, and all data
    stays."""

    def of_service(self, name: str) -> Self:
        """Return the spec as a service has it, with what it has for itself in its place."""
        own: ShopService = getattr(self.services or Services(), name) or ShopService()
        scaled = own.replicas is not None or own.autoscaling is not None
        return self.model_copy(
            update={
                "image": own.image or self.image,
                "replicas": own.replicas if scaled else self.replicas,
                "autoscaling": own.autoscaling if scaled else self.autoscaling,
                "resources": own.resources or self.resources,
            }
        )

    def with_image(self, image: str) -> Self:
        """Return the spec with one image for all that the shop has pods of."""
        held = {name: own.model_copy(update={"image": None}) for name, own in self.own_services()}
        services = self.services.model_copy(update=held) if self.services else None
        return self.model_copy(update={"image": image, "services": services})

    def own_services(self) -> list[tuple[str, ShopService]]:
        """Return the services of which the spec says something, by name."""
        found = [(name, getattr(self.services, name, None)) for name in SERVICES]
        return [(name, own) for name, own in found if own is not None]

    @property
    def hibernated(self) -> bool:
        """Return whether the store is to have no pods for a while."""
        return self.state is StoreState.HIBERNATED

    @property
    def scaling(self) -> Autoscaling | None:
        """Return how an autoscaler chooses the number of pods; None while none does."""
        return None if self.hibernated else self.autoscaling

    @property
    def least_replicas(self) -> int:
        """Return how many pods shall serve the shop at least; all of them without autoscaling."""
        if self.hibernated:
            return 0
        if self.autoscaling:
            return self.autoscaling.min_replicas
        return DEFAULT_REPLICAS if self.replicas is None else self.replicas

    @property
    def most_replicas(self) -> int:
        """Return how many pods may serve the shop at most, while it does not hibernate."""
        if self.autoscaling:
            return self.autoscaling.max_replicas
        return DEFAULT_REPLICAS if self.replicas is None else self.replicas

    @property
    def load_balancer(self) -> LoadBalancer | None:
        """Return the load balancer that shoppers use, where they use one."""
        return self.exposure.load_balancer if self.exposure else LoadBalancer()

    @property
    def ingress(self) -> Ingress | None:
        """Return the Ingress that shoppers use, where they use one."""
        return self.exposure.ingress if self.exposure else None

    @property
    def gateway(self) -> Gateway | None:
        """Return the Gateway that shoppers use, where they use one."""
        return self.exposure.gateway if self.exposure else None
