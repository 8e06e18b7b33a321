"""Network: NetworkPolicies, by which pods reach what they need, and are reached by who needs it."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from bookstore_operator.api.conditions import ConditionType
from bookstore_operator.api.model import ApiModel, rule, rules
from bookstore_operator.api.scalars import NamespaceName
from bookstore_operator.components.backup import BackupSpec
from bookstore_operator.components.bucket import way_to
from bookstore_operator.components.database.connection import PORT as MYSQL_PORT
from bookstore_operator.components.database.connection import Connection, reads_replicas
from bookstore_operator.components.manifests import child
from bookstore_operator.components.outputs import mail_settings
from bookstore_operator.components.shop import (
    BACKUP,
    DATABASE,
    GATEWAY,
    HTTPS_PORT,
    INTERNAL_PORT,
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
        metrics, shoppers = _metrics(_policies(root)), {"ports": [_port(PORT), _port(HTTPS_PORT)]}
        policies = []
        for part in root.parts:
            came = [shoppers] if part.part is None else _callers(part)
            calls = _calls(part) if part.part else []
            serving = [database, *_replicas(part, view)]
            policies += [
                _policy(part, WEB, [metrics, *came], [DNS, *serving, *mail, *calls]),
                _policy(part, MIGRATION, [], [DNS, database]),
            ]
        if root.sides.gateway:
            policies.append(_policy(root, GATEWAY, [shoppers], [DNS, *_led_to(root)]))
        # Also without a schedule: backups and restores may be asked for at any time.
        backup = root.fragment(BackupSpec).backup
        bucket = way_to(backup.s3) if backup and backup.s3 else []
        policies.append(_policy(root, BACKUP, [], [DNS, database, *bucket]))
        return policies + _embedded(root)

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
    named = store.selector(component)[COMPONENT_LABEL]
    ref = Ref(NETWORK_POLICY, store.namespace, f"{store.name}-{named}")
    return child(store, ref, component, spec=spec)


def _port(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}


def _database(store: Store, view: View) -> Manifest:
    """Return the rule to the database: its own pods, or the port of a server anywhere."""
    rule_ = {"ports": [_port(view.output(Connection).port)]}
    if store.spec.database.embedded:
        return rule_ | {"to": [{"podSelector": {"matchLabels": store.selector(DATABASE)}}]}
    return rule_


def _replicas(store: Store, view: View) -> list[Manifest]:
    """Return the rule to where reads go that may be late, if a part of the store has such."""
    reader = view.output(Connection).reader
    return [{"ports": [_port(reader.pod_port)]}] if reader and reads_replicas(store) else []


def _metrics(policies: NetworkPolicies) -> Manifest:
    named = {"key": NAMESPACE_NAME, "operator": "In", "values": list(policies.metrics_from or ())}
    namespaces = {"matchExpressions": [named]} if policies.metrics_from else {}
    return {"ports": [_port(METRICS_PORT)], "from": [{"namespaceSelector": namespaces}]}


def _clients(store: Store) -> Manifest:
    """Return the rule of who may reach the embedded database."""
    # Pods of a side that has ended its part in a move work on until they have drained.
    parts = store.counted_parts
    pods = [part.selector(component) for part in parts for component in (WEB, MIGRATION)]
    pods.append({NAME_LABEL: "bookstore", COMPONENT_LABEL: BACKUP})
    return {"ports": [_port(MYSQL_PORT)], "from": _pods(pods)}


def _embedded(store: Store) -> list[Manifest]:
    """Return the policy of the embedded database, where there is one."""
    if not store.spec.database.embedded:
        return []
    return [_policy(store, DATABASE, [_clients(store)], [DNS])]


def _others(store: Store) -> list[dict[str, str]]:
    """Return the labels of the pods of the other services."""
    services = store.whole.services if store.whole else ()
    return [one.selector(WEB) for one in services if one.part != store.part]


def _callers(store: Store) -> list[Manifest]:
    """Return who may reach a service: the gateway its pages, the other services what is internal.

    Whoever else sends it something is refused by its token too; this keeps it from being asked.
    """
    gateway = (store.whole or store).selector(GATEWAY)
    return [
        {"ports": [_port(PORT)], "from": _pods([gateway])},
        {"ports": [_port(INTERNAL_PORT)], "from": _pods(_others(store))},
    ]


def _calls(store: Store) -> list[Manifest]:
    return [{"ports": [_port(INTERNAL_PORT)], "to": _pods(_others(store))}]


def _led_to(store: Store) -> list[Manifest]:
    return [{"ports": [_port(PORT)], "to": _pods([one.selector(WEB) for one in store.services])}]


def _pods(selectors: list[dict[str, str]]) -> list[Manifest]:
    return [{"podSelector": {"matchLabels": labels}} for labels in selectors]
