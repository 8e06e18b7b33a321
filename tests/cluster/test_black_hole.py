"""A store under a webhook that never answers holds up neither other stores nor its own end."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
import yaml

from tests.cluster.support.kube import Kube, Manifest, ready_endpoints
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import MySQL
from tests.cluster.support.namespaces import opened
from tests.cluster.support.store import MANAGED, Store
from tests.support.poll import eventually

NAME, PORT = "black-hole", 8443
HELD = 12  # stores, more than work at once
# Connections are taken by the kernel, and nobody reads from them.
LISTEN = f"import signal, socket; taken = socket.create_server(('', {PORT})); signal.pause()"


@pytest.fixture
def black_hole(kube: Kube, namespace: str, images: dict[str, str]) -> Iterator[str]:
    """Lend a namespace in which everything that the operator makes or changes is held up.

    Nothing else is: neither what others make there, nor what happens in another namespace.
    """
    kube.apply(pod(namespace, images["APP_IMAGE"]))
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME, "namespace": namespace},
            "spec": {"selector": {"app": NAME}, "ports": [{"port": PORT}]},
        }
    )

    def listening() -> None:
        assert ready_endpoints(kube, namespace, NAME) == 1

    eventually(listening, within=60)
    with opened(kube, "held") as held:
        name = f"{NAME}-{held}"
        kube.apply(webhook(name, held, namespace, authority(kube)))
        try:
            yield held
        finally:
            kube.delete("ValidatingWebhookConfiguration", "", name)


def authority(kube: Kube) -> str:
    """Return a certificate authority that the API server takes as one; it is never used."""
    config = yaml.safe_load(kube.kubectl("config", "view", "--minify", "--raw"))
    data = str(config["clusters"][0]["cluster"]["certificate-authority-data"])
    assert base64.b64decode(data).startswith(b"-----BEGIN CERTIFICATE")
    return data


def pod(namespace: str, image: str) -> Manifest:
    """Return a pod that takes connections and never answers."""
    container = {
        "name": NAME,
        "image": image,
        "command": ["python3", "-c", LISTEN],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 2},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": namespace, "labels": {"app": NAME}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }


def webhook(name: str, held: str, namespace: str, ca: str) -> Manifest:
    """Return a webhook that holds up the operator's writes in the namespace ``held``."""
    label, _, value = MANAGED.partition("=")
    rule = {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["*"],
        "scope": "Namespaced",
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "black-hole.example.com",
                "clientConfig": {
                    "service": {"name": NAME, "namespace": namespace, "port": PORT},
                    "caBundle": ca,
                },
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": held}},
                "objectSelector": {"matchLabels": {label: value}},
                "rules": [rule],
                "failurePolicy": "Fail",
                "timeoutSeconds": 30,
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def test_stores_under_a_webhook_that_never_answers(
    kube: Kube, lab: Lab, mysql: MySQL, images: dict[str, str], black_hole: str
) -> None:
    held = Lab(kube, black_hole, images, mysql)
    login = held.login("shop")
    kube.apply(login.secret(black_hole, "db"))
    stores = [Store(kube, black_hole, f"held-{number}") for number in range(HELD)]
    for store in stores:
        store.apply(held.spec(store.name, login.spec("db")))

    free = lab.external()
    free.wait_ready(within=90)
    free.delete()
    made = {child["kind"] for store in stores for child in store.children()}
    assert made <= {"PersistentVolume"}, f"the webhook holds nothing up: {made}"

    for store in stores:
        kube.delete("BookStore", black_hole, store.name)

    def gone() -> None:
        left = kube.list("BookStore", black_hole)
        assert left == [], [store["metadata"]["name"] for store in left]

    eventually(gone, within=120)
