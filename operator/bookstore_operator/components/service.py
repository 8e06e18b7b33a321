"""One service of the store: a component of the shop, seen as that service has it."""

from dataclasses import replace
from typing import Any

from bookstore_operator.api.conditions import ConditionType
from bookstore_operator.api.services import SERVICES
from bookstore_operator.components.autoscaling import Autoscaler
from bookstore_operator.components.database.connection import Connection, of_service
from bookstore_operator.components.manifests import child
from bookstore_operator.components.migration import Migration
from bookstore_operator.components.outputs import PublicAddress
from bookstore_operator.components.shop import INTERNAL_PORT, PORT, WEB
from bookstore_operator.components.upgrade import Upgrade
from bookstore_operator.components.web import Web
from bookstore_operator.engine.component import Component, Patch
from bookstore_operator.engine.verdict import Verdict
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.errors import OperatorError
from bookstore_operator.kube.kinds import SERVICE
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store, condition_of


class OfService(Component[Store]):
    """Run a component of the shop for one service, beside those of the others.

    It has a condition of its own, which its parts of the same service alone wait for: what fails in
    one service holds nothing back in another.
    """

    def __init__(self, service: str, inner: Component[Store]) -> None:
        """See a component as a service.

        Args:
            service: The service.
            inner: The component, as it is for the shop as one.
        """
        self.service, self.inner = service, inner
        meaning = f"The same as {inner.condition}, of the service {service}."
        vars(self).update(
            condition=ConditionType(condition_of(service, inner.condition), meaning),
            told=inner.told,
            awaited=inner.awaited,
            kinds=inner.kinds,
            reads=inner.reads,
            reasons=inner.reasons,
            events=inner.events,
            requires=tuple(map(self._own, inner.requires)),
            begins_after=tuple(map(self._own, inner.begins_after)),
        )

    def _own(self, condition: ConditionType) -> ConditionType:
        if condition not in {one.condition for one in PARTS}:
            return condition
        return ConditionType(condition_of(self.service, condition), condition.meaning)

    def active(self, root: Store) -> bool:
        """Return whether the services have pods, and this one has such a part."""
        return root.sides.services and self.inner.active(root.of(self.service))

    def references(self, root: Store, view: View) -> list[Ref]:
        """Return what the component refers to."""
        return self.inner.references(*self._seen(root, view))

    def begun(self, root: Store, view: View) -> bool:
        """Return whether the service's part was made before."""
        return self.inner.begun(*self._seen(root, view))

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:
        """Give out to the service alone."""
        own, within = self._seen(root, view)
        within.give(*self.inner.outputs(own, within))
        return ()

    def patches(self, root: Store, view: View) -> list[Patch]:
        """Return the component's changes."""
        return self.inner.patches(*self._seen(root, view))

    def replaced(self, root: Store, view: View) -> list[Ref]:
        """Return what the component makes anew."""
        return self.inner.replaced(*self._seen(root, view))

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return the service's objects."""
        return self.inner.children(*self._seen(root, view))

    def retained(self, root: Store, view: View) -> set[Ref]:
        """Return the service's objects that stay for a while."""
        return self.inner.retained(*self._seen(root, view))

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return what the component lists."""
        return self.inner.queries(*self._seen(root, view))

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge the service's part."""
        return self.inner.judge(*self._seen(root, view))

    def refused(self, root: Store, view: View, error: OperatorError) -> Verdict:
        """Judge that a child of the service was refused."""
        return self.inner.refused(*self._seen(root, view), error)

    def leftovers(self, root: Store, view: View) -> list[Ref]:
        """Return what is to go with the store."""
        return self.inner.leftovers(*self._seen(root, view))

    def _seen(self, root: Store, view: View) -> tuple[Store, View]:
        """Return store and view as the service has them."""
        own = root.of(self.service)
        within = view.within(self.service, own)
        connection, address = view.outputs.get(Connection), view.outputs.get(PublicAddress)
        if connection:
            within.give(of_service(own, connection))
        if address:
            # The gateway is one more that adds to X-Forwarded-For.
            within.give(replace(address, hops=address.hops + 1))
        return own, within


TOLD = ("image", "replicas", "readyReplicas", "history")
"""What the status tells of the pods of a service as of those of the shop as one."""


class ServicePods(OfService):
    """Run the pods of one service and its Service, and tell of it in the store's status."""

    def __init__(self, service: str, inner: Component[Store]) -> None:
        """See the pods of the shop as those of a service."""
        super().__init__(service, inner)
        vars(self).update(kinds=(*inner.kinds, SERVICE))

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return the pods' objects, and the Service by which others reach them, before they run."""
        *environment, deployment = super().children(root, view)
        return [*environment, _reached(root.of(self.service)), deployment]

    def status(self, root: Store, view: View) -> Manifest:
        """Return the service's entry of the status."""
        own, within = self._seen(root, view)
        told = self.inner.status(own, within)
        migrated = MIGRATION.status(own, within).get("database", {})
        verdicts = [MIGRATION.judge(own, within), self.inner.judge(own, within)]
        worst = next((one for one in verdicts if not one.ready), verdicts[-1])
        entry: dict[str, Any] = {
            "name": self.service,
            **{name: told[name] for name in TOLD if name in told},
            **migrated,
            "reason": str(worst.reason),
            "message": worst.message,
        }
        return {"services": [entry]}


def _reached(store: Store) -> Manifest:
    """Return the Service by which the gateway and the other services reach a service."""
    ports = [
        {"name": name, "port": port, "targetPort": port, "protocol": "TCP"}
        for name, port in (("http", PORT), ("internal", INTERNAL_PORT))
    ]
    spec = {"type": "ClusterIP", "selector": store.selector(WEB), "ports": ports}
    return child(store, store.reached, WEB, spec=spec)


MIGRATION, WEB_PODS = Migration(), Web()
PARTS: tuple[Component[Store], ...] = (MIGRATION, Upgrade(), WEB_PODS, Autoscaler())
"""What has pods or leads them to what they are: for the shop as one, and for each service."""


def services() -> list[Component[Store]]:
    """Return the parts of each service, all of one before those of the next."""
    return [
        (ServicePods if part is WEB_PODS else OfService)(service, part)
        for service in SERVICES
        for part in PARTS
    ]
