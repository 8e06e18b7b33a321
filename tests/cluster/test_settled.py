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


def counters(operator: Operator) -> tuple[dict[str, float], float]:
    """Return the operator's counters of what it did, and how many passes it ran.

    Passes for stores that are gone are left out: some seconds after the last object of an earlier
    test's store it looks for that store once more.
    """
    done = {
        name: value
        for name, value in operator.metrics().items()
        if name.startswith("bookstore_") and "_total" in name
    }
    passes = {name for name in done if name.startswith("bookstore_reconciles_total")}
    ran = sum(done[name] for name in passes if 'result="gone"' not in name)
    return {name: done[name] for name in done.keys() - passes}, ran


def test_a_settled_store_is_left_alone(kube: Kube, operator: Operator, sample: Store) -> None:
    sample.wait_ready()
    sample.wait_none_leaving()  # A Deployment's status counts them.

    def alone() -> None:
        # The operator counts its work for all stores, those of earlier tests too.
        ending = [n for n in kube.list("Namespace") if n["status"]["phase"] == "Terminating"]
        assert not ending, [found["metadata"]["name"] for found in ending]

    eventually(alone, within=90)
    before, (done, passes) = versions(sample), counters(operator)
    assert done, "the operator counts nothing"
    assert passes, "the operator counts no pass"
    events = list(kube.watch("BookStore", sample.namespace, seconds=QUIET))
    assert events == []
    assert versions(sample) == before
    did, ran = counters(operator)
    assert did == done
    # The resync may fall into this time, once for each store.
    assert ran - passes <= len(kube.list("BookStore"))
