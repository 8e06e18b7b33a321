"""While a change fails, what served before goes on as it was, even where it starts anew."""

from __future__ import annotations

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.support.poll import eventually


def test_a_pod_of_before_starts_with_the_settings_of_before(kube: Kube, lab: Lab) -> None:
    store = lab.external()
    store.wait_ready()
    book = store.shopper().publish("Rayuela", quantity=5)
    settings = store.config()
    host = store.get()["spec"]["database"]["external"]["host"]

    store.edit(database={"external": {"host": "nowhere.invalid"}})
    store.wait_told("DatabaseUnreachable", mentions="nowhere.invalid", within=120)
    kept = kube.get("ConfigMap", lab.namespace, settings["metadata"]["name"])
    assert kept["data"] == settings["data"]
    (pod,) = (pod for pod in store.pods() if ready(pod))
    kube.delete("Pod", lab.namespace, pod["metadata"]["name"])

    def again() -> None:
        found = [other["metadata"]["uid"] for other in store.pods() if ready(other)]
        assert found, "no pod is ready"
        assert pod["metadata"]["uid"] not in found

    eventually(again, within=120)
    assert store.shopper().stock(book) == 5

    store.edit(database={"external": {"host": host}})
    store.wait_ready(within=180)
    assert store.config()["metadata"]["name"] == settings["metadata"]["name"]


@pytest.mark.fault(row=19)
def test_an_image_that_cannot_migrate_stops_no_purchase_and_the_former_one_heals(
    lab: Lab, images: dict[str, str]
) -> None:
    store = lab.external()
    store.wait_ready()
    before = {pod["metadata"]["uid"] for pod in store.pods()}
    cannot_migrate = images["MYSQL_IMAGE"]
    with Crowd.of(store) as crowd:
        store.edit(image=cannot_migrate)
        store.wait_told("MigrationFailed", mentions=cannot_migrate)
        assert {pod["metadata"]["uid"] for pod in store.pods()} == before
        store.edit(image=images["APP_IMAGE"])
        store.wait_ready()
    assert {pod["metadata"]["uid"] for pod in store.pods()} == before
    assert crowd.failed == []
    assert crowd.sold() == crowd.bought > 0


def ready(pod: dict[str, object]) -> bool:
    status = pod["status"]
    assert isinstance(status, dict)
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
