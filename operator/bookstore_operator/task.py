"""What is done to a store once, as its components see it: typed spec and status, and the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from bookstore_operator.api import GROUP, KIND, PLURAL, VERSION
from bookstore_operator.api.model import ApiModel, unknown_fields
from bookstore_operator.api.services import SERVICES
from bookstore_operator.api.tasks import ENDED, TaskStatus
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.errors import InvalidResourceError
from bookstore_operator.engine.resource import condition_types
from bookstore_operator.engine.root import (
    INSTANCE_LABEL,
    MANAGED,
    MANAGED_BY_LABEL,
    PREFIX,
    Root,
    identify,
)
from bookstore_operator.kube.client import MANAGER
from bookstore_operator.kube.objects import Kind, Ref
from bookstore_operator.store import COMPONENT_LABEL, NAME_LABEL

TASK_LABEL = f"{PREFIX}/task"
"""The label by which the Jobs of a kind of task are followed; its value is the kind."""

STANDSTILL = f"{PREFIX}/restore"
"""The annotation of a BookStore by which its pods stand still: name and uid of the restore."""

RESTORE_KIND, RESTORE_PLURAL = "BookStoreRestore", "bookstorerestores"
BACKUP_KIND, BACKUP_PLURAL = "BookStoreBackup", "bookstorebackups"
_ROOT_VERBS = ("get", "list", "watch", "patch")

BACKUP_TASK = Kind(GROUP, VERSION, BACKUP_KIND, BACKUP_PLURAL, verbs=_ROOT_VERBS)
RESTORE_TASK = Kind(GROUP, VERSION, RESTORE_KIND, RESTORE_PLURAL, verbs=_ROOT_VERBS)

# Read by name while something is under way, and not watched by all who might once need them.
STORE_READ = Kind(GROUP, VERSION, KIND, PLURAL, verbs=("get", "patch"))
BACKUP_READ = Kind(GROUP, VERSION, BACKUP_KIND, BACKUP_PLURAL, verbs=("get",))
RESTORE_READ = Kind(GROUP, VERSION, RESTORE_KIND, RESTORE_PLURAL, verbs=("get",))
DEPLOYMENT_READ = Kind("apps", "v1", "Deployment", "deployments", verbs=("get",))

Spec = TypeVar("Spec", bound=ApiModel)
Status = TypeVar("Status", bound=TaskStatus)


@dataclass(frozen=True)
class Task(Root, Generic[Spec, Status]):
    """One task, parsed.

    Attributes:
        spec: What is wanted.
        status: What was written last, without the conditions.
    """

    spec: Spec
    status: Status

    @property
    def ended(self) -> bool:
        """Return whether it was done, or given up; nothing is done then any more."""
        return self.status.phase in ENDED

    def recorded(self) -> dict[str, Any]:
        """Return the fields of the status that components wrote last."""
        kept = self.status.manifest()
        return {k: v for k, v in kept.items() if k not in {"conditions", "observedGeneration"}}

    def store(self, name: str) -> Ref:
        """Return a BookStore of the namespace."""
        return Ref(STORE_READ, self.namespace, name)

    def web(self, store: str, service: str | None = None) -> Ref:
        """Return the Deployment of a store's pods, or of those of one of its services."""
        name = f"{store}-{service}" if service else store
        return Ref(DEPLOYMENT_READ, self.namespace, name)

    def webs(self, store: str) -> list[Ref]:
        """Return all Deployments that the pods of a store may be of, whatever its topology is."""
        return [self.web(store), *(self.web(store, one) for one in SERVICES)]

    def labels(self, store: str, component: str) -> dict[str, str]:
        """Return the labels of a Job for a store."""
        return {
            NAME_LABEL: "bookstore",
            INSTANCE_LABEL: store,
            COMPONENT_LABEL: component,
            "app.kubernetes.io/part-of": "bookstore",
            MANAGED_BY_LABEL: MANAGER,
            TASK_LABEL: self.ref.kind.name,
        }


class Tasks(Generic[Spec, Status]):
    """A kind of root that is done once."""

    counted = False

    def __init__(
        self,
        kind: Kind,
        components: Sequence[Component[Any]],
        spec: type[Spec],
        status: type[Status],
    ) -> None:
        self.kind = kind
        self.components = components
        self.selector = f"{MANAGED},{TASK_LABEL}={kind.name}"
        self.spec, self.status = spec, status
        self._types = frozenset(map(str, condition_types(self)))

    def identify(self, body: Mapping[str, Any]) -> Root:
        """Return what a task is apart from its spec."""
        return identify(self.kind, body, self._types)

    def parse(self, body: Mapping[str, Any]) -> Task[Spec, Status]:
        """Return a task with its spec.

        Raises:
            InvalidResourceError: The spec is not one that this operator understands.
        """
        root = self.identify(body)
        try:
            spec = self.spec.model_validate(body["spec"])
        except ValidationError as error:
            raise InvalidResourceError.of(root.ref, error) from error
        known = {one.name: getattr(root, one.name) for one in fields(Root)}
        written = dict(body.get("status") or {})
        written.pop("conditions", None)
        return Task(**known, spec=spec, status=self.status.model_validate(written))

    def unknown_fields(self, body: Mapping[str, Any]) -> list[str]:
        """Return the fields of a spec that this operator does not know."""
        return unknown_fields(self.spec, body["spec"])
