"""Disruption: the PodDisruptionBudget, by which a drain takes one pod of the shop at a time."""

from typing import ClassVar

from bookstore_operator.api.conditions import ConditionType
from bookstore_operator.components.manifests import child
from bookstore_operator.components.shop import GATEWAY, WEB, gateway_of
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, ready
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Fields, Kind, Manifest, Ref
from bookstore_operator.store import Store

POD_DISRUPTION_BUDGET = Kind(
    "policy",
    "v1",
    "PodDisruptionBudget",
    "poddisruptionbudgets",
    fields=Fields(exclusive=(("spec",),), exact=(("spec", "selector", "matchLabels"),)),
)

DISRUPTION_LIMITED = ConditionType(
    "DisruptionLimited", "Evictions, such as a drain's, take one pod of the shop at a time."
)


class Disruption(Component[Store]):
    """Limit evictions where several pods serve; a single one must not keep its node."""

    condition: ClassVar = DISRUPTION_LIMITED
    kinds: ClassVar = (POD_DISRUPTION_BUDGET,)

    def active(self, root: Store) -> bool:
        """Return whether the shop has pods to spare, or an autoscaler may give it some."""
        # The gateway has pods to spare whatever the services have.
        return not root.spec.hibernated and (root.sides.gateway or root.spec.most_replicas > 1)

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return a budget for the shop, or each service and their gateway, that has pods to spare.

        Pods that are not ready may always go, so that no drain hangs. Source: Kubernetes,
        "Specifying a Disruption Budget for your Application".
        """
        budgets = [_budget(one, one.web.name, WEB) for one in root.parts if _may_spare(one)]
        if root.sides.gateway and gateway_of(root).replicas > 1:
            budgets.append(_budget(root, root.front.name, GATEWAY))
        return budgets

    def judge(self, root: Store, view: View) -> Verdict:  # noqa: ARG002
        """Judge nothing: a budget that is there limits evictions."""
        return ready("An eviction takes one pod at a time.")


def _may_spare(store: Store) -> bool:
    return not store.spec.hibernated and store.spec.most_replicas > 1


def _budget(store: Store, name: str, component: str) -> Manifest:
    spec = {
        "maxUnavailable": 1,
        "selector": {"matchLabels": store.selector(component)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    ref = Ref(POD_DISRUPTION_BUDGET, store.namespace, name)
    return child(store, ref, component, spec=spec)
