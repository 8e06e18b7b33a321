"""A store whose database is on RDS, where a script has the part of ACK's controller."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.cluster.support import ack as played
from tests.cluster.support.ack import DELETION_POLICY, SKIP_SNAPSHOT, Ack
from tests.cluster.support.kube import ApiError, Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import MySQL
from tests.cluster.support.store import Store
from tests.support.poll import eventually
from tests.support.shopper import Shopper

WORKLOADS = {"Deployment", "Job"}
RDS: Manifest = {
    "instanceClass": "db.t4g.medium",
    "allocatedStorage": 30,
    "multiAZ": True,
    "subnetGroupName": "bookstore-private",
    "securityGroupIds": ["sg-0123456789abcdef0"],
    "identifier": "books",
    "deletionProtection": False,
}


@pytest.fixture
def ack(kube: Kube, mysql: MySQL, namespace: str) -> Iterator[Ack]:
    """Have ACK's controller in the cluster."""
    with played.served(kube):
        controller = Ack(kube, mysql, namespace)
        yield controller
        for left in kube.list("DBInstance", namespace):
            controller.discard(left)


def applied(lab: Lab, **changes: object) -> Store:
    """Apply a store on RDS; it is not waited for."""
    store = Store(lab.kube, lab.namespace, "shop")
    store.apply(lab.spec("shop", {"rds": RDS}, **changes))
    return store


def wait_provisioning(store: Store, mentions: str = "") -> None:
    def told() -> None:
        assert mentions in store.told("DatabaseReady", "False", "DatabaseProvisioning")

    eventually(told, within=60)


def test_a_cluster_without_ack_is_told_and_all_goes_on_when_it_comes(kube: Kube, lab: Lab) -> None:
    store = applied(lab)
    store.wait_told("KindMissing", mentions="install the ACK controller for Amazon RDS")
    assert "install the ACK controller" in store.told("DatabaseReady", "False", "KindMissing")
    with played.served(kube):
        wait_provisioning(store)
        assert kube.get("DBInstance", lab.namespace, "shop-rds")


def test_what_ack_gives_up_is_told_in_its_words_and_ends_when_it_is_mended(
    lab: Lab, ack: Ack
) -> None:
    store = applied(lab)
    words = "DBSubnetGroupNotFoundFault: DB subnet group 'bookstore-private' not found."
    ack.give_up(words)
    store.wait_told("DatabaseFailed", mentions=words.rstrip("."))
    store.told("DatabaseReady", "False", "DatabaseFailed")
    ack.create()
    wait_provisioning(store, "RDS instance books is creating")


@pytest.mark.parametrize(
    "change",
    [
        {"identifier": "other"},
        {"subnetGroupName": "other"},
        {"kmsKeyId": "alias/other"},
        {"storageEncrypted": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_stays_for_the_life_of_an_instance_is_refused_with_what_to_do(
    lab: Lab, change: Manifest
) -> None:
    store = applied(lab)
    with pytest.raises(ApiError) as refused:
        store.edit(database={"rds": change})
    assert refused.value.code == 422
    sentence = "cannot change on a live instance; create a new BookStore and move the data"
    assert f"{next(iter(change))} {sentence}" in str(refused.value)


def test_a_store_sells_once_there_is_an_endpoint_and_retains_its_instance(
    kube: Kube, lab: Lab, ack: Ack
) -> None:
    store = applied(lab)
    made = ack.create()
    asked = {"multiAZ": True, "allocatedStorage": 30, "storageEncrypted": True}
    assert asked.items() <= made["spec"].items()
    wait_provisioning(store, "RDS instance books is creating")
    assert not WORKLOADS & {child["kind"] for child in store.children()}

    address = ack.provide()
    store.wait_ready(within=180)
    assert store.get()["status"]["database"]["host"] == address
    book = store.shopper().publish("Rayuela", quantity=3)
    buyer = store.shopper()
    buyer.buy(book)

    store.delete()
    kept = ack.asked()
    assert kept["metadata"]["uid"] == made["metadata"]["uid"]
    assert "deletionTimestamp" not in kept["metadata"]
    assert kept["metadata"]["annotations"][DELETION_POLICY] == "retain"
    assert ack.snapshots == {}

    # A store of the same name has a password of its own, and finds what the instance holds.
    again = applied(lab)

    def rotated() -> None:
        now, before = (one["spec"]["masterUserPassword"] for one in (ack.asked(), kept))
        assert now["key"] != before["key"]

    eventually(rotated, within=60)
    ack.provide()
    again.wait_ready(within=180)
    returning = Shopper(again.url())
    returning.log_in(buyer.email)
    assert len(returning.orders()) == 1
    assert returning.stock(book) == 2


def test_delete_takes_the_instance_with_a_last_snapshot(kube: Kube, lab: Lab, ack: Ack) -> None:
    store = applied(lab, deletionPolicy="Delete")
    ack.create()
    ack.provide()
    kube.delete("BookStore", lab.namespace, "shop")

    def leaving() -> Manifest:
        live = ack.asked()
        assert "deletionTimestamp" in live["metadata"]
        return live

    notes = eventually(leaving, within=60)["metadata"]["annotations"]
    assert (notes[DELETION_POLICY], notes[SKIP_SNAPSHOT]) == ("delete", "false")
    eventually(lambda: store.told("Ready", "False", "Terminating"), within=30)
    ack.delete()
    store.delete()
    assert re.fullmatch("books-final-[0-9a-f]{8}", ack.snapshots["books"])
