"""Placement: the nodes that a pod may run on, and how the shop's pods are spread."""

from bookstore_operator.api.placement import Placement, TopologySpread
from bookstore_operator.api.spec import AccessMode
from bookstore_operator.components.shop import WEB
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import COMPONENT_LABEL, Store

HOSTNAME = "kubernetes.io/hostname"

NODE_AWAY = 30
"""Seconds after which a pod is replaced whose node is gone; Kubernetes waits 300 by default."""

FIELDS = ("nodeSelector", "priorityClassName", "tolerations")
"""The fields of a pod that ``placed`` returns."""


def placed(store: Store, tolerated: list[Manifest] | None = None) -> Manifest:
    """Return where a pod of the store may run, as far as the spec says it.

    Args:
        store: The store.
        tolerated: Tolerations of ours; one of the spec with the same key counts in its place.
    """
    wanted = (store.spec.placement or Placement()).manifest()
    named = {name: wanted[name] for name in FIELDS if wanted.get(name)}
    theirs: list[Manifest] = named.get("tolerations", [])
    keys = {one.get("key") for one in theirs}
    ours = [one for one in tolerated or [] if one["key"] not in keys]
    return named | ({"tolerations": [*ours, *theirs]} if ours or theirs else {})


def node_away() -> list[Manifest]:
    """Return for how long a pod stays bound to a node that does not answer."""
    return [
        {
            "key": f"node.kubernetes.io/{trouble}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": NODE_AWAY,
        }
        for trouble in ("not-ready", "unreachable")
    ]


def _all_services(store: Store) -> Manifest | None:
    """Return what selects the pods of all services; None for the shop as one."""
    if store.whole is None:
        return None
    selector = store.selector(WEB)
    values = [part.selector(WEB)[COMPONENT_LABEL] for part in store.whole.parts]
    alike = {name: value for name, value in selector.items() if name != COMPONENT_LABEL}
    named = {"key": COMPONENT_LABEL, "operator": "In", "values": values}
    return {"matchLabels": alike, "matchExpressions": [named]}


def spread(store: Store) -> Manifest:
    """Spread the pods over nodes and zones, or keep them where a volume of one node is.

    Pods of another revision are not counted, so that a rollout ends as evenly as it began. Both
    are preferences, so that pods start where nodes are few, and together they weigh more than all
    else that the scheduler likes of a node (image there, free resources, balance: 100 each, spread
    and affinity: 200 each). Zones are no spread constraint: a node without the label of one
    constraint is left out of the scores of all. Source: Kubernetes, "Pod Topology Spread
    Constraints"; ``k8s.io/kubernetes/pkg/scheduler/framework/plugins``.
    """
    selector = {"matchLabels": store.selector(WEB)}
    claim = store.spec.storage.claim
    if claim and AccessMode.READ_WRITE_MANY not in claim.access_modes:
        # All services use the volume, so that all of their pods are on its node.
        term = {"topologyKey": HOSTNAME, "labelSelector": _all_services(store) or selector}
        return {
            "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        }
    revision = {"labelSelector": selector, "matchLabelKeys": ["pod-template-hash"]}
    preferred = [
        {"weight": weight, "podAffinityTerm": {"topologyKey": key, **revision}}
        for key, weight in ((HOSTNAME, 100), ("topology.kubernetes.io/zone", 50))
    ]
    placement = store.spec.placement or Placement()
    wanted = placement.topology_spread or (TopologySpread(topology_key=HOSTNAME),)
    constraints = [constraint.manifest() | revision for constraint in wanted]
    return {
        "affinity": {
            "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
        },
        "topologySpreadConstraints": constraints,
    }
