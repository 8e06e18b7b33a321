"""Traefik, which serves Ingresses of the class traefik and Gateways of the class traefik.

Both ways lead through one load balancer, whose address MetalLB gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cluster.programs import Cut, Program
from tests.cluster.support.kube import Kube, Manifest
from tests.real.support import manifests
from tests.real.support.workshop import PARTS, Workshop, definitions
from tests.support.poll import eventually

NAME = "traefik"
NAMESPACE = "real-traefik"
CLASS = "traefik"
CONTROLLER = "traefik.io/gateway-controller"
FOLDER = PARTS / "traefik" / "go"
PROGRAMS = (
    Program(
        NAME,
        "github.com/traefik/traefik/v3/cmd/traefik",
        FOLDER,
        cut=Cut("github.com/go-acme/lego/v4", "providers/dns", FOLDER / "dns" / "providers.go"),
    ),
)
# Of Gateways too: a listener is served where an entry point has its very port.
WEB, SECURE, OWN = 80, 443, 8080
# What a Service of type ExternalName leads to.
HOST = f"{NAME}.{NAMESPACE}.svc.cluster.local"


@dataclass(frozen=True)
class Traefik:
    """A running Traefik."""

    kube: Kube

    def address(self) -> str:
        """Return the address of its load balancer."""

        def given() -> str:
            status = self.kube.get("Service", NAMESPACE, NAME)["status"]["loadBalancer"]
            assert status.get("ingress"), "the load balancer of Traefik has no address"
            return str(status["ingress"][0]["ip"])

        return eventually(given, within=60)

    def host(self, namespace: str, name: str) -> str:
        """Have the cluster's DNS lead a name of a namespace to Traefik, and return it whole."""
        self.kube.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"type": "ExternalName", "externalName": HOST},
            }
        )
        return f"{name}.{namespace}.svc.cluster.local"


@contextmanager
def running(workshop: Workshop) -> Iterator[Traefik]:
    """Have Traefik at work in the local cluster, with the kinds of the Gateway API."""
    image = workshop.image(NAME, PROGRAMS, NAME)
    gateways = workshop.module("sigs.k8s.io/gateway-api", NAME) / "config" / "crd" / "standard"
    made = [
        *definitions(gateways),
        manifests.namespace(NAMESPACE),
        *manifests.account(NAMESPACE, NAME),
        manifests.workload(NAMESPACE, NAME, pod(image)),
        manifests.service(
            NAMESPACE, NAME, {WEB: WEB, SECURE: SECURE},
            type="LoadBalancer", externalTrafficPolicy="Local",
        ),
        *classes(),
    ]  # fmt: skip
    with workshop.installed(made, [(NAMESPACE, f"deployment/{NAME}")]):
        yield Traefik(workshop.kube)


def pod(image: str) -> Manifest:
    container = {
        "name": NAME,
        "image": image,
        "args": [
            f"--entrypoints.web.address=:{WEB}",
            f"--entrypoints.websecure.address=:{SECURE}",
            # As Traefik's chart has it: without, an Ingress is served by http there too.
            "--entrypoints.websecure.http.tls=true",
            f"--entrypoints.traefik.address=:{OWN}",
            "--global.checknewversion=false",
            "--global.sendanonymoususage=false",
            "--ping=true",
            "--log.level=INFO",
            "--accesslog=true",
            "--providers.kubernetesingress=true",
            f"--providers.kubernetesingress.ingressclass={CLASS}",
            f"--providers.kubernetesingress.ingressendpoint.publishedservice={NAMESPACE}/{NAME}",
            "--providers.kubernetesgateway=true",
            f"--providers.kubernetesgateway.statusaddress.service.namespace={NAMESPACE}",
            f"--providers.kubernetesgateway.statusaddress.service.name={NAME}",
        ],
        "readinessProbe": manifests.answering(OWN, "/ping"),
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    return {"serviceAccountName": NAME, "containers": [container]}


def classes() -> list[Manifest]:
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": CLASS},
            "spec": {"controller": "traefik.io/ingress-controller"},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": CLASS},
            "spec": {"controllerName": CONTROLLER},
        },
    ]
