"""A store's NetworkPolicies, enforced: who reaches its pods, what these reach, and no one else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import MySQL
from tests.cluster.support.namespaces import opened
from tests.cluster.support.store import Store
from tests.real.support.clients import Client, started
from tests.support.poll import eventually

pytestmark = pytest.mark.usefixtures("enforced_policies")

MYSQL, SHOP, METRICS = 3306, 5000, 9100
BACKUP = {"app.kubernetes.io/name": "bookstore", "app.kubernetes.io/component": "backup"}


@pytest.fixture(scope="module")
def monitoring(kube: Kube, images: dict[str, str]) -> Iterator[Client]:
    """Start a pod in the one namespace that may read metrics."""
    with opened(kube, "monitoring") as name:
        yield started(kube, name, "collector", images["APP_IMAGE"])


@pytest.fixture(scope="module")
def store(enforced_policies: None, module_lab: Lab, monitoring: Client) -> Store:
    """Make a store with a database of its own, where its policies are enforced all along."""
    policies = {"metricsFrom": [monitoring.namespace]}
    store = module_lab.embedded(networkPolicies=policies)
    store.wait_ready(within=240)
    return store


@pytest.fixture(scope="module")
def stray(kube: Kube, store: Store, images: dict[str, str]) -> Client:
    """Start a pod in the store's namespace that has nothing to do with it."""
    return started(kube, store.namespace, "stray", images["APP_IMAGE"])


@pytest.fixture
def shop(store: Store) -> Client:
    (pod,) = store.pods()
    return Client(store.kube, store.namespace, pod["metadata"]["name"])


def database(store: Store) -> str:
    return f"{store.name}-mysql"


def address(store: Store, component: str = "web") -> str:
    (pod,) = store.pods(component)
    return str(pod["status"]["podIP"])


def test_a_stray_pod_does_not_reach_the_database_and_the_shop_does(
    store: Store, stray: Client, shop: Client
) -> None:
    stray.wait_kept_out(database(store), MYSQL)
    assert not stray.reaches(address(store, "database"), MYSQL)
    assert shop.reaches(database(store), MYSQL)


def test_a_store_sells_and_takes_pictures_with_its_policies_enforced(store: Store) -> None:
    shopper = store.shopper()
    book = shopper.publish("La vorágine", quantity=2)
    shopper_two = store.shopper()
    shopper_two.buy(book)
    assert shopper_two.stock(book) == 1


def test_policies_keep_out_and_nothing_else_does(store: Store, stray: Client) -> None:
    stray.wait_kept_out(database(store), MYSQL)
    asked = store.get()["spec"]["networkPolicies"]

    store.edit(networkPolicies={"enabled": False, "metricsFrom": None})
    stray.wait_let_in(database(store), MYSQL)

    store.edit(networkPolicies=asked)
    stray.wait_kept_out(database(store), MYSQL)
    store.wait_ready()


def test_whoever_comes_reaches_the_shop_and_only_who_may_reads_its_metrics(
    store: Store, stray: Client, monitoring: Client
) -> None:
    stray.wait_kept_out(address(store), METRICS)
    assert stray.reaches(address(store), SHOP)
    assert stray.reaches(f"{store.name}-svc", 80)
    monitoring.wait_let_in(address(store), METRICS)
    assert not monitoring.reaches(address(store, "database"), MYSQL)


def test_the_shop_reaches_its_database_and_no_other_pod(
    store: Store, stray: Client, shop: Client, mysql: MySQL
) -> None:
    assert stray.reaches(mysql.host, MYSQL)
    shop.wait_kept_out(mysql.host, MYSQL)
    assert shop.reaches(database(store), MYSQL)


def test_a_database_is_migrated_with_policies_enforced(
    kube: Kube, store: Store, mysql: MySQL, images: dict[str, str]
) -> None:
    (job,) = store.migrations()
    assert job["status"]["succeeded"] == 1

    labels = job["spec"]["template"]["metadata"]["labels"]
    like_it = started(kube, store.namespace, "migrates", images["APP_IMAGE"], labels)
    like_it.wait_kept_out(mysql.host, MYSQL)
    assert like_it.reaches(database(store), MYSQL)


def test_a_job_that_backs_up_reaches_the_database(kube: Kube, store: Store) -> None:
    kube.apply(backup(store, BACKUP))

    def backed_up() -> None:
        status = kube.get("Job", store.namespace, "backup").get("status", {})
        assert status.get("succeeded") == 1, status

    eventually(backed_up, within=120)


def backup(store: Store, labels: dict[str, str]) -> Manifest:
    """Return a Job that backs up a store, in a pod like the shop's own."""
    pod: dict[str, Any] = store.child("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    kept = ("name", "image", "env", "envFrom", "resources", "securityContext", "volumeMounts")
    of_pod = ("serviceAccountName", "automountServiceAccountToken", "securityContext", "volumes")
    spec = {name: pod[name] for name in of_pod if name in pod}
    spec["restartPolicy"] = "Never"
    spec["containers"] = [
        {name: container[name] for name in kept if name in container} | {"args": ["backup"]}
    ]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "backup", "namespace": store.namespace},
        "spec": {
            "backoffLimit": 2,
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
