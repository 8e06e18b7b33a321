"""Network: NetworkPolicies, by which pods reach what they need, and are reached by who needs it."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from bookstore_operator.api.conditions import ConditionType
from bookstore_operator.api.model import ApiModel, rule, rules
from bookstore_operator.api.scalars import NamespaceName
from bookstore_operator.components.database.connection import PORT as MYSQL_PORT
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.components.manifests import child
from bookstore_operator.components.outputs import mail_settings
from bookstore_operator.components.shop import (
    DATABASE,
    HTTPS_PORT,
    METRICS_PORT,
    MIGRATION,
    PORT,
    WEB,
)
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, ready
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Fields, Kind, Manifest, Ref
from bookstore_operator.store import COMPONENT_LABEL, NAME_LABEL, Store

NETWORK_POLICY = Kind(
    "networking.k8s.io",
    "v1",
    "NetworkPolicy",
    "networkpolicies",
    fields=Fields(exclusive=(("spec",),)),
)
NETWORK_RESTRICTED = ConditionType(
    "NetworkRestricted", "Pods reach what they need, and are reached by who needs them."
)

BACKUP = "backup"
"""The component of pods that back up and restore; they are not the operator's."""

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label by which Kubernetes names each namespace."""

DNS = {"ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}
"""Names are resolved anywhere: the cluster's DNS may be pods, or a cache on the node."""


class NetworkPolicies(ApiModel):
    """Whether the operator keeps NetworkPolicies, and who else may come in."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.enabled || !has(self.metricsFrom)",
                "without policies everybody may read metrics: set enabled: true, or take "
                "metricsFrom out",
                field=".metricsFrom",
            )
        )
    )

    enabled: bool = True
    """Whether there are policies; set it to false where the cluster has rules of its own that these
    do not go with, such as those of a service mesh."""

    metrics_from: Annotated[
        tuple[NamespaceName, ...] | None,
        Field(min_length=1, max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = None
    """The namespaces whose pods may read metrics, such as monitoring; all of the cluster where it
    is left out."""


class NetworkSpec(ApiModel):
    """The spec's word on the network."""

    network_policies: NetworkPolicies = NetworkPolicies()
    """Policies that allow the store's pods just what they need; a cluster enforces them where its
    network does."""


class Network(Component[Store]):
    """Allow what is needed; what no policy allows is denied to the pods that one selects.

    A node reaches the pods that it runs in any case, so probes need no rule. Source: Kubernetes,
    "Network Policies".
    """

    condition: ClassVar = NETWORK_RESTRICTED
    spec_fields: ClassVar = NetworkSpec
    kinds: ClassVar = (NETWORK_POLICY,)

    def active(self, root: Store) -> bool:
        """Return whether the store has policies."""
        return _policies(root).enabled

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return a policy for each kind of the store's pods."""
        database = _database(root, view)
        port = mail_settings(view).port
        mail = [{"ports": [_port(port)]}] if port else []
        shop = [_metrics(_policies(root)), {"ports": [_port(PORT), _port(HTTPS_PORT)]}]
        policies = [
            _policy(root, WEB, shop, [DNS, database, *mail]),
            _policy(root, MIGRATION, [], [DNS, database]),
        ]
        if root.spec.database.embedded:
            policies.append(_policy(root, DATABASE, [_clients(root)], [DNS]))
        return policies

    def judge(self, root: Store, view: View) -> Verdict:  # noqa: ARG002
        """Judge nothing: whether policies are enforced is the cluster's affair, and not told."""
        return ready("The policies are there; the cluster's network enforces them where it can.")


def _policies(store: Store) -> NetworkPolicies:
    return store.fragment(NetworkSpec).network_policies


def _policy(
    store: Store, component: str, ingress: list[Manifest], egress: list[Manifest]
) -> Manifest:
    spec = {
        "podSelector": {"matchLabels": store.selector(component)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
        "egress": egress,
    }
    ref = Ref(NETWORK_POLICY, store.namespace, f"{store.name}-{component}")
    return child(store, ref, component, spec=spec)


def _port(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}


def _database(store: Store, view: View) -> Manifest:
    """Return the rule to the database: its own pods, or the port of a server anywhere."""
    rule_ = {"ports": [_port(view.output(Connection).port)]}
    if store.spec.database.embedded:
        return rule_ | {"to": [{"podSelector": {"matchLabels": store.selector(DATABASE)}}]}
    return rule_


def _metrics(policies: NetworkPolicies) -> Manifest:
    named = {"key": NAMESPACE_NAME, "operator": "In", "values": list(policies.metrics_from or ())}
    namespaces = {"matchExpressions": [named]} if policies.metrics_from else {}
    return {"ports": [_port(METRICS_PORT)], "from": [{"namespaceSelector": namespaces}]}


def _clients(store: Store) -> Manifest:
    """Return the rule of who may reach the embedded database."""
    pods = [store.selector(WEB), store.selector(MIGRATION)]
    pods.append({NAME_LABEL: "bookstore", COMPONENT_LABEL: BACKUP})
    return {
        "ports": [_port(MYSQL_PORT)],
        "from": [{"podSelector": {"matchLabels": labels}} for labels in pods],
    }
