"""A data volume that is deleted is bound again; one that is lost is never replaced unasked."""

from __future__ import annotations

from typing import NamedTuple

import httpx
import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.operator import Operator
from tests.cluster.support.store import Store
from tests.support.poll import eventually
from tests.support.shopper import Shopper

ACCEPT = "bookstore.dev/accept-volume-loss"
UPLOAD = "/app/uploads/cover"


class Volume(NamedTuple):
    """A data volume: its name in the status, the suffix of its claim, whose pods hold it."""

    name: str
    suffix: str
    component: str


DATABASE = Volume("database", "-mysql-data", "database")
FILES = Volume("files", "-files", "web")
both = pytest.mark.parametrize("volume", [DATABASE, FILES], ids=lambda volume: volume.name)


@pytest.fixture(scope="module")
def embedded(module_lab: Lab) -> Store:
    """Run a store with both volumes from a StorageClass, once for the module."""
    return module_lab.embedded(storage={"claim": {}})


@pytest.fixture
def store(embedded: Store) -> Store:
    """Return the module's store, whole again after the test before."""
    embedded.wait_ready(within=240)
    return embedded


def customer(store: Store) -> tuple[str, list[str]]:
    """Return the address of someone with an order, and the order's number."""
    book = store.shopper().publish("La vorágine", quantity=3)
    buyer = Shopper(store.url())
    email = buyer.register()
    buyer.buy(book)
    return email, buyer.orders()


def orders(store: Store, email: str) -> list[str]:
    """Return the orders of someone who comes back another day."""
    shopper = Shopper(store.url())
    shopper.log_in(email)
    return shopper.orders()


def upload(store: Store, text: str) -> None:
    store.exec(store.pods()[0], "sh", "-c", f"echo {text} > {UPLOAD}")


def uploaded(store: Store) -> str:
    """Return what was uploaded, or an empty text."""
    return store.exec(store.pods()[0], "sh", "-c", f"cat {UPLOAD} 2>/dev/null || true").strip()


def end_pods(store: Store, volume: Volume) -> None:
    for pod in store.pods(volume.component):
        store.kube.delete("Pod", store.namespace, pod["metadata"]["name"])


def delete_claim(store: Store, volume: Volume) -> Manifest:
    """Delete the claim, which stays while pods hold it, and return it as it was."""
    claim = store.claim(volume.suffix)
    store.kube.delete("PersistentVolumeClaim", store.namespace, claim["metadata"]["name"])
    return claim


def wait_bound_again(store: Store, volume: Volume, before: Manifest) -> None:
    """Wait until a new claim is bound to the volume that the claim of before was bound to."""

    def bound() -> None:
        claim = store.claim(volume.suffix)
        assert claim["metadata"]["uid"] != before["metadata"]["uid"], "it is still the old claim"
        assert claim["status"]["phase"] == "Bound", claim["status"]
        assert claim["spec"]["volumeName"] == before["spec"]["volumeName"]

    eventually(bound, within=120)


def lose(store: Store, volume: Volume) -> Manifest:
    """Delete the claim and its volume, wait until both are gone, and return the claim."""
    held = store.claim(volume.suffix)["spec"]["volumeName"]
    store.kube.delete("PersistentVolume", "", held)
    claim = delete_claim(store, volume)
    end_pods(store, volume)

    def gone() -> None:
        name = claim["metadata"]["name"]
        found = store.kube.find("PersistentVolumeClaim", store.namespace, name)
        assert found is None, f"{name} is still there, or again"
        assert store.kube.find("PersistentVolume", "", held) is None, f"{held} is still there"

    eventually(gone, within=120)
    return claim


def accept(store: Store, uid: str) -> None:
    """Accept the loss of a claim's volume by the claim's uid."""
    note = {"annotations": {ACCEPT: uid}}
    store.kube.patch("BookStore", store.namespace, store.name, {"metadata": note})


def edit_something(store: Store) -> None:
    """Change the spec in a way that touches nothing, so that the store is judged once more."""
    other = {"Retain": "Delete", "Delete": "Retain"}
    store.edit(deletionPolicy=other[store.get()["spec"]["deletionPolicy"]])


def wait_lost(store: Store, volume: Volume, claim: Manifest) -> None:
    store.wait_told("VolumeLost", mentions=claim["metadata"]["name"])
    name = claim["metadata"]["name"]
    assert store.kube.find("PersistentVolumeClaim", store.namespace, name) is None
    assert status(store, volume)["claimUID"] == claim["metadata"]["uid"]
    message = store.conditions()["Degraded"]["message"]
    assert ACCEPT in message, "it says how the loss is accepted"


def status(store: Store, volume: Volume) -> Manifest:
    """Return what the store's status says about a volume."""
    (found,) = [v for v in store.get()["status"]["volumes"] if v["name"] == volume.name]
    return dict(found)


@both
def test_the_status_names_a_volume_and_its_claim(store: Store, volume: Volume) -> None:
    claim = store.claim(volume.suffix)
    assert status(store, volume) == {
        "name": volume.name,
        "claim": claim["metadata"]["name"],
        "claimUID": claim["metadata"]["uid"],
        "volume": claim["spec"]["volumeName"],
        "capacity": claim["status"]["capacity"]["storage"],
        "storageClassName": claim["spec"]["storageClassName"],
    }


@both
def test_a_deleted_claim_is_bound_again_to_its_volume(store: Store, volume: Volume) -> None:
    email, bought = customer(store)
    upload(store, "before")
    claim = delete_claim(store, volume)
    store.wait_told("VolumeTerminating", mentions=claim["metadata"]["name"])
    assert orders(store, email) == bought, "the shop serves while its pods hold the claim"

    end_pods(store, volume)
    wait_bound_again(store, volume, claim)
    store.wait_ready(within=180)
    assert orders(store, email) == bought
    assert uploaded(store) == "before"
    warned = [event["message"] for event in store.events() if event["type"] == "Warning"]
    assert any(claim["spec"]["volumeName"] in message for message in warned), warned


def test_a_lost_database_is_told_and_not_replaced(store: Store, operator: Operator) -> None:
    email, _ = customer(store)
    claim = lose(store, DATABASE)
    wait_lost(store, DATABASE, claim)

    operator.kill()
    accept(store, "00000000-0000-0000-0000-000000000000")  # that of another claim
    edit_something(store)
    wait_lost(store, DATABASE, claim)

    accept(store, claim["metadata"]["uid"])
    store.wait_ready(within=240)
    assert store.claim(DATABASE.suffix)["metadata"]["uid"] != claim["metadata"]["uid"]
    assert store.shopper().publish("Aura", quantity=1), "the new database is migrated"
    with pytest.raises(httpx.HTTPStatusError):
        orders(store, email)


def test_files_that_are_lost_while_the_operator_is_away(store: Store, operator: Operator) -> None:
    upload(store, "before")
    operator.stop()
    try:
        claim = lose(store, FILES)
    finally:
        operator.start()
    edit_something(store)
    wait_lost(store, FILES, claim)

    accept(store, claim["metadata"]["uid"])
    store.wait_ready(within=180)
    assert store.claim(FILES.suffix)["metadata"]["uid"] != claim["metadata"]["uid"]
    assert uploaded(store) == ""


def test_files_on_efs_outlive_their_claim_and_volume(kube: Kube, lab: Lab) -> None:
    store = lab.external()
    store.wait_ready()
    upload(store, "before")
    kube.delete("PersistentVolume", "", f"{lab.namespace}.shop.files")
    claim = delete_claim(store, FILES)
    store.wait_told("VolumeTerminating", mentions="shop-files")

    end_pods(store, FILES)
    wait_bound_again(store, FILES, claim)
    store.wait_ready(within=180)
    assert uploaded(store) == "before"


@pytest.mark.fault(row=18)
def test_a_volume_on_another_file_system_is_neither_bound_nor_deleted(kube: Kube, lab: Lab) -> None:
    place = ("PersistentVolume", "", f"{lab.namespace}.shop.files")
    store = lab.external()
    store.wait_ready()
    upload(store, "before")
    spec, claim, before = store.get()["spec"], store.claim("-files"), kube.get(*place)
    store.delete()

    store.apply(spec | {"storage": {"efs": {"fileSystemId": "fs-0badc0de"}}})
    store.wait_told("VolumeNotBound", mentions="fs-0badc0de")
    after = kube.get(*place)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"] == before["spec"]
    assert store.claim("-files")["metadata"]["uid"] == claim["metadata"]["uid"]
    store.delete()

    store.apply(spec)
    store.wait_ready()
    assert uploaded(store) == "before"
