"""The operator dies or is away, and the stores come out as if it had been there."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.operator import Operator
from tests.cluster.support.store import Store
from tests.support.poll import eventually


def wait_for(store: Store, kind: str) -> None:
    def there() -> None:
        assert kind in {child["kind"] for child in store.children()}

    eventually(there, within=60)


@pytest.mark.fault(row=1)
@pytest.mark.fault(row=2)
def test_killed_at_every_step_of_a_creation(kube: Kube, lab: Lab, operator: Operator) -> None:
    operator.pod()
    store = lab.external()
    for step in ("Secret", "Job", "Deployment"):
        wait_for(store, step)
        if step == "Secret":
            secret = eventually(store.secret, within=30)
        if step == "Job":
            (migration,) = store.migrations()
        operator.kill()

    store.wait_ready()
    assert store.secret() == secret
    assert [job["metadata"]["uid"] for job in store.migrations()] == [migration["metadata"]["uid"]]
    assert len(kube.list("ReplicaSet", lab.namespace)) == 1, "no extra rollout"
    made = Counter(child["kind"] for child in store.children())
    assert made == Counter(
        ConfigMap=1,
        Deployment=1,
        Job=1,
        PersistentVolume=1,
        PersistentVolumeClaim=1,
        Secret=2,  # the generated one, and the environment of the pods
        Service=1,
        ServiceAccount=1,
    )


@pytest.mark.fault(row=3)
@pytest.mark.fault(row=22)
def test_what_happens_while_it_is_away_is_made_good(
    kube: Kube, lab: Lab, operator: Operator
) -> None:
    kept, dropped = lab.external("kept"), lab.external("dropped")
    kept.wait_ready()
    dropped.wait_ready()
    restarted, settings = kept.pods(), kept.config()["metadata"]["name"]

    operator.stop()
    try:
        kube.delete("ConfigMap", lab.namespace, settings)
        kept.edit(replicas=2)
        kube.delete("BookStore", lab.namespace, "dropped")
        assert kept.url(), "the pods serve without the operator"
        assert "deletionTimestamp" in dropped.get()["metadata"], "the finalizer holds it"
    finally:
        operator.start()

    def gone() -> None:
        assert kube.find("BookStore", lab.namespace, "dropped") is None
        assert dropped.pods() == []

    eventually(gone, within=90)
    kept.wait_ready()
    assert kube.get("ConfigMap", lab.namespace, settings)
    still = {pod["metadata"]["uid"] for pod in kept.pods()}
    assert {pod["metadata"]["uid"] for pod in restarted} < still, "the first pod was left alone"
    assert kube.get("PersistentVolumeClaim", lab.namespace, "dropped-files"), "Retain keeps it"


def test_a_restart_writes_nothing_to_a_settled_store(lab: Lab, operator: Operator) -> None:
    store = lab.external()
    store.wait_ready()
    before = {str(c["metadata"]["uid"]): c["metadata"]["resourceVersion"] for c in store.children()}
    operator.kill()
    operator.pod()

    def looked() -> None:
        assert any("reconcile" in n and v > 0 for n, v in operator.metrics().items())

    eventually(looked, within=60)
    after = {str(c["metadata"]["uid"]): c["metadata"]["resourceVersion"] for c in store.children()}
    assert after == before
