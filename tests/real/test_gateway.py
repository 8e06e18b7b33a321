"""A store on a Gateway that somebody keeps, which Traefik serves."""

from __future__ import annotations

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.real.parts.traefik.part import CLASS, SECURE, WEB, Traefik
from tests.real.support.objects import gateway, wait_condition
from tests.real.support.visits import assert_sent_to_https, buy, wait_serves, wait_url
from tests.support.certificates import Authority

HTTP: Manifest = {"name": "http", "protocol": "HTTP", "port": WEB}
HTTPS: Manifest = {
    "name": "https",
    "protocol": "HTTPS",
    "port": SECURE,
    "tls": {"certificateRefs": [{"name": "books-tls"}]},
}


def exposed(host: str, *parents: Manifest) -> Manifest:
    return {"gateway": {"parentRefs": list(parents), "hosts": [host]}}


def test_a_store_sells_by_the_gateway_that_its_spec_names(
    kube: Kube, lab: Lab, traefik: Traefik
) -> None:
    host = "gateway.example.com"
    kube.apply(gateway(lab.namespace, "books", CLASS, HTTP))
    store = lab.external(exposure=exposed(host, {"name": "books"}))
    store.wait_ready(within=180)
    wait_url(store, f"http://{host}")

    wait_serves(f"http://{host}", traefik.address())
    buy(f"http://{host}", traefik.address())


def test_a_store_is_https_by_the_listener_of_its_gateway_and_sends_plain_http_there(
    kube: Kube, lab: Lab, traefik: Traefik
) -> None:
    host, authority = "secure-gateway.example.com", Authority()
    kube.apply(authority.sign(host).secret(lab.namespace, "books-tls"))
    kube.apply(gateway(lab.namespace, "books", CLASS, HTTP, HTTPS))
    wait_condition(kube, "Gateway", lab.namespace, "books", "Programmed", within=60)
    parents = [{"name": "books", "sectionName": name} for name in ("https", "http")]
    store = lab.external(exposure=exposed(host, *parents))
    store.wait_ready(within=180)
    wait_url(store, f"https://{host}")

    wait_serves(f"https://{host}", traefik.address(), authority.pem)
    buy(f"https://{host}", traefik.address(), authority.pem)
    assert_sent_to_https(host, traefik.address())


@pytest.mark.usefixtures("traefik")
def test_a_route_that_its_gateway_does_not_take_is_told_in_the_gateways_words(
    kube: Kube, lab: Lab
) -> None:
    elsewhere: Manifest = HTTP | {"hostname": "other.example.com"}
    kube.apply(gateway(lab.namespace, "books", CLASS, elsewhere))
    store = lab.external(exposure=exposed("refused.example.com", {"name": "books"}))
    store.wait_told("RouteRefused", mentions=f"Gateway {lab.namespace}/books", within=120)

    kube.apply(gateway(lab.namespace, "books", CLASS, HTTP))
    store.wait_ready(within=180)
    wait_url(store, "http://refused.example.com")
