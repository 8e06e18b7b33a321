"""The Prometheus operator, and a Prometheus that it runs for whatever asks to be scraped.

Its account has the rights that the operator's own guide gives to one, and no others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cluster.programs import Program
from tests.cluster.support.kube import Kube, Manifest
from tests.real.support import manifests
from tests.real.support.workshop import PARTS, Workshop, definitions
from tests.support.poll import eventually

NAMESPACE = "real-monitoring"
NAME = "prometheus"
OPERATOR_NAME, RELOADER_NAME = "prometheus-operator", "prometheus-config-reloader"
MODULE = "github.com/prometheus-operator/prometheus-operator"
FOLDER = PARTS / "prometheus" / "go"
PROMETHEUS = Program(
    NAME,
    "github.com/prometheus/prometheus/cmd/prometheus",
    FOLDER,
    # Of its ways to discover targets that of Kubernetes alone: those of clouds are most of it.
    tags=("remove_all_sd", "enable_kubernetes_sd"),
)
OPERATOR = Program(OPERATOR_NAME, f"{MODULE}/cmd/operator", FOLDER)
RELOADER = Program(RELOADER_NAME, f"{MODULE}/cmd/{RELOADER_NAME}", FOLDER)
PROGRAMS = (PROMETHEUS, OPERATOR, RELOADER)
# Those of which a Prometheus is made; the operator does without the others.
KINDS = (
    "prometheuses",
    "podmonitors",
    "servicemonitors",
    "probes",
    "scrapeconfigs",
    "prometheusrules",
)
OPERATOR_PORT, WEB = 8080, 9090
POD = f"{NAME}-{NAME}-0"
# Where the rest of the cluster finds it.
URL = f"http://prometheus-operated.{NAMESPACE}.svc:{WEB}"
# How often rules are evaluated, in seconds; scraping is as often as what asks for it says.
EVALUATED = 5


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus, asked by its API."""

    kube: Kube

    def targets(self, namespace: str, job: str) -> list[Manifest]:
        """Return the active targets of a job in a namespace."""
        found = self._asked("targets", state="active")["activeTargets"]
        wanted = {"namespace": namespace, "job": job}
        return [one for one in found if wanted.items() <= one["labels"].items()]

    def query(self, expression: str) -> list[Manifest]:
        """Return what an expression gives now, as a list of series with a value each.

        Raises an ApiError where it is not one.
        """
        found: list[Manifest] = self._asked("query", query=expression)["result"]
        return found

    def values(self, label: str, series: str) -> set[str]:
        """Return the values that a label of some series has."""
        return set(self._asked(f"label/{label}/values", **{"match[]": series}))

    def rules(self) -> dict[str, Manifest]:
        """Return the alerting rules by the name of their alert, with what is pending or fires."""
        groups = self._asked("rules", type="alert")["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}

    def alerts(self, **labels: str) -> list[Manifest]:
        """Return the alerts with some labels that are pending or fire."""
        found = self._asked("alerts")["alerts"]
        return [one for one in found if labels.items() <= one["labels"].items()]

    def _asked(self, what: str, **parameters: str) -> Any:
        where = f"/api/v1/namespaces/{NAMESPACE}/pods/{POD}:{WEB}/proxy/api/v1/{what}"
        answer = json.loads(self.kube.read(where, **parameters))
        assert answer["status"] == "success", answer
        return answer["data"]


@contextmanager
def running(workshop: Workshop) -> Iterator[Prometheus]:
    """Have both at work in the local cluster, for every namespace."""
    images = {one.name: workshop.image(NAME, PROGRAMS, one.name) for one in PROGRAMS}
    examples = workshop.module(MODULE, NAME) / "example" / "prometheus-operator-crd"
    operator = [
        *(one for kind in KINDS for one in definitions(examples, f"*_{kind}.yaml")),
        manifests.namespace(NAMESPACE),
        *manifests.account(NAMESPACE, OPERATOR_NAME),
        manifests.workload(NAMESPACE, OPERATOR_NAME, operator_pod(images)),
    ]
    version = released(workshop.settings.versions["PROMETHEUS_VERSION"])
    own = [*account(), prometheus(images[NAME], version)]
    # The operator goes last: it takes away what it made for the Prometheus.
    with (
        workshop.installed(operator, [(NAMESPACE, f"deployment/{OPERATOR_NAME}")]),
        workshop.installed(own),
    ):
        kube = workshop.kube
        eventually(lambda: assert_ready(kube), within=120)
        yield Prometheus(kube)


def assert_ready(kube: Kube) -> None:
    """Assert that the operator has made the Prometheus and that it is ready."""
    status = kube.get("StatefulSet", NAMESPACE, f"{NAME}-{NAME}").get("status", {})
    assert status.get("readyReplicas") == 1, status


def released(module: str) -> str:
    """Return the version of the program that a version of its module is, such as 3.14.0.

    Source: Prometheus, RELEASE.md: the module of 3.14.0 is v0.314.0.
    """
    _, minor, patch = module.split(".")
    return f"{int(minor) // 100}.{int(minor) % 100}.{patch}"


def operator_pod(images: dict[str, str]) -> Manifest:
    container = {
        "name": OPERATOR_NAME,
        "image": images[OPERATOR_NAME],
        "args": [
            f"--prometheus-config-reloader={images[RELOADER_NAME]}",
            f"--web.listen-address=:{OPERATOR_PORT}",
        ],
        "readinessProbe": manifests.answering(OPERATOR_PORT, "/healthz"),
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
    }
    return {"serviceAccountName": OPERATOR_NAME, "containers": [container]}


def account() -> list[Manifest]:
    """Return the account that Prometheus discovers targets with.

    Source: Prometheus operator, example/rbac/prometheus.
    """
    read = ["get", "list", "watch"]
    rules: list[Manifest] = [
        {"apiGroups": [""], "resources": ["services", "endpoints", "pods"], "verbs": read},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
    ]
    group = "rbac.authorization.k8s.io"
    name = f"{NAMESPACE}:{NAME}"
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": rules,
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        },
    ]


def prometheus(image: str, version: str) -> Manifest:
    """Return a Prometheus that takes every monitor and rule of the cluster."""
    kinds = ("serviceMonitor", "podMonitor", "rule")
    selectors = (f"{kind}{what}" for kind in kinds for what in ("Selector", "NamespaceSelector"))
    reload_ = f"/usr/local/bin/{RELOADER_NAME}"
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Prometheus",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "image": image,
            "version": version,
            "serviceAccountName": NAME,
            "evaluationInterval": f"{EVALUATED}s",
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 2000},
            # Images of ours keep programs elsewhere than those that the operator expects.
            "containers": [{"name": "config-reloader", "command": [reload_]}],
            "initContainers": [{"name": "init-config-reloader", "command": [reload_]}],
            **{selector: {} for selector in selectors},
        },
    }
