"""The environment local, applied: a shop with a backup each night and an autoscaler."""

from __future__ import annotations

import json

from tests.cluster.support.kube import Kube
from tests.deploy.eks.support.local import LocalStore
from tests.support.poll import eventually


def test_the_shop_serves(local_store: LocalStore) -> None:
    shopper = local_store.store.shopper()
    book = shopper.publish("Pedro Páramo", 2)
    reader = local_store.store.shopper()
    reader.buy(book)
    assert len(reader.orders()) == 1


def test_the_nightly_job_makes_a_whole_backup(kube: Kube, local_store: LocalStore) -> None:
    namespace = local_store.namespace
    shopper = local_store.store.shopper()
    shopper.publish("El llano en llamas", 1)
    kube.kubectl("-n", namespace, "create", "job", "night", "--from=cronjob/bookstore-backup")

    assert local_store.ended("night") == "Complete"
    # Between the lines of its log, as they come: the one that the command prints has no level.
    lines = map(json.loads, kube.kubectl("-n", namespace, "logs", "job/night").splitlines())
    (told,) = (line for line in lines if "level" not in line)
    listed = local_store.store.exec(local_store.store.pods()[0], "bookstore", "backups", "--verify")
    assert listed.startswith(told["backup"])
    assert "DAMAGED" not in listed
    assert told["rows"] > 0


def test_an_autoscaler_finds_its_measure_and_applying_again_leaves_its_word(
    kube: Kube, local_store: LocalStore
) -> None:
    store = local_store.store
    eventually(lambda: store.told("Autoscaling", "True"), within=180)
    before = store.child("Deployment")["spec"]["replicas"]
    local_store.apply()
    store.wait_ready()
    assert store.child("Deployment")["spec"]["replicas"] >= before
