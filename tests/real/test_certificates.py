"""cert-manager gives certificates, those of an ACME authority among them, and renews them."""

from __future__ import annotations

import base64

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.store import Store
from tests.real.parts.pebble.part import Pebble
from tests.real.parts.traefik.part import CLASS, Traefik
from tests.real.support.objects import ingress, wait_condition
from tests.support import resolved
from tests.support.poll import eventually

pytestmark = pytest.mark.usefixtures("cert_manager")

BY_INGRESS = {"ingress": {"ingressClassName": CLASS}}


def certificate(namespace: str, name: str, host: str, issuer: str) -> Manifest:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "secretName": f"{name}-tls",
            "dnsNames": [host],
            "issuerRef": {"name": issuer, "kind": "Issuer", "group": "cert-manager.io"},
            "privateKey": {"algorithm": "ECDSA", "rotationPolicy": "Always"},
        },
    }


def held(kube: Kube, namespace: str, secret: str) -> str:
    """Return the certificates that a Secret holds, as PEM."""
    return base64.b64decode(kube.get("Secret", namespace, secret)["data"]["tls.crt"]).decode()


def test_a_certificate_that_signs_itself_is_ready_with_its_secret(
    kube: Kube, namespace: str
) -> None:
    kube.apply(
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Issuer",
            "metadata": {"name": "itself", "namespace": namespace},
            "spec": {"selfSigned": {}},
        }
    )
    kube.apply(certificate(namespace, "shop", "shop.example.com", "itself"))
    wait_condition(kube, "Certificate", namespace, "shop", "Ready", within=60)
    assert held(kube, namespace, "shop-tls").startswith("-----BEGIN CERTIFICATE-----")


def test_an_ingress_serves_a_shop_with_the_certificate_of_an_acme_authority(
    kube: Kube, store: Store, traefik: Traefik, pebble: Pebble
) -> None:
    host = traefik.host(store.namespace, "acme")
    kube.apply(pebble.issuer(store.namespace, "pebble", BY_INGRESS))
    kube.apply(
        ingress(
            store.namespace, "acme", host, store.name, CLASS,
            secret="acme-tls", annotations={"cert-manager.io/issuer": "pebble"},
        )
    )  # fmt: skip
    wait_condition(kube, "Certificate", store.namespace, "acme-tls", "Ready", within=120)

    with resolved.client(f"https://{host}", traefik.address(), pebble.root()) as shopper:
        eventually(lambda: shopper.get("/healthz").raise_for_status(), within=30)
        assert "BookStore" in shopper.get("/").text


def test_a_certificate_of_minutes_is_renewed_before_it_ends(
    kube: Kube, store: Store, traefik: Traefik, pebble: Pebble
) -> None:
    host = traefik.host(store.namespace, "renewed")
    issuer = pebble.issuer(store.namespace, "minutes", BY_INGRESS, profile="minutes")
    kube.apply(issuer)
    kube.apply(certificate(store.namespace, "renewed", host, "minutes"))
    wait_condition(kube, "Certificate", store.namespace, "renewed", "Ready", within=120)
    first = held(kube, store.namespace, "renewed-tls")

    def renewed() -> None:
        assert held(kube, store.namespace, "renewed-tls") != first

    eventually(renewed, within=240, every=2)
    told = kube.get("Certificate", store.namespace, "renewed")["status"]
    assert told["revision"] >= 2
