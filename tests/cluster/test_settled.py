"""A store that has come to rest costs nothing."""

from __future__ import annotations

from tests.cluster.support.kube import Kube
from tests.cluster.support.operator import Operator
from tests.cluster.support.store import Store
from tests.support.poll import eventually

QUIET = 25  # seconds, longer than any period of the operator but its resync


def versions(store: Store) -> dict[str, str]:
    return {
        f"{child['kind']}/{child['metadata']['name']}": child["metadata"]["resourceVersion"]
        for child in [*store.children(), store.get()]
    }


def work(operator: Operator) -> dict[str, float]:
    """Return the operator's counters of what it did, but for stores that are gone.

    Some seconds after the last object of an earlier test's store it looks for that store once more.
    """
    return {
        name: value
        for name, value in operator.metrics().items()
        if name.startswith("bookstore_") and "_total" in name and 'result="gone"' not in name
    }


def test_a_settled_store_is_left_alone(kube: Kube, operator: Operator, sample: Store) -> None:
    sample.wait_ready()
    sample.wait_none_leaving()  # A Deployment's status counts them.

    def alone() -> None:
        # The operator counts its work for all stores, those of earlier tests too.
        ending = [n for n in kube.list("Namespace") if n["status"]["phase"] == "Terminating"]
        assert not ending, [found["metadata"]["name"] for found in ending]

    eventually(alone, within=90)
    before, done = versions(sample), work(operator)
    assert done, "the operator counts nothing"
    events = list(kube.watch("BookStore", sample.namespace, seconds=QUIET))
    assert events == []
    assert versions(sample) == before
    assert work(operator) == done
