"""Backups in a bucket while people buy: the store's own copies are lost, and all comes back."""

from __future__ import annotations

import pytest

from tests.cluster.support.backups import FOLDER, Task, checksums, whole
from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.real.parts.versitygw.part import BUCKET, ObjectStore
from tests.support.poll import eventually
from tests.support.shopper import Shopper

# The backup's own policy leads to the bucket, and a restore out of it has one meanwhile.
pytestmark = pytest.mark.usefixtures("enforced_policies")

COVER = "/app/uploads/0123456789abcdef.webp"


def test_a_store_comes_back_from_the_bucket_when_its_own_backups_are_lost(
    kube: Kube, lab: Lab, object_store: ObjectStore
) -> None:
    s3 = object_store.spec()
    store = lab.external(backup={"schedule": "@yearly", "keep": 5, "s3": s3})
    store.wait_ready(within=180)
    store.told("BackedUpOffSite", "False", "SecretNotFound")
    kube.apply(object_store.login(store.namespace, secretAccessKey="another"))
    (pod, *_) = store.pods()
    store.exec(pod, "sh", "-c", f"printf cover > {COVER}")

    with Crowd.of(store) as crowd:
        denied = Task.ask(store, "BookStoreBackup", "denied").wait("Complete")
        assert denied["s3"]["error"] == "S3AccessDenied"
        eventually(lambda: store.told("BackedUpOffSite", "False", "S3AccessDenied"), within=30)
        store.told("BackedUp", "True")
        store.told("Ready", "True")
        kube.apply(object_store.login(store.namespace))
        orders = eventually(lambda: several_orders(crowd), within=60)
        taken = Task.ask(store, "BookStoreBackup", "copied").wait("Complete")
        place = f"s3://{BUCKET}/{store.namespace}/{store.name}"
        assert taken["s3"] == {"location": f"{place}/{taken['backup']}"}
        eventually(lambda: store.told("BackedUpOffSite", "True", "Reconciled"), within=30)
    assert crowd.failed == []
    assert crowd.bought > 0
    later = set(crowd.buyer.orders())
    then = checksums(store, taken["backup"])

    store.exec(pod, "sh", "-c", f"rm -r {FOLDER}/2*")
    other = lab.external(name="again")
    other.wait_ready(within=180)
    restored = Task.ask(
        other,
        "BookStoreRestore",
        "from-bucket",
        backup={"name": "latest"},
        fromStore=store.name,
        s3=s3,
    ).wait("Complete", within=300)
    assert (restored["backup"], restored["checksum"]) == (taken["backup"], taken["checksum"])
    other.wait_ready()
    assert whole(other) == [taken["backup"]]
    (pod, *_) = other.pods()
    assert other.exec(pod, "cat", COVER) == "cover"
    shopper = Shopper(other.url())
    shopper.log_in(crowd.buyer.email)
    assert orders <= set(shopper.orders()) <= later
    after = Task.ask(other, "BookStoreBackup", "after").wait("Complete")
    now = checksums(other, after["backup"])
    for table in ("orders", "purchases", "purchase_lines", "shipments", "books", "sellers"):
        (path,) = [one for one in then if one.endswith(f"/{table}.jsonl.gz")]
        assert now[path] == then[path], table


def several_orders(crowd: Crowd) -> set[str]:
    orders = set(crowd.buyer.orders())
    assert len(orders) > 5
    return orders
