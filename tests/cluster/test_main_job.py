"""The main job: a store from the sample, and people who trade books in it."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.store import Store
from tests.support.poll import eventually
from tests.support.shopper import Shopper


def test_columns_tell_what_a_person_wants_to_know(kube: Kube, sample: Store) -> None:
    heading, row = kube.kubectl("get", "bookstores", "-n", sample.namespace).splitlines()
    columns = "NAME READY AVAILABLE REPLICAS IMAGE DATABASE URL AGE"
    assert heading.split() == columns.split()
    image = sample.get()["spec"]["image"]
    told = [sample.name, "True", "True", "2/2", image, "embedded", sample.url()]
    assert row.split()[: len(told)] == told


def test_describe_tells_each_part_and_what_happened(kube: Kube, sample: Store) -> None:
    told = kube.kubectl("describe", "bookstore", sample.name, "-n", sample.namespace)
    for part in ("CredentialsReady", "StorageReady", "DatabaseReady", "SchemaMigrated", "Exposed"):
        assert part in told
    assert "Events:" in told
    assert "<none>" not in told.partition("Events:")[2]


def test_status_tells_the_revision_of_the_schema(sample: Store) -> None:
    database = sample.get()["status"]["database"]
    assert database["mode"] == "embedded"
    assert database["host"].startswith(f"{sample.name}-mysql")
    assert database["schemaRevision"]


def test_a_shopper_sells_and_another_buys(sample: Store) -> None:
    seller, buyer = sample.shopper(), sample.shopper()
    book = seller.publish("Pedro Páramo", quantity=3)
    buyer.buy(book, quantity=2)
    assert len(buyer.orders()) == 1
    assert buyer.stock(book) == 1
    assert seller.orders() == []
    assert "Pedro Páramo" in seller.http.get("/account/books").text
    assert book in Shopper(sample.url()).page("/?q=Pedro").values("data-book-id")


def test_no_more_is_sold_than_there_is(sample: Store) -> None:
    seller, buyer = sample.shopper(), sample.shopper()
    book = seller.publish("El llano en llamas", quantity=1)
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        buyer.buy(book, quantity=2)
    assert (buyer.orders(), buyer.stock(book)) == ([], 1)


def test_an_account_is_entered_again(sample: Store) -> None:
    shopper = Shopper(sample.url())
    email = shopper.register()
    shopper.log_out()
    with pytest.raises(AssertionError, match="no form"):
        shopper.publish("Aura", quantity=1)
    shopper.log_in(email)
    assert shopper.publish("Aura", quantity=1)


def test_pods_meet_the_restricted_standard(kube: Kube, sample: Store) -> None:
    labels = kube.get("Namespace", "", sample.namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in sample.pods():
        assert sample.exec(pod, "id", "-u").strip() == "10001"
        refused = sample.exec(pod, "sh", "-c", "touch /app/x 2>/dev/null || echo read-only")
        assert refused.strip() == "read-only"


def test_replicas_share_their_files(sample: Store) -> None:
    one, other = sample.pods()
    for folder in ("uploads", "backups"):
        sample.exec(one, "sh", "-c", f"echo seen > /app/{folder}/{sample.namespace}")
        assert sample.exec(other, "cat", f"/app/{folder}/{sample.namespace}").strip() == "seen"


def test_replicas_stand_on_different_nodes(sample: Store) -> None:
    assert len({pod["spec"]["nodeName"] for pod in sample.pods()}) == 2


def test_kubectl_scale_works(kube: Kube, sample: Store) -> None:
    for replicas in ("1", "2"):
        kube.kubectl(
            "scale", "bookstore", sample.name, "-n", sample.namespace, f"--replicas={replicas}"
        )
        sample.wait_ready()
        assert len(sample.pods()) == int(replicas)


def test_an_autoscaler_reads_and_writes_the_scale(kube: Kube, sample: Store) -> None:
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop", "namespace": sample.namespace},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "bookstore.dev/v1",
                "kind": "BookStore",
                "name": sample.name,
            },
            "minReplicas": 3,
            "maxReplicas": 3,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 80},
                    },
                }
            ],
        },
    }
    kube.apply(autoscaler)

    def scaled() -> None:
        status = kube.get("HorizontalPodAutoscaler", sample.namespace, "shop")["status"]
        conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
        assert conditions.get("AbleToScale") == "True", json.dumps(status)
        assert conditions.get("ScalingActive") == "True", json.dumps(status)
        assert sample.get()["spec"]["replicas"] == 3

    try:
        eventually(scaled, within=90)
    finally:
        kube.delete("HorizontalPodAutoscaler", sample.namespace, "shop")
        sample.edit(replicas=2)
    sample.wait_ready()
