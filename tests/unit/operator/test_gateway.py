"""The route on a Gateway: what it asks, and how its parents' word is taken."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.components.exposure.address import ADDRESS_PENDING
from bookstore_operator.components.exposure.gateway import ROUTE_REFUSED, GatewayExposure
from bookstore_operator.components.outputs import PublicAddress
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import give_outputs, put, seen, store

HOST = "books.example.com"
PUBLIC: Manifest = {"name": "public", "namespace": "gateways", "sectionName": "https"}
TAKEN: Manifest = {"Accepted": "True", "ResolvedRefs": "True"}


def routed(*parents: Manifest, **gateway: Any) -> Store:
    refs = list(parents) or [PUBLIC]
    return store(exposure={"gateway": {"parentRefs": refs, "hosts": [HOST], **gateway}})


def gateway(*listeners: tuple[str, str], name: str = "public") -> Manifest:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": "gateways"},
        "spec": {"listeners": [{"name": one, "protocol": protocol} for one, protocol in listeners]},
    }


HTTPS_GATEWAY = gateway(("http", "HTTP"), ("https", "HTTPS"))


def said(parent: Manifest, generation: int = 1, **statuses: str) -> Manifest:
    """Return a parent's word on the route."""
    told = [
        {"type": kind, "status": one, "message": "It is so.", "observedGeneration": generation}
        for kind, one in statuses.items()
    ]
    return {"parentRef": parent, "conditions": told}


def undated(parent: Manifest) -> Manifest:
    """Return a parent's word that does not tell which route it has seen."""
    for one in parent["conditions"]:
        del one["observedGeneration"]
    return parent


def route(root: Store) -> Manifest:
    _, made = GatewayExposure().children(root, seen(root))
    return made


def told(root: Store, *parents: Manifest, objects: tuple[Manifest, ...] = ()) -> View:
    view = seen(root, *objects)
    put(view, {**route(root), "status": {"parents": list(parents)}})
    give_outputs(root, view)
    return view


def test_the_route_leads_all_of_its_hosts_to_the_service_within_the_cluster() -> None:
    wanted = routed(hosts=[HOST, "www.example.com"])
    service, made = GatewayExposure().children(wanted, seen(wanted))
    assert service["spec"]["type"] == "ClusterIP"
    assert made["spec"]["hostnames"] == [HOST, "www.example.com"]
    (rule,) = made["spec"]["rules"]
    (backend,) = rule["backendRefs"]
    assert (backend["name"], backend["port"]) == ("shop-web", 80)
    (parent,) = made["spec"]["parentRefs"]
    assert PUBLIC.items() <= parent.items()


@pytest.mark.parametrize(
    ("parent", "listeners", "url"),
    [
        (PUBLIC, [("http", "HTTP"), ("https", "HTTPS")], f"https://{HOST}"),
        (
            PUBLIC | {"sectionName": "http"},
            [("http", "HTTP"), ("https", "HTTPS")],
            f"http://{HOST}",
        ),
        ({"name": "public", "namespace": "gateways"}, [("any", "HTTPS")], f"https://{HOST}"),
        ({"name": "public", "namespace": "gateways"}, [("any", "HTTP")], f"http://{HOST}"),
    ],
)
def test_the_shop_is_https_when_the_listener_is(
    parent: Manifest, listeners: list[tuple[str, str]], url: str
) -> None:
    wanted = routed(parent)
    view = told(wanted, said(parent, **TAKEN), objects=(gateway(*listeners),))
    verdict = GatewayExposure().judge(wanted, view)
    assert (verdict.ready, verdict.message) == (True, f"The shop is at {url}.")
    assert GatewayExposure().status(wanted, view) == {"url": url}
    assert view.output(PublicAddress).settings() == {
        "PUBLIC_URL": url,
        "TRUSTED_HOSTS": HOST,
        "FORWARDED_HOPS": "1",
        "KEEPALIVE_SECONDS": "100",
    }


@pytest.mark.parametrize(
    ("parents", "words"),
    [
        ([], "has not said yet whether it takes HTTPRoute shop"),
        ([said(PUBLIC, Accepted="True")], "has not said yet"),
        ([said(PUBLIC, 0, **TAKEN)], "has not said yet"),
        ([undated(said(PUBLIC, **TAKEN))], "has not said yet"),
        ([said(PUBLIC | {"sectionName": "http"}, **TAKEN)], "has not said yet"),
        ([said(PUBLIC | {"namespace": "books"}, **TAKEN)], "has not said yet"),
    ],
    ids=[
        "nothing",
        "half",
        "of an older route",
        "of no route",
        "another listener",
        "another Gateway",
    ],
)
def test_a_route_is_waited_for_until_its_own_parent_takes_it_as_it_is_now(
    parents: list[Manifest], words: str
) -> None:
    wanted = routed()
    view = told(wanted, *parents, objects=(HTTPS_GATEWAY,))
    verdict = GatewayExposure().judge(wanted, view)
    assert (verdict.state, verdict.reason) == (State.WAITING, ADDRESS_PENDING)
    assert words in verdict.message
    assert GatewayExposure().status(wanted, view) == {}


def test_a_gateway_that_is_not_there_is_named() -> None:
    wanted = routed()
    verdict = GatewayExposure().judge(wanted, told(wanted))
    assert "Gateway gateways/public is not there" in verdict.message


@pytest.mark.parametrize("kind", ["Accepted", "ResolvedRefs"])
@pytest.mark.parametrize(
    ("spoken", "words"),
    [
        ({"message": "It is so."}, "It is so"),
        ({"message": "", "reason": "NotAllowedByListeners"}, "NotAllowedByListeners"),
    ],
    ids=["message", "reason"],
)
def test_a_refusal_is_told_in_the_gateways_own_words(
    kind: str, spoken: Manifest, words: str
) -> None:
    wanted = routed()
    parent = said(PUBLIC, **TAKEN | {kind: "False"})
    parent["conditions"] = [one | spoken for one in parent["conditions"]]
    verdict = GatewayExposure().judge(wanted, told(wanted, parent, objects=(HTTPS_GATEWAY,)))
    assert (verdict.state, verdict.reason) == (State.FAILED, ROUTE_REFUSED)
    assert verdict.message == (
        f"Gateway gateways/public does not take HTTPRoute shop: {words}; correct "
        "exposure.gateway, or the Gateway's listener"
    )


def test_every_gateway_must_take_the_route() -> None:
    other = PUBLIC | {"name": "private"}
    wanted = routed(PUBLIC, other)
    objects = (HTTPS_GATEWAY, gateway(("https", "HTTPS"), name="private"))
    one = told(wanted, said(PUBLIC, **TAKEN), objects=objects)
    both = told(wanted, said(PUBLIC, **TAKEN), said(other, **TAKEN), objects=objects)
    assert not GatewayExposure().judge(wanted, one).ready
    assert GatewayExposure().judge(wanted, both).ready


def test_a_parent_without_a_namespace_is_in_the_stores() -> None:
    parent: Manifest = {"name": "own"}
    wanted = routed(parent)
    assert GatewayExposure().judge(wanted, told(wanted, said(parent, **TAKEN))).ready
    assert "namespace" not in route(wanted)["spec"]["parentRefs"][0]
