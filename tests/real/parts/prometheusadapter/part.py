"""prometheus-adapter, which serves to autoscalers what Prometheus knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import yaml

from cluster.programs import Program
from tests.cluster.support.kube import Manifest
from tests.real.parts.prometheus.part import URL
from tests.real.support import manifests
from tests.real.support.workshop import PARTS, Workshop

NAME = "prometheus-adapter"
NAMESPACE = "real-custom-metrics"
PROGRAMS = (
    Program(NAME, "sigs.k8s.io/prometheus-adapter/cmd/adapter", PARTS / "prometheusadapter" / "go"),
)
GROUP, VERSION = "custom.metrics.k8s.io", "v1beta1"
API = f"/apis/{GROUP}/{VERSION}"
SECURE = 6443
CONFIG, CERTIFICATES = "/etc/adapter", "/var/run/serving-cert"


@contextmanager
def running(workshop: Workshop, config: Manifest) -> Iterator[None]:
    """Have it at work in the local cluster by a configuration, such as ``{"rules": […]}``."""
    # Not by its own name, which begins like that of another group of programs in the cache.
    image = workshop.image("custom-metrics", PROGRAMS, NAME)
    made = [
        manifests.namespace(NAMESPACE),
        *manifests.account(NAMESPACE, NAME),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "data": {"config.yaml": yaml.safe_dump(config)},
        },
        manifests.workload(NAMESPACE, NAME, pod(image)),
        manifests.service(NAMESPACE, NAME, {443: SECURE}),
        api(),
    ]
    with workshop.installed(made, [(NAMESPACE, f"deployment/{NAME}")]):
        where = ("wait", f"apiservice/{VERSION}.{GROUP}", "--for=condition=Available")
        workshop.kube.kubectl(*where, "--timeout=60s")
        yield


def api() -> Manifest:
    """Return what has the API server ask it; it signs its certificate itself."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{VERSION}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": VERSION,
            "service": {"name": NAME, "namespace": NAMESPACE},
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }


def pod(image: str) -> Manifest:
    container = {
        "name": NAME,
        "image": image,
        "args": [
            f"--prometheus-url={URL}",
            f"--config={CONFIG}/config.yaml",
            f"--cert-dir={CERTIFICATES}",
            f"--secure-port={SECURE}",
            # It asks which series there are as often as pods are scraped.
            "--metrics-relist-interval=30s",
        ],
        "readinessProbe": manifests.answering(SECURE, "/readyz", "HTTPS"),
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG, "readOnly": True},
            {"name": "certificates", "mountPath": CERTIFICATES},
        ],
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
    }
    volumes = [
        {"name": "config", "configMap": {"name": NAME}},
        {"name": "certificates", "emptyDir": {}},
    ]
    return {"serviceAccountName": NAME, "containers": [container], "volumes": volumes}
