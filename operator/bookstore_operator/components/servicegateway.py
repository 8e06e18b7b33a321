"""Service gateway: the NGINX by which the services are one shop, at one address."""

from typing import ClassVar

from bookstore_operator.api.conditions import ConditionType
from bookstore_operator.components.credentials import CREDENTIALS_READY
from bookstore_operator.components.gatewayconfig import FOLDER, SCRIPT, configuration
from bookstore_operator.components.manifests import (
    CONFIG_HASH,
    child,
    container_security,
    keyed_digest,
    pod_security,
    pull_secrets,
    scratch,
)
from bookstore_operator.components.outputs import PublicAddress
from bookstore_operator.components.placement import HOSTNAME, node_away, placed
from bookstore_operator.components.pods import (
    PODS_NOT_READY,
    REASONS,
    explain,
    wants_explanation,
)
from bookstore_operator.components.shop import (
    AVAILABLE_PODS,
    GATEWAY,
    HTTPS_PORT,
    PORT,
    complete_rollout,
    gateway_of,
    is_gateway_complete,
    wanted_gateways,
    wanted_pods,
)
from bookstore_operator.components.standstill import BEING_RESTORED, being_restored
from bookstore_operator.components.web import HIBERNATED
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, POD
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

GATEWAY_READY = ConditionType(
    "GatewayReady", "The pods that lead to the services, where the shop runs as such, are ready."
)
QUIT = 40
"""Seconds that NGINX has to answer what it took, once it no longer takes more."""


class ServiceGateway(Component[Store]):
    """Lead every way to the shop to the services, by path."""

    condition: ClassVar = GATEWAY_READY
    kinds: ClassVar = (CONFIG_MAP, DEPLOYMENT)
    reads: ClassVar = (POD,)
    reasons: ClassVar = (*REASONS, HIBERNATED, BEING_RESTORED)
    requires: ClassVar = (CREDENTIALS_READY,)

    def active(self, root: Store) -> bool:
        """Return whether the gateway has pods, as it has where the shop runs as services."""
        return root.sides.gateway

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return configuration and Deployment."""
        data = configuration(root, view.output(PublicAddress).hops)
        config = child(root, root.front_config, GATEWAY, data=data)
        return [config, _deployment(root, view, keyed_digest("", data))]

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the pods while not all are ready."""
        explains = wants_explanation(root, GATEWAY_READY, view.now)
        return [_pods(root)] if explains and not is_gateway_complete(root, view) else []

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether all wanted pods are ready."""
        if is_gateway_complete(root, view):
            return ready("All pods of the gateway are ready.")
        image, field = gateway_of(root).image, "spec.services.gateway.image"
        fault = explain(view.found(_pods(root)) or [], image, field, view.now)
        counted = _available(view.get(root.front))
        text = f"{counted} of {wanted_gateways(root)} pods of the gateway are ready."
        return fault or waiting(PODS_NOT_READY, text)

    def available(self, root: Store, view: View) -> Verdict | None:
        """Return whether the shop serves: the gateway, and each service that it leads to."""
        if not root.leads_to_services:
            return None
        if root.spec.hibernated:
            return waiting(HIBERNATED, "spec.state is Hibernated; set it to Running to serve.")
        pods = {"the gateway": view.get(root.front)}
        pods |= {f"service {part.part}": view.get(part.web) for part in root.services}
        away = [name for name, live in pods.items() if not _available(live)]
        if away and (stands := being_restored(root, view)):
            return stands
        if away:
            return waiting(PODS_NOT_READY, f"No pod of {' and of '.join(away)} is ready.")
        return ready("The shop serves.")

    def status(self, root: Store, view: View) -> Manifest:
        """Return the counts of the services' pods, and their image where all have the same."""
        if not root.leads_to_services:
            return {}
        found = [(part, view.get(part.web)) for part in root.services]
        counts = [(live or {}).get("status", {}) for _, live in found]
        prepared = sum(one.get("readyReplicas", 0) for one in counts)
        wanted = sum(wanted_pods(part, live) for part, live in found)
        images = {complete_rollout(part, view) or part.status.image for part, _ in found}
        image = images.pop() if len(images) == 1 else None
        return {
            **({"image": image} if image else {}),
            "replicas": sum(one.get("replicas", 0) for one in counts),
            "readyReplicas": prepared,
            "replicaSummary": f"{prepared}/{wanted}",
        }


def _available(live: Manifest | None) -> int:
    return int((live or {}).get("status", {}).get(AVAILABLE_PODS, 0))


def _pods(store: Store) -> Query:
    return Query.of(POD, store.selector(GATEWAY))


def _deployment(store: Store, view: View, digest: str) -> Manifest:
    selector = {"matchLabels": store.selector(GATEWAY)}
    return child(
        store,
        store.front,
        GATEWAY,
        spec={
            "replicas": wanted_gateways(store),
            "revisionHistoryLimit": 3,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "selector": selector,
            "template": {
                "metadata": {
                    "labels": store.labels(GATEWAY),
                    "annotations": {CONFIG_HASH: digest},
                },
                "spec": _pod(store, view, selector),
            },
        },
    )


def _pod(store: Store, view: View, selector: Manifest) -> Manifest:
    drain = view.output(PublicAddress).drain
    volumes, mounts = scratch(tmp="/tmp")  # noqa: S108 - the container's
    config = {"name": "config", "configMap": {"name": store.front_config.name}}
    # Whatever signal the image has its container stopped by: NGINX ends what it answers before it.
    stop = f"sleep {drain}; kill -QUIT 1; while [ -e /tmp/nginx.pid ]; do sleep 1; done"
    away = {"topologyKey": HOSTNAME, "labelSelector": selector}
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **pull_secrets(store),
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": drain + QUIT,
        **placed(store, tolerated=node_away()),
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 100, "podAffinityTerm": away}
                ]
            }
        },
        "containers": [
            {
                "name": "nginx",
                "image": gateway_of(store).image,
                "command": ["sh", f"{FOLDER}/{SCRIPT}"],
                "ports": [
                    {"name": "http", "containerPort": PORT, "protocol": "TCP"},
                    {"name": "https", "containerPort": HTTPS_PORT, "protocol": "TCP"},
                ],
                "resources": {
                    "requests": {"cpu": "20m", "memory": "32Mi"},
                    "limits": {"memory": "128Mi"},
                },
                "securityContext": container_security(),
                "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", stop]}}},
                "readinessProbe": _probe(period=2, failures=2),
                "livenessProbe": _probe(period=10, failures=3),
                "volumeMounts": [
                    {"name": "config", "mountPath": FOLDER, "readOnly": True},
                    *mounts,
                ],
            }
        ],
        "volumes": [config, *volumes],
    }


def _probe(period: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": "/healthz", "port": PORT},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }
