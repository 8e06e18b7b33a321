"""A store of three services on a cluster: one shop at one address, with a schema for each."""

from __future__ import annotations

import json

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import RESOURCES
from tests.cluster.support.store import Store, brief
from tests.support.poll import eventually

SERVICES = ("auth", "catalogue", "orders")


@pytest.fixture
def store(kube: Kube, namespace: str, images: dict[str, str]) -> Store:
    """Apply a store of one pod for each service, with a database of its own; wait until Ready."""
    store = Store(kube, namespace, "shop")
    store.apply(
        {
            "image": images["APP_IMAGE"],
            "topology": "Microservices",
            "replicas": 1,
            "resources": RESOURCES,
            "services": {"gateway": {"image": images["NGINX_IMAGE"], "replicas": 1}},
            "database": {"embedded": {"image": images["MYSQL_IMAGE"]}},
            "storage": {"claim": {}},
        }
    )

    def ready() -> None:
        seen = store.conditions()
        assert seen.get("Ready", {}).get("status") == "True", brief(seen)

    eventually(ready, within=180)
    return store


def test_a_store_of_services_is_one_shop_and_each_keeps_to_its_own(store: Store) -> None:
    seller, buyer = store.shopper(), store.shopper()
    book = seller.publish("The Lathe of Heaven", quantity=2)
    assert buyer.buy(book).startswith("/purchases/")
    assert len(buyer.orders()) == 1
    assert seller.stock(book) == 1
    told = {one["name"]: one for one in store.get()["status"]["services"]}
    assert {name: one["readyReplicas"] for name, one in told.items()} == dict.fromkeys(SERVICES, 1)

    (orders,) = store.pods("orders")
    # As orders' user, whose password the pod has: what it may see of the others' schemas.
    asked = (
        "import json, os, pymysql; c = pymysql.connect(host=os.environ['DB_HOST'], "
        "user=os.environ['DB_USER'], password=os.environ['DB_PASSWORD'], ssl={'check_hostname': "
        "False}).cursor(); c.execute('SHOW DATABASES'); "
        "print(json.dumps([row[0] for row in c.fetchall()]))"
    )
    schemas = json.loads(store.exec(orders, "python3", "-c", asked))
    assert {name for name in schemas if name.startswith("bookstore")} == {"bookstore_orders"}
    # Whoever gets to an internal port without a service's key is refused there.
    knock = (
        "import urllib.request as r, urllib.error as e\n"
        "try: r.urlopen(r.Request('http://shop-catalogue:5001/catalogue/books', b'{}'))\n"
        "except e.HTTPError as refused: print(refused.code)"
    )
    assert store.exec(orders, "python3", "-c", knock).strip() == "401"
