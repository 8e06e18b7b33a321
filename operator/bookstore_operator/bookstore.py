"""The BookStore as a kind of root: its components, in the order in which they are brought about."""

from collections.abc import Mapping, Sequence
from typing import Any

from bookstore_operator.api.model import composed, unknown_fields
from bookstore_operator.api.spec import BookStoreSpec
from bookstore_operator.api.status import BookStoreStatus
from bookstore_operator.components.backup import Backup
from bookstore_operator.components.certificate import Certificate
from bookstore_operator.components.credentials import Credentials
from bookstore_operator.components.database.embedded import EmbeddedDatabase
from bookstore_operator.components.database.external import ExternalDatabase
from bookstore_operator.components.database.percona import PerconaDatabase
from bookstore_operator.components.database.rds import RdsDatabase
from bookstore_operator.components.disruption import Disruption
from bookstore_operator.components.drill import Drill
from bookstore_operator.components.environment import Environment
from bookstore_operator.components.exposure.gateway import GatewayExposure
from bookstore_operator.components.exposure.ingress import IngressExposure
from bookstore_operator.components.exposure.load_balancer import LoadBalancerExposure
from bookstore_operator.components.mail import MailServer
from bookstore_operator.components.network import Network
from bookstore_operator.components.offsite import OffSite
from bookstore_operator.components.service import PARTS, services
from bookstore_operator.components.servicegateway import ServiceGateway
from bookstore_operator.components.storage import Storage
from bookstore_operator.components.topologymove import TopologyMove
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.resource import condition_types
from bookstore_operator.engine.root import MANAGED, Root, identify
from bookstore_operator.kube.objects import Kind
from bookstore_operator.store import BOOKSTORE, Store

ORDER: tuple[Component[Store], ...] = (
    Credentials(),
    Storage(),
    EmbeddedDatabase(),
    ExternalDatabase(),
    RdsDatabase(),
    PerconaDatabase(),
    LoadBalancerExposure(),
    IngressExposure(),
    GatewayExposure(),
    Certificate(),
    MailServer(),
    Environment(),
    Network(),
    *PARTS,
    *services(),
    ServiceGateway(),
    TopologyMove(),
    Disruption(),
    Backup(),
    OffSite(),
    Drill(),
)
"""To add a component is to add its file and a line here."""


Spec = composed(BookStoreSpec, [one.spec_fields for one in ORDER if one.spec_fields])
Status = composed(BookStoreStatus, [one.status_fields for one in ORDER if one.status_fields])


class BookStores:
    """The kind of root that people apply for a store."""

    kind: Kind = BOOKSTORE
    components: Sequence[Component[Any]] = ORDER
    selector = MANAGED
    counted = True

    def __init__(self) -> None:
        self._types = frozenset(map(str, condition_types(self)))

    def identify(self, body: Mapping[str, Any]) -> Root:
        """Return what a BookStore is apart from its spec."""
        return identify(BOOKSTORE, body, self._types)

    def parse(self, body: Mapping[str, Any]) -> Store:
        """Return a BookStore with its spec.

        Raises:
            InvalidResourceError: The spec is not one that this operator understands.
        """
        return Store.parse(body, self._types, Spec, Status)

    def unknown_fields(self, body: Mapping[str, Any]) -> list[str]:
        """Return the fields of a spec that this operator does not know."""
        return unknown_fields(Spec, body["spec"])
