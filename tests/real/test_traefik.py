"""Traefik brings requests to a store, by an Ingress and by a Gateway."""

from __future__ import annotations

from tests.cluster.support.kube import Kube
from tests.cluster.support.store import Store
from tests.real.parts.traefik.part import CLASS, SECURE, WEB, Traefik
from tests.real.support.objects import gateway, ingress, route, wait_condition
from tests.support import resolved
from tests.support.certificates import Authority
from tests.support.poll import eventually


def serves(traefik: Traefik, url: str, authority: str = "") -> None:
    with resolved.client(url, traefik.address(), authority) as shopper:

        def healthy() -> None:
            answer = shopper.get("/healthz")
            assert answer.status_code == 200, answer

        eventually(healthy, within=30)


def test_an_ingress_leads_to_a_store_and_tells_its_address(
    kube: Kube, store: Store, traefik: Traefik
) -> None:
    host = "ingress.example.com"
    kube.apply(ingress(store.namespace, "plain", host, store.name, CLASS))
    serves(traefik, f"http://{host}")

    def told() -> None:
        status = kube.get("Ingress", store.namespace, "plain")["status"]["loadBalancer"]
        assert [one.get("ip") for one in status.get("ingress", [])] == [traefik.address()]

    eventually(told, within=30)


def test_an_ingress_serves_https_with_the_certificate_of_a_secret(
    kube: Kube, store: Store, traefik: Traefik
) -> None:
    host, authority = "secure.example.com", Authority()
    kube.apply(authority.sign(host).secret(store.namespace, "secure-tls"))
    kube.apply(ingress(store.namespace, "secure", host, store.name, CLASS, secret="secure-tls"))
    serves(traefik, f"https://{host}", authority.pem)


def test_a_gateway_leads_to_a_store_and_says_that_it_accepts_its_route(
    kube: Kube, store: Store, traefik: Traefik
) -> None:
    host, authority = "gateway.example.com", Authority()
    kube.apply(authority.sign(host).secret(store.namespace, "gateway-tls"))
    kube.apply(
        gateway(
            store.namespace, "books", CLASS,
            {"name": "http", "protocol": "HTTP", "port": WEB},
            {
                "name": "https", "protocol": "HTTPS", "port": SECURE,
                "tls": {"certificateRefs": [{"name": "gateway-tls"}]},
            },
        )
    )  # fmt: skip
    kube.apply(route(store.namespace, "books", host, "books", store.name))
    wait_condition(kube, "Gateway", store.namespace, "books", "Programmed", within=60)
    serves(traefik, f"http://{host}")
    serves(traefik, f"https://{host}", authority.pem)

    def accepted() -> None:
        (parent,) = kube.get("HTTPRoute", store.namespace, "books")["status"]["parents"]
        told = {one["type"]: one["status"] for one in parent["conditions"]}
        assert (told["Accepted"], told["ResolvedRefs"]) == ("True", "True"), told

    eventually(accepted, within=30)
