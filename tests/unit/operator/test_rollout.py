"""When the shop's pods are all there, by what the Deployment's controller says of them."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.components.shop import (
    complete_rollout,
    image_of,
    is_complete,
    is_stalled,
    wanted_pods,
    web_pods,
)
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import put, seen, store

COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")


def deployment(wanted: int | None = 2, /, **status: Any) -> Manifest:
    """Return a Deployment whose controller has seen its second spec, with so many pods."""
    container = {"name": "web", "image": "bookstore/app:1"}
    pods = {"spec": {"containers": [container, {"name": "beside", "image": "beside:1"}]}}
    spec = {"template": pods} | ({} if wanted is None else {"replicas": wanted})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": store().web.name, "namespace": "books", "generation": 2},
        "spec": spec,
        "status": {"observedGeneration": 2} | status,
    }


def counted(count: int, **other: int) -> dict[str, int]:
    return dict.fromkeys(COUNTS, count) | other


def growing() -> Store:
    """Return a store of two pods at least, which an autoscaler lets grow to six."""
    return store(replicas=None, autoscaling={"minReplicas": 2, "maxReplicas": 6})


def test_a_rollout_is_complete_when_every_count_is_what_is_wanted() -> None:
    assert is_complete(store(), deployment(**counted(2)))
    assert is_complete(store(replicas=0), deployment(0)), "a controller leaves zeros out"


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("found", [1, 3])
def test_a_rollout_is_not_complete_while_one_count_differs(count: str, found: int) -> None:
    assert not is_complete(store(), deployment(**counted(2, **{count: found})))


def test_a_rollout_is_not_complete_while_the_deployment_wants_another_number() -> None:
    assert not is_complete(store(), deployment(3, **counted(2)))


@pytest.mark.parametrize("observed", [{"observedGeneration": 1}, {"observedGeneration": 0}])
def test_what_a_controller_says_of_an_older_spec_is_nothing(observed: dict[str, int]) -> None:
    late = {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "status": "False"}
    live = deployment(**counted(2), conditions=[late])
    live["status"] |= observed
    assert not is_complete(store(), live)
    assert not is_stalled(live)
    del live["status"]["observedGeneration"]
    assert not is_complete(store(), live)
    assert not is_stalled(live)


def test_a_deployment_of_which_nothing_is_said_yet_is_neither_complete_nor_stalled() -> None:
    live = deployment()
    del live["status"]
    assert not is_complete(store(), live)
    assert not is_stalled(live)


@pytest.mark.parametrize(
    ("counts", "complete"),
    [
        (counted(4), True),
        (counted(4, readyReplicas=2, availableReplicas=2), True),
        (counted(4, readyReplicas=1), False),
        (counted(4, availableReplicas=1), False),
        (counted(4, updatedReplicas=3), False),
    ],
    ids=["all", "those at least", "too few ready", "too few available", "old ones"],
)
def test_a_store_that_grows_is_complete_with_the_pods_that_there_are_at_least(
    counts: dict[str, int], *, complete: bool
) -> None:
    assert is_complete(growing(), deployment(4, **counts)) is complete


def test_an_autoscaler_that_was_set_to_less_than_the_least_is_followed() -> None:
    assert is_complete(growing(), deployment(1, **counted(1)))
    assert not is_complete(growing(), deployment(0, **counted(0)))


def test_the_autoscaler_chooses_how_many_pods_are_wanted_where_there_is_one() -> None:
    assert wanted_pods(store(), deployment(5)) == 2
    assert wanted_pods(growing(), deployment(5)) == 5
    assert wanted_pods(growing(), deployment(None)) == 1, "as Kubernetes takes it"
    assert wanted_pods(growing(), None) == 2


@pytest.mark.parametrize(
    ("conditions", "stalled"),
    [
        ([{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}], True),
        ([{"type": "Progressing", "reason": "ReplicaSetUpdated"}], False),
        ([{"type": "Available", "reason": "ProgressDeadlineExceeded"}], False),
        ([], False),
    ],
)
def test_a_rollout_is_stalled_when_its_controller_gave_it_up(
    conditions: list[Manifest], *, stalled: bool
) -> None:
    assert is_stalled(deployment(conditions=conditions)) is stalled


def test_the_image_is_that_of_the_shop_and_told_once_all_pods_run_it() -> None:
    root = store()
    assert image_of(deployment()) == "bookstore/app:1"
    assert complete_rollout(root, seen(root)) is None
    view = seen(root)
    put(view, deployment(**counted(2, readyReplicas=1)))
    assert complete_rollout(root, view) is None
    put(view, deployment(**counted(2)))
    assert complete_rollout(root, view) == "bookstore/app:1"


def test_the_pods_of_the_shop_are_found_by_their_labels() -> None:
    query = web_pods(store())
    assert query.kind is POD
    assert dict(query.labels) == {
        "app.kubernetes.io/name": "bookstore",
        "app.kubernetes.io/instance": "shop",
        "app.kubernetes.io/component": "web",
    }
