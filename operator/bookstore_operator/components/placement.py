"""Placement: the nodes that a pod may run on, and how the shop's pods are spread."""

from bookstore_operator.api.placement import Placement, TopologySpread
from bookstore_operator.api.services import Topology
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


def _beside(store: Store) -> Manifest:
    """Return what selects the pods of the shop that a pod is to be on a node with.

    They are its own and, of a service, those of the others; and, of what a move starts, those that
    were there before, which hold the volume.
    """
    root, selector = store.whole or store, store.selector(WEB)
    whole, services = (root,), root.services
    own, others = (services, whole) if store.part else (whole, services)
    comes = root.move and (root.move.to is Topology.MICROSERVICES) == bool(store.part)
    found = (*own, *others) if comes else own
    if len(found) == 1:
        return {"matchLabels": selector}
    values = [one.selector(WEB)[COMPONENT_LABEL] for one in found]
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
    claim = store.spec.storage.claim
    if claim and AccessMode.READ_WRITE_MANY not in claim.access_modes:
        # All use the volume, so that all of their pods are on its node.
        term = {"topologyKey": HOSTNAME, "labelSelector": _beside(store)}
        return {
            "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        }
    selector = {"matchLabels": store.selector(WEB)}
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
