"""A store's https by cert-manager: ordered from an ACME authority, served, and renewed in time."""

from __future__ import annotations

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.real.parts.pebble.part import Pebble
from tests.real.parts.traefik.part import CLASS, Traefik
from tests.real.support.objects import wait_condition
from tests.real.support.visits import wait_serves, wait_url, way
from tests.support import resolved
from tests.support.poll import eventually

pytestmark = pytest.mark.usefixtures("cert_manager")

BY_INGRESS = {"ingress": {"ingressClassName": CLASS}}


def exposed(host: str, issuer: str) -> Manifest:
    tls = {"issuerRef": {"name": issuer}}
    return {"ingress": {"className": CLASS, "hosts": [host], "tls": tls}}


def test_a_store_gets_its_certificate_from_the_issuer_and_sells_by_https(
    kube: Kube, lab: Lab, traefik: Traefik, pebble: Pebble
) -> None:
    host = traefik.host(lab.namespace, "books")
    kube.apply(pebble.issuer(lab.namespace, "pebble", BY_INGRESS))
    store = lab.external(exposure=exposed(host, "pebble"))
    store.wait_ready(within=240)
    wait_url(store, f"https://{host}")

    wait_serves(f"https://{host}", traefik.address(), pebble.root())
    with Crowd.of(store, f"https://{host}", way(traefik.address(), pebble.root())) as crowd:
        eventually(lambda: sold(crowd, 3), within=60)
    assert crowd.failed == []
    assert crowd.sold() == crowd.bought


def test_a_store_serves_plain_http_until_there_is_an_issuer(
    kube: Kube, lab: Lab, traefik: Traefik, pebble: Pebble
) -> None:
    host = traefik.host(lab.namespace, "books")
    store = lab.external(exposure=exposed(host, "late"))

    def told() -> None:
        store.told("CertificateReady", "False", "CertificateRequested")
        store.told("Exposed", "False", "CertificatePending")
        store.told("Available", "True")

    eventually(told, within=180)
    wait_url(store, f"http://{host}")
    wait_serves(f"http://{host}", traefik.address())

    kube.apply(pebble.issuer(lab.namespace, "late", BY_INGRESS))
    store.wait_ready(within=240)
    wait_url(store, f"https://{host}")
    wait_serves(f"https://{host}", traefik.address(), pebble.root())


def test_a_certificate_of_minutes_is_renewed_under_purchases_and_none_fails(
    kube: Kube, lab: Lab, traefik: Traefik, pebble: Pebble
) -> None:
    host, address, root = traefik.host(lab.namespace, "books"), traefik.address(), pebble.root()
    kube.apply(pebble.issuer(lab.namespace, "minutes", BY_INGRESS, profile="minutes"))
    store = lab.external(exposure=exposed(host, "minutes"))
    store.wait_ready(within=240)
    wait_condition(kube, "Certificate", lab.namespace, f"{store.name}-tls", "Ready", within=60)
    wait_serves(f"https://{host}", address, root)
    first = resolved.certificate(host, address, root)
    rolled = store.child("Deployment")["metadata"]["generation"]

    def renewed() -> None:
        assert resolved.certificate(host, address, root) != first

    with Crowd.of(store, f"https://{host}", way(address, root)) as crowd:
        eventually(renewed, within=300, every=2)
        bought = crowd.bought
        eventually(lambda: sold(crowd, bought + 3), within=60)
    assert crowd.failed == []
    assert crowd.sold() == crowd.bought
    assert store.child("Deployment")["metadata"]["generation"] == rolled, "no pod was replaced"


def sold(crowd: Crowd, copies: int) -> None:
    assert crowd.bought >= copies, crowd.failed
