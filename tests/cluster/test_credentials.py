"""What was generated is never generated anew in silence while a database knows it."""

from __future__ import annotations

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.operator import Operator
from tests.cluster.support.store import MANAGED, Store
from tests.support.poll import eventually


def lose_secrets(store: Store, names: list[str]) -> None:
    """Delete Secrets past their finalizers, and wait until they are gone."""
    for name in names:
        store.kube.delete("Secret", store.namespace, name)
        if store.kube.find("Secret", store.namespace, name):
            unheld = {"metadata": {"finalizers": None}}
            store.kube.patch("Secret", store.namespace, name, unheld)
        assert store.kube.find("Secret", store.namespace, name) is None


def secrets(store: Store) -> list[str]:
    """Return the names of all Secrets that the operator made for the store."""
    labels = f"{MANAGED},app.kubernetes.io/instance={store.name}"
    found = store.kube.list("Secret", store.namespace, labels)
    return [secret["metadata"]["name"] for secret in found]


@pytest.mark.fault(row=13)
def test_a_secret_lost_without_a_witness_gets_its_values_back(
    kube: Kube, lab: Lab, operator: Operator
) -> None:
    store = lab.external()
    store.wait_ready()
    shopper, before = store.shopper(), store.secret()
    operator.stop()
    try:
        lose_secrets(store, ["shop-secret"])
    finally:
        operator.start()

    def back() -> None:
        assert store.secret() == before

    eventually(back, within=60)
    store.wait_ready()
    assert len(kube.list("ReplicaSet", lab.namespace)) == 1, "no rollout"
    assert shopper.publish("Aura", quantity=1), "the session of before goes on"


@pytest.mark.fault(row=13)
def test_credentials_of_a_living_database_are_never_made_anew(
    kube: Kube, lab: Lab, operator: Operator
) -> None:
    store = lab.embedded()
    store.wait_ready(within=240)
    shopper = store.shopper()
    operator.stop()
    try:
        lose_secrets(store, secrets(store))
    finally:
        operator.start()
    store.wait_told("CredentialsLost", mentions="shop-secret", within=90)
    assert secrets(store) == []
    assert shopper.publish("Aura", quantity=1), "the pods of before serve on"
