"""A store of three services on a cluster: one shop at one address, with a schema for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.support.backups import Task, sums_in
from tests.cluster.support.kube import Kube
from tests.cluster.support.namespaces import opened
from tests.cluster.support.services import SERVICES, of_services, schemas
from tests.cluster.support.store import Store
from tests.support.poll import eventually
from tests.support.shopper import Shopper

TABLES = {
    "catalogue": ("books", "sellers"),
    "orders": ("orders", "purchases", "purchase_lines", "shipments"),
}


@pytest.fixture(scope="module")
def store(kube: Kube, images: dict[str, str]) -> Iterator[Store]:
    """Apply a store of one pod for each service, with a database of its own; wait until Ready."""
    with opened(kube, "services") as namespace:
        yield of_services(kube, namespace, images)


def test_a_store_of_services_is_one_shop_and_each_keeps_to_its_own(store: Store) -> None:
    seller, buyer = store.shopper(), store.shopper()
    book = seller.publish("The Lathe of Heaven", quantity=2)
    assert buyer.buy(book).startswith("/purchases/")
    assert len(buyer.orders()) == 1
    assert seller.stock(book) == 1
    told = {one["name"]: one for one in store.get()["status"]["services"]}
    assert {name: one["readyReplicas"] for name, one in told.items()} == dict.fromkeys(SERVICES, 1)

    for service in SERVICES:
        assert schemas(store, service) == {f"bookstore_{service}"}
    (orders,) = store.pods("orders")
    # Whoever gets to an internal port without a service's key is refused there.
    knock = (
        "import urllib.request as r, urllib.error as e\n"
        "try: r.urlopen(r.Request('http://shop-catalogue:5001/catalogue/books', b'{}'))\n"
        "except e.HTTPError as refused: print(refused.code)"
    )
    assert store.exec(orders, "python3", "-c", knock).strip() == "401"


def test_a_restore_brings_the_schemas_of_all_services_back_to_one_moment(
    store: Store, images: dict[str, str]
) -> None:
    seller, buyer = store.shopper(), store.shopper()
    book = seller.publish("The Dispossessed", quantity=3)
    buyer.buy(book)
    (first,) = buyer.orders()
    taken = Task.ask(store, "BookStoreBackup", "before").wait("Complete")
    buyer.buy(book)
    assert len(buyer.orders()) == 2
    assert seller.stock(book) == 1

    restore = Task.ask(
        store, "BookStoreRestore", "back", backup={"bookStoreBackup": "before"}, replace=True
    )
    restore.wait("Restoring")
    for name in SERVICES:
        assert store.pods(name) == [], f"{name} writes while rows are replaced"
    restored = restore.wait("Complete", within=300)
    assert (restored["backup"], restored["checksum"]) == (taken["backup"], taken["checksum"])

    eventually(lambda: store.told("Ready", "True"), within=120)
    first_page = eventually(lambda: answered(buyer), within=60)
    assert first_page != "/orders", "a session of before opens no account"
    buyer.log_in(buyer.email)
    assert buyer.orders() == [first]
    assert buyer.stock(book) == 2, "what orders forgot, the catalogue did not sell"

    after = Task.ask(store, "BookStoreBackup", "after").wait("Complete")
    then, now = (sums_in(store, images["APP_IMAGE"], one["backup"]) for one in (taken, after))
    for domain, tables in TABLES.items():
        for table in tables:
            path = f"{domain}/{table}.jsonl.gz"
            assert now[path] == then[path], path
    buyer.buy(book)
    assert buyer.stock(book) == 1

    store.told("BackedUp", "True", "Reconciled")
    namespace, of = store.namespace, f"--from=cronjob/{store.name}-drill"
    store.kube.kubectl("create", "job", "-n", namespace, "rehearsed", of)

    def drilled() -> None:
        last = store.get()["status"].get("lastDrill", {})
        assert last.get("backup") == after["backup"], store.conditions().get("RestoreDrilled")

    eventually(drilled, within=60)


def answered(shopper: Shopper) -> str:
    """Return where the page of a person's orders leads them, once the services reach each other."""
    answer = shopper.http.get("/orders")
    assert answer.status_code != 503
    return answer.url.path
