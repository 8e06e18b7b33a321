"""A cluster lacks the kinds that a store needs: it says what to install, and goes on then."""

from __future__ import annotations

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.store import Store
from tests.real.parts.pebble.part import Pebble
from tests.real.parts.traefik.part import CLASS, WEB, Traefik
from tests.real.support.objects import gateway
from tests.real.support.visits import wait_serves, wait_url
from tests.support.poll import eventually

# These run before any test for which the parts are installed; see conftest.py.
pytestmark = pytest.mark.before_parts


def wait_missing(store: Store, condition: str, install: str) -> None:
    """Wait until the store says that a kind is missing, and where to get it."""

    def told() -> None:
        message = store.told(condition, "False", "KindMissing")
        assert install in message, message
        assert "KindMissing" in {event["reason"] for event in store.events()}

    eventually(told, within=120)


def test_a_store_on_a_gateway_goes_on_when_the_gateway_api_is_installed(
    kube: Kube, lab: Lab, request: pytest.FixtureRequest
) -> None:
    host = "late-gateway.example.com"
    parents = [{"name": "books"}]
    store = lab.external(exposure={"gateway": {"parentRefs": parents, "hosts": [host]}})
    wait_missing(store, "Exposed", "https://gateway-api.sigs.k8s.io")
    eventually(lambda: store.told("WebReady", "True"), within=180)

    traefik: Traefik = request.getfixturevalue("traefik")
    listener = {"name": "http", "protocol": "HTTP", "port": WEB}
    kube.apply(gateway(lab.namespace, "books", CLASS, listener))
    store.wait_ready(within=60)
    wait_url(store, f"http://{host}")
    wait_serves(f"http://{host}", traefik.address())


def test_a_store_without_a_certificate_goes_on_when_cert_manager_is_installed(
    kube: Kube, lab: Lab, request: pytest.FixtureRequest, traefik: Traefik
) -> None:
    host = traefik.host(lab.namespace, "books")
    tls = {"issuerRef": {"name": "pebble"}}
    ingress = {"className": CLASS, "hosts": [host], "tls": tls}
    store = lab.external(exposure={"ingress": ingress})
    wait_missing(store, "CertificateReady", "https://cert-manager.io")
    wait_url(store, f"http://{host}", within=180)
    wait_serves(f"http://{host}", traefik.address())

    request.getfixturevalue("cert_manager")
    pebble: Pebble = request.getfixturevalue("pebble")
    by_ingress = {"ingress": {"ingressClassName": CLASS}}
    kube.apply(pebble.issuer(lab.namespace, "pebble", by_ingress))
    store.wait_ready(within=180)
    wait_url(store, f"https://{host}")
    wait_serves(f"https://{host}", traefik.address(), pebble.root())
