"""pebble, the authority by ACME that Let's Encrypt tests with."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cluster.programs import Program
from tests.cluster.support.kube import Kube, Manifest
from tests.real.support import manifests
from tests.real.support.workshop import PARTS, Workshop
from tests.support.certificates import Authority

NAME = "pebble"
NAMESPACE = "real-pebble"
HOST = f"{NAME}.{NAMESPACE}.svc.cluster.local"
PROGRAMS = (Program(NAME, "github.com/letsencrypt/pebble/v2/cmd/pebble", PARTS / "pebble" / "go"),)
ACME, MANAGEMENT = 14000, 15000
FILES = "/etc/pebble"
# Its certificates live for as many seconds; cert-manager renews after two thirds of that.
PROFILES = {"default": 90 * 24 * 3600, "minutes": 180}


@dataclass(frozen=True)
class Pebble:
    """A running pebble."""

    kube: Kube
    authority: Authority

    def root(self) -> str:
        """Return the certificate that a client has to trust, as PEM; each start makes a new one."""
        where = f"/api/v1/namespaces/{NAMESPACE}/services/https:{NAME}:{MANAGEMENT}/proxy/roots/0"
        return self.kube.read(where)

    def issuer(self, namespace: str, name: str, solver: Manifest, **acme: Any) -> Manifest:
        """Return an Issuer that asks pebble; `solver` says by what a challenge is answered."""
        spec = {
            "server": f"https://{HOST}:{ACME}/dir",
            "caBundle": base64.b64encode(self.authority.pem.encode()).decode(),
            "privateKeySecretRef": {"name": f"{name}-account"},
            "solvers": [{"http01": solver}],
        }
        return {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Issuer",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"acme": spec | acme},
        }


@contextmanager
def running(workshop: Workshop) -> Iterator[Pebble]:
    """Have pebble at work in the local cluster, where it finds names and reaches their servers."""
    kube = workshop.kube
    image = workshop.image(NAME, PROGRAMS, NAME)
    authority = Authority("Whoever signs what pebble serves")
    pair = authority.sign(HOST)
    resolver = kube.get("Service", "kube-system", "kube-dns")["spec"]["clusterIP"]
    made = [
        manifests.namespace(NAMESPACE),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "stringData": {
                "pebble.json": json.dumps({"pebble": config()}),
                "tls.crt": pair.certificate,
                "tls.key": pair.key,
            },
        },
        manifests.workload(NAMESPACE, NAME, pod(image, resolver)),
        manifests.service(NAMESPACE, NAME, {ACME: ACME, MANAGEMENT: MANAGEMENT}),
    ]
    with workshop.installed(made, [(NAMESPACE, f"deployment/{NAME}")]):
        yield Pebble(kube, authority)


def config() -> Manifest:
    return {
        "listenAddress": f"0.0.0.0:{ACME}",
        "managementListenAddress": f"0.0.0.0:{MANAGEMENT}",
        "certificate": f"{FILES}/tls.crt",
        "privateKey": f"{FILES}/tls.key",
        # Where it looks for the answers to its challenges.
        "httpPort": 80,
        "tlsPort": 443,
        "keyAlgorithm": "ecdsa",
        "retryAfter": {"authz": 1, "order": 1},
        "profiles": {
            name: {"description": name, "validityPeriod": seconds}
            for name, seconds in PROFILES.items()
        },
    }


def pod(image: str, resolver: str) -> Manifest:
    container = {
        "name": NAME,
        "image": image,
        "args": ["-config", f"{FILES}/pebble.json", "-dnsserver", f"{resolver}:53"],
        # By itself it waits, refuses and skips challenges at random, to find who cannot bear it.
        "env": [
            {"name": "PEBBLE_VA_NOSLEEP", "value": "1"},
            {"name": "PEBBLE_WFE_NONCEREJECT", "value": "0"},
            {"name": "PEBBLE_AUTHZREUSE", "value": "0"},
        ],
        "readinessProbe": manifests.answering(ACME, "/dir", "HTTPS"),
        "volumeMounts": [{"name": "files", "mountPath": FILES}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
    }
    volume = {"name": "files", "secret": {"secretName": NAME}}
    return {"containers": [container], "volumes": [volume], "automountServiceAccountToken": False}
