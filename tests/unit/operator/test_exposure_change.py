"""The change from a route on Gateways to another way: the route serves until nobody comes by it."""

from __future__ import annotations

import pytest

from bookstore_operator.components.exposure.change import Resolution
from bookstore_operator.components.exposure.gateway import GatewayExposure
from bookstore_operator.components.exposure.load_balancer import LoadBalancerExposure
from bookstore_operator.components.outputs import PublicAddress
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.kube.thirdparty import GATEWAY
from bookstore_operator.store import Store
from tests.unit.operator.staging import give_outputs, put, seen, store

HOST = "books.example.com"
FORMER_HOST = "old.example.com"
BALANCER, SHARED, OWN = "192.0.2.1", "203.0.113.1", "203.0.113.2"


def gateway(name: str, namespace: str, *addresses: str) -> Manifest:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"listeners": []},
        "status": {"addresses": [{"type": "IPAddress", "value": one} for one in addresses]},
    }


def routed() -> Store:
    """Return a store on a Gateway of another namespace, and on one of its own."""
    parents = [{"name": "public", "namespace": "gateways"}, {"name": "own"}]
    return store(exposure={"gateway": {"parentRefs": parents, "hosts": [HOST, FORMER_HOST]}})


def balanced(**balancer: str) -> Store:
    return store(exposure={"loadBalancer": balancer})


def leaving(wanted: Store, *addresses: str) -> View:
    """Return what is seen while a store leaves its Gateways for a load balancer."""
    before = routed()
    service, route = GatewayExposure().children(before, seen(before))
    gateways = gateway("public", "gateways", SHARED), gateway("own", "books", OWN)
    view = seen(wanted, service, route, *gateways)
    (balancer,) = LoadBalancerExposure().children(wanted, view)
    given = [{"ip": one} for one in addresses]
    put(view, {**balancer, "status": {"loadBalancer": {"ingress": given}}})
    give_outputs(wanted, view)
    return view


def answered(view: View, *led_to: str) -> View:
    """Let DNS lead the host there, and every address to itself."""
    view.facts = {Resolution(one): frozenset({one}) for one in (BALANCER, SHARED, OWN)}
    view.facts[Resolution(HOST)] = frozenset(led_to)
    return view


def test_the_gateways_of_a_former_route_are_watched_for_their_addresses() -> None:
    wanted = balanced(host=HOST)
    assert set(LoadBalancerExposure().references(wanted, leaving(wanted))) >= {
        Ref(GATEWAY, "gateways", "public"),
        Ref(GATEWAY, "books", "own"),
    }


def test_dns_is_asked_for_the_host_and_for_the_gateways_of_a_former_route() -> None:
    wanted = balanced(host=HOST)
    assert LoadBalancerExposure().questions(wanted, leaving(wanted, BALANCER)) == [
        Resolution(HOST),
        Resolution(SHARED),
        Resolution(OWN),
    ]


@pytest.mark.parametrize(
    ("led_to", "stays"),
    [
        ([SHARED], True),
        ([OWN], True),
        ([BALANCER, OWN], True),
        ([BALANCER], False),
        ([], False),
    ],
    ids=["the shared Gateway", "the own Gateway", "both", "the load balancer", "nowhere"],
)
def test_a_former_route_stays_while_dns_leads_the_host_to_one_of_its_gateways(
    led_to: list[str], stays: bool
) -> None:
    wanted, before = balanced(host=HOST), routed()
    view = answered(leaving(wanted, BALANCER), *led_to)
    kept = {before.route, before.backend} if stays else set()
    assert LoadBalancerExposure().retained(wanted, view) == kept


def test_a_gateway_that_is_gone_keeps_no_route() -> None:
    wanted = balanced(host=HOST)
    view = leaving(wanted, BALANCER)
    for name, namespace in (("public", "gateways"), ("own", "books")):
        del view.objects[Ref(GATEWAY, namespace, name)]
    assert LoadBalancerExposure().questions(wanted, view) == []
    assert LoadBalancerExposure().retained(wanted, view) == set()


def test_a_gateway_that_has_no_address_yet_keeps_no_route() -> None:
    wanted = balanced(host=HOST)
    view = leaving(wanted, BALANCER)
    for name, namespace in (("public", "gateways"), ("own", "books")):
        put(view, {**gateway(name, namespace), "status": {}})
    assert LoadBalancerExposure().retained(wanted, view) == set()


def test_the_shop_answers_to_the_hosts_of_a_former_route_and_to_the_load_balancer() -> None:
    wanted = balanced(host=HOST)
    told = leaving(wanted, BALANCER).output(PublicAddress)
    assert told.hosts == (HOST, BALANCER, FORMER_HOST)


def test_without_a_host_a_route_stays_until_the_load_balancer_has_an_address() -> None:
    wanted, before = balanced(), routed()
    waiting, given = leaving(wanted), leaving(wanted, BALANCER)
    assert LoadBalancerExposure().retained(wanted, waiting) == {before.route, before.backend}
    assert LoadBalancerExposure().questions(wanted, given) == []
    assert LoadBalancerExposure().retained(wanted, given) == set()
    assert given.output(PublicAddress).hosts == ()
