"""The store as the components see it: typed spec and status, names of its children, labels."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from bookstore_operator.api import GROUP, KIND, PLURAL, VERSION
from bookstore_operator.api.conditions import Condition
from bookstore_operator.api.model import ApiModel
from bookstore_operator.api.move import Move, Sides
from bookstore_operator.api.services import SERVICES, Topology
from bookstore_operator.api.spec import BookStoreSpec, DeletionPolicy, StoreState
from bookstore_operator.api.status import BookStoreStatus, DatabaseStatus, VolumeStatus
from bookstore_operator.engine.errors import InvalidResourceError
from bookstore_operator.engine.root import INSTANCE_LABEL, MANAGED_BY_LABEL, PREFIX, Root, identify
from bookstore_operator.kube.client import MANAGER
from bookstore_operator.kube.objects import Kind
from bookstore_operator.names import Named

BOOKSTORE = Kind(GROUP, VERSION, KIND, PLURAL, verbs=("get", "list", "watch", "patch"))
COMPONENT_LABEL = "app.kubernetes.io/component"
NAME_LABEL = "app.kubernetes.io/name"

ACCEPT_LOSS = f"{PREFIX}/accept-volume-loss"
"""The annotation by which a person accepts that a volume's data is lost: the lost claim's uid."""


F = TypeVar("F", bound=ApiModel)


@dataclass(frozen=True)
class Store(Named):
    """One BookStore, parsed.

    Attributes:
        spec: What is wanted.
        status: What was written last, without the conditions, some of which are other writers'.
        whole: The whole store, where it is seen as a service.
        postponed: Images that the spec wants, and that are rolled out once the store has moved.
    """

    spec: BookStoreSpec
    status: BookStoreStatus
    whole: "Store | None" = None
    postponed: tuple[str, ...] = ()

    @classmethod
    def parse(
        cls,
        body: Mapping[str, Any],
        types: frozenset[str],
        model: type[BookStoreSpec],
        observed: type[BookStoreStatus],
    ) -> "Store":
        """Parse a BookStore as the API returns it.

        Args:
            body: The BookStore.
            types: The conditions that the operator writes; other writers' are left out.
            model: The whole spec, with the fields that components add.
            observed: The whole status, likewise.

        Raises:
            InvalidResourceError: The spec is not one that this operator understands.
        """
        root = identify(BOOKSTORE, body, types)
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
        status = observed.model_validate(written)
        if status.move is None:
            return cls(**known, spec=spec, status=status)
        held = spec.with_image(status.move.image)
        return cls(**known, spec=held, status=status, postponed=_postponed(spec, status.move))

    @property
    def move(self) -> Move | None:
        """Return the move to another topology that is under way; None where there is none."""
        return self.status.move

    @property
    def sides(self) -> Sides:
        """Return what of the store runs now, and which side of it shoppers are led to."""
        return sides_of(self.spec, (self.whole or self).status)

    @property
    def leads_to_services(self) -> bool:
        """Return whether shoppers are led to the services."""
        return self.sides.led_to is Topology.MICROSERVICES

    @property
    def has_services(self) -> bool:
        """Return whether there are services, or were or will be while the store moves."""
        return self.move is not None or self.sides.services

    @property
    def has_whole(self) -> bool:
        """Return whether there is the shop as one, or was or will be while the store moves."""
        return self.move is not None or self.sides.whole

    @property
    def parts(self) -> "tuple[Store, ...]":
        """Return what has pods of its own now: the shop as one, its services, or both.

        What shoppers are led to comes first.
        """
        whole = (self,) if self.sides.whole else ()
        services = self.services if self.sides.services else ()
        return (*services, *whole) if self.leads_to_services else (*whole, *services)

    @property
    def counted_parts(self) -> "tuple[Store, ...]":
        """Return what may have pods before a move is over: ``parts``, and all while there is one.

        Pods of one side go by it before those of the other are there, such as in the connections
        that they open.
        """
        return (self, *self.services) if self.move else self.parts

    @property
    def services(self) -> "tuple[Store, ...]":
        """Return the store as each of its services has it, whether they run or not."""
        return tuple(map(self.of, SERVICES))

    def of(self, service: str) -> "Store":
        """Return the store as one of its services has it: its spec, status, names and labels.

        What all services share, such as the database's server, keeps its name.
        """
        told = next((one for one in self.status.services or [] if one.name == service), None)
        revision = DatabaseStatus(schema_revision=told.schema_revision) if told else None
        seen = {
            "image": told.image if told else None,
            "history": told.history if told else None,
            "database": revision,
        }
        return replace(
            self,
            spec=self.spec.of_service(service),
            status=self.status.model_copy(update=seen),
            part=service,
            whole=self,
        )

    @property
    def is_part(self) -> bool:
        """Return whether it has pods of its own: the shop as one, or seen as a service."""
        return self.part is not None or self.sides.whole

    def condition(self, kind: str) -> Condition | None:
        """Return a condition as it was written last, or None: a service's own, or the store's."""
        own = super().condition(condition_of(self.part, kind)) if self.part else None
        return own or super().condition(kind)

    def fragment(self, model: type[F]) -> F:
        """Return the fields of the spec that a component declares.

        Raises:
            TypeError: The component of that fragment is not in the order; a fault of the program.
        """
        if not isinstance(self.spec, model):
            raise TypeError(f"the spec has no fields of {model.__name__}")
        return self.spec

    def recorded(self, model: type[F]) -> F:
        """Return the fields of the status that a component declares, as it wrote them last.

        Raises:
            TypeError: The component of that fragment is not in the order; a fault of the program.
        """
        if not isinstance(self.status, model):
            raise TypeError(f"the status has no fields of {model.__name__}")
        return self.status

    def labels(self, component: str) -> dict[str, str]:
        """Return the recommended labels of a child.

        Source: Kubernetes, "Recommended Labels".
        """
        return {
            NAME_LABEL: "bookstore",
            INSTANCE_LABEL: self.name,
            COMPONENT_LABEL: self._component(component),
            "app.kubernetes.io/part-of": "bookstore",
            MANAGED_BY_LABEL: MANAGER,
        }

    def selector(self, component: str) -> dict[str, str]:
        """Return the labels that select the pods of a component, and never change."""
        return {
            NAME_LABEL: "bookstore",
            INSTANCE_LABEL: self.name,
            COMPONENT_LABEL: self._component(component),
        }

    def _component(self, component: str) -> str:
        """Return the label's value: pods of a service are called after it, and others too."""
        if self.part is None:
            return component
        return self.part if component == "web" else f"{self.part}-{component}"

    def volume_status(self, name: str) -> VolumeStatus | None:
        """Return what the status holds of a volume, or None where it was never bound."""
        return next((one for one in self.status.volumes or [] if one.name == name), None)


def sides_of(spec: BookStoreSpec, status: BookStoreStatus) -> Sides:
    """Return what of a store runs now, and which side of it shoppers are led to."""
    return Sides(_settled(spec, status), status.move)


def _settled(spec: BookStoreSpec, status: BookStoreStatus) -> Topology:
    """Return what a store serves as where it does not move.

    One that never had a schema becomes what its spec says. Where the status does not say what it
    is, as operators before did not, it shows by whom it tells of.
    """
    services = status.services or []
    revision = status.database.schema_revision if status.database else None
    began = [status.image, revision, *(one.image or one.schema_revision for one in services)]
    if not any(began):
        return spec.topology
    return status.topology or (Topology.MICROSERVICES if services else Topology.MONOLITH)


def _postponed(spec: BookStoreSpec, move: Move) -> tuple[str, ...]:
    """Return the images that the spec wants beside that of the move, each once."""
    own = [service.image for _, service in spec.own_services() if service.image]
    wanted = [spec.image, *(own if spec.topology is Topology.MICROSERVICES else [])]
    return tuple(dict.fromkeys(image for image in wanted if image != move.image))


def condition_of(service: str, kind: str) -> str:
    """Return the type of a condition that each service has for itself."""
    return f"{service.capitalize()}{kind}"
