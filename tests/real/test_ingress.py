"""A store on an Ingress, which Traefik follows."""

from __future__ import annotations

import httpx

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.real.parts.traefik.part import CLASS, Traefik
from tests.real.support.visits import assert_sent_to_https, buy, wait_serves, wait_url
from tests.support import resolved
from tests.support.certificates import Authority
from tests.support.poll import eventually


def test_a_store_sells_by_the_ingress_that_its_spec_asks_for(
    kube: Kube, lab: Lab, traefik: Traefik
) -> None:
    host = "ingress.example.com"
    store = lab.external(exposure={"ingress": {"className": CLASS, "hosts": [host]}})
    store.wait_ready(within=180)
    wait_url(store, f"http://{host}")
    made = kube.get("Ingress", lab.namespace, f"{store.name}-ingress-{CLASS}")
    given = [one.get("ip") for one in made["status"]["loadBalancer"]["ingress"]]
    assert given == [traefik.address()]

    wait_serves(f"http://{host}", traefik.address())
    buy(f"http://{host}", traefik.address())


def test_a_store_is_https_once_there_is_the_secret_and_sends_plain_http_there(
    kube: Kube, lab: Lab, traefik: Traefik
) -> None:
    host, authority = "secure.example.com", Authority()
    tls = {"secretRef": {"name": "books-tls"}}
    ingress = {"className": CLASS, "hosts": [host], "tls": tls}
    store = lab.external(exposure={"ingress": ingress})
    store.wait_told("SecretNotFound", mentions=f"{lab.namespace}/books-tls", within=180)
    wait_url(store, f"http://{host}")

    kube.apply(authority.sign(host).secret(lab.namespace, "books-tls"))
    store.wait_ready(within=120)
    wait_url(store, f"https://{host}")
    wait_serves(f"https://{host}", traefik.address(), authority.pem)
    buy(f"https://{host}", traefik.address(), authority.pem)
    assert_sent_to_https(host, traefik.address())


def test_a_store_that_hibernates_is_unavailable_at_its_address_until_it_wakes(
    lab: Lab, traefik: Traefik
) -> None:
    host = "asleep.example.com"
    store = lab.external(exposure={"ingress": {"className": CLASS, "hosts": [host]}})
    store.wait_ready(within=180)
    wait_serves(f"http://{host}", traefik.address())

    store.edit(state="Hibernated")
    with resolved.client(f"http://{host}", traefik.address()) as visitor:

        def unavailable() -> None:
            assert visitor.get("/").status_code == httpx.codes.SERVICE_UNAVAILABLE

        eventually(unavailable, within=120)

    store.edit(state="Running")
    wait_serves(f"http://{host}", traefik.address())
