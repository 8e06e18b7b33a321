"""The way to a shop changes from one kind to another, and shoppers do not notice."""

from __future__ import annotations

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.store import Store
from tests.real.parts.traefik.part import CLASS, WEB, Traefik
from tests.real.support.dns import Record
from tests.real.support.objects import gateway
from tests.real.support.visits import wait_serves, wait_url, way
from tests.support import resolved
from tests.support.poll import eventually


def change(store: Store, exposure: Manifest) -> None:
    """Set another way in the spec, and take out the one before."""
    none = dict.fromkeys(("loadBalancer", "ingress", "gateway"))
    store.edit(exposure=none | exposure)


def balancer(store: Store) -> str:
    """Return the address of the store's load balancer."""

    def given() -> str:
        status = store.child("Service", "-svc")["status"]["loadBalancer"]
        assert status.get("ingress"), "the load balancer has no address"
        return str(status["ingress"][0]["ip"])

    return eventually(given, within=60)


def wait_gone(store: Store, kind: str, suffix: str = "") -> None:
    def gone() -> None:
        left = store.kube.find(kind, store.namespace, store.name + suffix)
        assert left is None, f"{kind} {store.name}{suffix} is still there"

    eventually(gone, within=120)


def wait_buys(crowd: Crowd, copies: int = 5) -> None:
    """Wait until so many more purchases were made."""
    before = crowd.bought

    def bought() -> None:
        assert crowd.bought >= before + copies, crowd.failed

    eventually(bought, within=60)


def test_a_shop_passes_from_way_to_way_and_no_purchase_fails(
    kube: Kube, lab: Lab, traefik: Traefik
) -> None:
    record = Record(kube, lab.namespace, "books")
    host, url = record.host, f"http://{record.host}"
    kube.apply(
        gateway(lab.namespace, "public", CLASS, {"name": "http", "protocol": "HTTP", "port": WEB})
    )
    store = lab.external(exposure={"loadBalancer": {"host": host}})
    store.wait_ready(within=180)
    shoppers_way = way(balancer(store))
    record.lead(shoppers_way.address)

    with Crowd.of(store, url, shoppers_way) as crowd:
        wait_buys(crowd)

        change(store, {"ingress": {"className": CLASS, "hosts": [host]}})
        store.wait_ready(within=180)
        wait_serves(url, traefik.address())
        assert balancer(store) == shoppers_way.address, "it serves while DNS leads there"
        wait_buys(crowd)
        move(record, shoppers_way, traefik.address())
        wait_gone(store, "Service", "-svc")
        store.wait_ready(within=180)
        wait_buys(crowd)

        change(store, {"gateway": {"parentRefs": [{"name": "public"}], "hosts": [host]}})
        wait_gone(store, "Ingress", f"-ingress-{CLASS}")
        store.wait_ready(within=180)
        wait_buys(crowd)

        change(store, {"loadBalancer": {"host": host}})
        store.wait_ready(within=180)
        wait_serves(url, balancer(store))
        assert kube.find("HTTPRoute", lab.namespace, store.name), "it serves while DNS leads there"
        wait_buys(crowd)
        move(record, shoppers_way, balancer(store))
        wait_gone(store, "HTTPRoute")
        wait_gone(store, "Service", "-web")
        store.wait_ready(within=180)
        wait_buys(crowd)

    assert crowd.failed == []
    assert crowd.sold() == crowd.bought
    wait_url(store, url)


def move(record: Record, shoppers_way: resolved.At, address: str) -> None:
    """Point the name elsewhere, and have the shoppers follow it."""
    record.lead(address)
    shoppers_way.address = address
