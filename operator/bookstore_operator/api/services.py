"""The shop as three services: what each of them has for itself, and the rules of such a store."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api.autoscaling import MOST_REPLICAS, Autoscaling
from bookstore_operator.api.external import CredentialsSecretRef
from bookstore_operator.api.model import ApiModel, rule, rules
from bookstore_operator.api.resources import Resources
from bookstore_operator.api.scalars import Image

SERVICES = ("auth", "catalogue", "orders")
"""The services of the shop, in the order in which they are started."""

LONGEST_SCHEMA = 53
"""Characters of a schema's name that leave room for ``_catalogue`` below MySQL's 64."""


class Topology(StrEnum):
    """Whether the shop runs as one, or as a service for each of its parts."""

    MONOLITH = "Monolith"
    MICROSERVICES = "Microservices"


class ServiceDatabase(ApiModel):
    """How a service logs in to a database whose users the operator does not make."""

    credentials_secret_ref: CredentialsSecretRef
    """The Secret that holds user and password of this service. The schema is that of the store
    with _auth, _catalogue or _orders at its end; it must exist, and the user have all rights on it,
    and on no other."""


class ShopService(ApiModel):
    """What a service has for itself; what is left out is as the store's own field says."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.autoscaling) || !has(self.replicas)",
                "replicas and autoscaling are both set, and the autoscaler chooses the number; "
                "take one of them out",
                field=".replicas",
            ),
            rule(
                "!has(oldSelf.autoscaling) || has(self.autoscaling) || has(self.replicas)",
                "autoscaling is taken out, and nothing says how many pods go on serving; set "
                "replicas in the same change, for example to the number that runs now",
                field=".replicas",
            ),
        )
    )

    image: Image | None = None
    """The image of this service, where it is another one than that of the others."""

    replicas: Annotated[int | None, Field(ge=0, le=MOST_REPLICAS)] = None
    """How many pods serve it."""

    autoscaling: Autoscaling | None = None
    """Let an autoscaler choose how many pods serve it."""

    resources: Resources | None = None
    """What each of its pods is given."""

    database: ServiceDatabase | None = None
    """How it logs in, where the database is external or rds; elsewhere the operator makes users."""


class ServiceGateway(ApiModel):
    """The NGINX that leads each request to the service of its path."""

    image: Image = "nginx:1.30.5"
    """The image of NGINX. It needs nothing of its own but nginx, sh and awk."""

    replicas: Annotated[int, Field(ge=1, le=MOST_REPLICAS)] = 2
    """How many pods lead to the services."""


class Services(ApiModel):
    """What the services of a store of topology Microservices have for themselves."""

    auth: ShopService | None = None
    """Accounts, sessions and moderators."""

    catalogue: ShopService | None = None
    """Books and their covers."""

    orders: ShopService | None = None
    """Carts, purchases and shipping."""

    gateway: ServiceGateway = ServiceGateway()
    """What every way to the shop leads to."""


def _each(cel: str) -> str:
    return " && ".join(cel.replace("NAME", name) for name in SERVICES)


_MONOLITH = "self.topology == 'Monolith'"
_OWN_USERS = "(has(self.database.external) || has(self.database.rds))"

TOPOLOGY_RULES = (
    rule(
        f"!({_MONOLITH}) || !has(self.services) || "
        # Those of a store that moves back, or has, may stay.
        "oldSelf.hasValue() && has(oldSelf.value().services)",
        "services is set, and the shop runs as one; set topology: Microservices, or take services "
        "out",
        field=".services",
        of_all=True,
    ),
    rule(
        f"{_MONOLITH} || !{_OWN_USERS} || has(self.services) && "
        + _each("has(self.services.NAME) && has(self.services.NAME.database)"),
        "each service logs in as a user of its own, which you make on this database; set "
        "services.auth.database, services.catalogue.database and services.orders.database, for "
        "example {credentialsSecretRef: {name: orders-db}}",
        field=".services",
    ),
    rule(
        f"{_OWN_USERS} || !has(self.services) || "
        + _each("(!has(self.services.NAME) || !has(self.services.NAME.database))"),
        "the operator makes the services' users on this database; take database out of services",
        field=".services",
    ),
    rule(
        f"{_MONOLITH} || !has(self.database.external) || "
        f"size(self.database.external.schema) <= {LONGEST_SCHEMA}",
        f"database.external.schema has more than {LONGEST_SCHEMA} characters, and the services' "
        "schemas end in _auth, _catalogue and _orders; choose a shorter one",
        field=".database.external.schema",
    ),
)
"""What a store of services needs, and what one that runs as one has not."""


def _logins(store: str) -> str:
    spec = f"{store}.spec.services"
    return f"has({spec}) && " + " && ".join(
        f"has({spec}.{name}) && has({spec}.{name}.database)" for name in SERVICES
    )


_SERVE = (
    "has(self.status) && (has(self.status.move) || "
    "has(self.status.topology) && self.status.topology == 'Microservices')"
)

LOGINS_STAY = rule(
    f"self.spec.topology != 'Monolith' || !({_OWN_USERS.replace('self', 'self.spec')}) || "
    f"!({_SERVE}) || !({_logins('oldSelf')}) || {_logins('self')}",
    "services is taken out while the services still run, and each logs in to this database by its "
    "own database; set topology: Monolith alone, and take services out once status.topology says "
    "Monolith and status.move is gone",
    field=".spec.services",
)
"""What the services log in by stays until the store has moved to run as one."""


def pods_of_service(name: str, whole: str) -> str:
    """Return CEL for the most pods of a service, where ``whole`` is CEL for the store's own."""
    service = f"self.services.{name}"
    return (
        f"(has(self.services) && has({service}) && has({service}.autoscaling) "
        f"? {service}.autoscaling.maxReplicas : "
        f"has(self.services) && has({service}) && has({service}.replicas) "
        f"? {service}.replicas : {whole})"
    )
