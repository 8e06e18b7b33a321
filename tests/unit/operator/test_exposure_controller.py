"""What the controller of a load balancer says by Events, and what the store makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bookstore_operator.api.conditions import Condition
from bookstore_operator.components.exposure.address import ADDRESS_PENDING, EXPOSED
from bookstore_operator.components.exposure.controller import (
    EXPLAINED_AFTER,
    INTERVAL,
    LOAD_BALANCER_FAILED,
    SETTLES_WITHIN,
)
from bookstore_operator.components.exposure.ingress import IngressExposure
from bookstore_operator.components.exposure.load_balancer import LoadBalancerExposure
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import State, Verdict
from bookstore_operator.engine.view import View
from bookstore_operator.kube.kinds import EVENT
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import NOW, put, ref_to, seen, store

ARN = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d"
BALANCER: Manifest = {
    "host": "books.example.com",
    "loadBalancerClass": "service.k8s.aws/nlb",
    "aws": {"certificateArn": ARN},
}
INGRESS: Manifest = {
    "hosts": ["books.example.com"],
    "className": "alb",
    "alb": {},
    "tls": {"certificateArn": ARN},
}
WAYS: list[tuple[Component[Store], Manifest, str]] = [
    (LoadBalancerExposure(), {"loadBalancer": BALANCER}, "service"),
    (IngressExposure(), {"ingress": INGRESS}, "ingress"),
]
GIVEN = {"loadBalancer": {"ingress": [{"hostname": "lb.amazonaws.com"}]}}
each_way = pytest.mark.parametrize(
    ("part", "exposure", "reporter"), WAYS, ids=[way[2] for way in WAYS]
)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def told(
    exposure: Manifest, since: float = 60, status: str = "False", reason: str = "AddressPending"
) -> Store:
    """Return a store that was told of its exposure that long ago."""
    written = {"type": str(EXPOSED), "status": status, "reason": reason, "message": "As it was."}
    times = {"observedGeneration": 1, "lastTransitionTime": ago(since)}
    return replace(
        store(exposure=exposure), conditions=(Condition.model_validate(written | times),)
    )


def made(
    part: Component[Store], root: Store, status: Manifest | None = None, written: float = 10**6
) -> View:
    """Return what there is once the operator wrote it that long ago."""
    view = seen(root)
    live = part.children(root, view)[-1]
    entry = {"manager": "bookstore-operator", "operation": "Apply", "time": ago(written)}
    metadata = {**live["metadata"], "managedFields": [entry]}
    put(view, {**live, "metadata": metadata, "status": status or {}})
    return view


def event(
    reporter: str, reason: str, note: str = "", seconds: float = 0, version: int = 1, **how: Any
) -> Manifest:
    return {
        "metadata": {"name": "e", "namespace": "books", "resourceVersion": str(version)},
        "type": "Warning" if reason.startswith(("Failed", "Sync", "Policy")) else "Normal",
        "reason": reason,
        "note": note,
        "reportingController": reporter,
        "deprecatedLastTimestamp": ago(seconds),
        **how,
    }


def judge(part: Component[Store], root: Store, view: View, *events: Manifest) -> Verdict:
    """Judge with the Events that the part asks for, and no others."""
    (query,) = part.queries(root, view)
    assert query.kind is EVENT
    assert query.field_selector.startswith("regarding.uid=uid of ")
    view.lists[query] = list(events)
    return part.judge(root, view)


@each_way
def test_a_controller_that_cannot_make_a_load_balancer_is_quoted(
    part: Component[Store], exposure: Manifest, reporter: str
) -> None:
    root = told(exposure)
    note = "Failed build model due to unable to resolve at least one subnet"
    verdict = judge(part, root, made(part, root), event(reporter, "FailedBuildModel", note))
    assert (verdict.state, verdict.reason) == (State.FAILED, LOAD_BALANCER_FAILED)
    what, _, words = verdict.message.partition(" gets no address: ")
    assert what == str(ref_to(part.children(root, seen(root))[-1]))
    assert words == f"{note}; correct spec.exposure, or what the cloud lacks"


@each_way
def test_one_that_says_nothing_is_waited_for(
    part: Component[Store], exposure: Manifest, reporter: str
) -> None:
    root = told(exposure)
    assert judge(part, root, made(part, root)).reason == ADDRESS_PENDING
    begun = event(reporter, "EnsuringLoadBalancer")
    assert judge(part, root, made(part, root), begun).reason == ADDRESS_PENDING


@each_way
def test_nothing_is_asked_while_an_address_may_come_by_itself(
    part: Component[Store], exposure: Manifest, reporter: str
) -> None:
    del reporter
    for root in (told(exposure, since=EXPLAINED_AFTER - 1), store(exposure=exposure)):
        view = made(part, root)
        assert part.queries(root, view) == []
        assert part.judge(root, view).reason == ADDRESS_PENDING


@each_way
def test_nothing_is_asked_of_what_has_settled(
    part: Component[Store], exposure: Manifest, reporter: str
) -> None:
    del reporter
    root = told(exposure, status="True", reason="Reconciled")
    view = made(part, root, GIVEN, written=SETTLES_WITHIN + 1)
    assert part.queries(root, view) == []
    verdict = part.judge(root, view)
    assert (verdict.state, verdict.again) == (State.READY, None)


@each_way
def test_a_change_that_a_controller_refuses_is_told_while_the_one_before_serves(
    part: Component[Store], exposure: Manifest, reporter: str
) -> None:
    root = told(exposure, status="True", reason="Reconciled")
    view = made(part, root, GIVEN, written=5)
    assert judge(part, root, view, event(reporter, "SuccessfullyReconciled", seconds=60)).ready
    refusal = event(reporter, "FailedDeployModel", f"Certificate '{ARN}' not found")
    verdict = judge(part, root, view, refusal)
    assert (verdict.reason, verdict.holds) == (LOAD_BALANCER_FAILED, False)
    assert ARN in verdict.message
    assert "the load balancer of before serves meanwhile" in verdict.message
    assert part.status(root, view) == {"url": "https://books.example.com"}


@each_way
def test_what_was_changed_a_moment_ago_is_looked_at_again(
    part: Component[Store], exposure: Manifest, reporter: str
) -> None:
    root = told(exposure, status="True", reason="Reconciled")
    verdict = judge(part, root, made(part, root, GIVEN, written=5), event(reporter, "Successfully"))
    assert (verdict.state, verdict.again) == (State.READY, INTERVAL)


@each_way
def test_a_failure_is_over_with_the_success_that_follows_however_late(
    part: Component[Store], exposure: Manifest, reporter: str
) -> None:
    root = told(exposure, since=10**5, reason=str(LOAD_BALANCER_FAILED))
    view = made(part, root, GIVEN)
    failure = event(reporter, "FailedDeployModel", "Throttling", seconds=0, version=7)
    success = event(reporter, "SuccessfullyReconciled", seconds=0, version=8)
    assert judge(part, root, view, failure).reason == LOAD_BALANCER_FAILED
    assert judge(part, root, view, success, failure).ready


@each_way
def test_an_event_that_is_told_again_and_again_counts_by_its_last_time(
    part: Component[Store], exposure: Manifest, reporter: str
) -> None:
    root = told(exposure, status="True", reason="Reconciled")
    view = made(part, root, GIVEN, written=50)
    success = event(reporter, "SuccessfullyReconciled", seconds=20)
    repeated = {"count": 9, "lastObservedTime": ago(5)}
    failure = event(reporter, "FailedDeployModel", "Throttling", seconds=40)
    assert judge(part, root, view, failure, success).ready
    again = judge(part, root, view, failure | {"series": repeated}, success)
    assert again.reason == LOAD_BALANCER_FAILED


@each_way
def test_an_event_without_a_time_is_the_oldest(
    part: Component[Store], exposure: Manifest, reporter: str
) -> None:
    root = told(exposure)
    failure = event(reporter, "FailedBuildModel", "no subnet", deprecatedLastTimestamp=None)
    success = event(reporter, "SuccessfullyReconciled", seconds=10**6)
    view = made(part, root)
    assert judge(part, root, view, failure).reason == LOAD_BALANCER_FAILED
    assert judge(part, root, view, success, failure).reason == ADDRESS_PENDING


@each_way
@pytest.mark.parametrize(
    "entry",
    [
        {"manager": "cloud-controller-manager", "time": ago(5)},
        {"manager": "bookstore-operator", "subresource": "status", "time": ago(5)},
        {"manager": "bookstore-operator"},
    ],
    ids=["another's change", "a status", "no time"],
)
def test_only_a_change_of_the_operators_own_makes_it_listen(
    part: Component[Store], exposure: Manifest, reporter: str, entry: Manifest
) -> None:
    del reporter
    root = told(exposure, status="True", reason="Reconciled")
    view = made(part, root, GIVEN)
    live = view.get(ref_to(part.children(root, view)[-1]))
    assert live
    live["metadata"]["managedFields"].append(entry)
    assert part.queries(root, view) == []


@each_way
def test_others_that_warn_of_what_has_an_address_are_not_heard(
    part: Component[Store], exposure: Manifest, reporter: str
) -> None:
    del reporter
    root = told(exposure, status="True", reason="Reconciled")
    view = made(part, root, GIVEN, written=5)
    assert judge(part, root, view, event("kyverno", "PolicyViolation", "no team label")).ready


@pytest.mark.parametrize(
    "attempt",
    [
        "https response error StatusCode: 400, RequestID: {id}, api error: no such ARN",
        "Error syncing load balancer: no such ARN\n\tstatus code: 400, request id: {id}",
    ],
    ids=["controller", "cloud provider"],
)
def test_the_same_failure_is_the_same_sentence_at_each_attempt(attempt: str) -> None:
    part, exposure, reporter = WAYS[0]
    root = told(exposure)
    first, second = attempt.format(id="6b1c-1"), attempt.format(id="77ff-2")
    notes = (first, second, f"(combined from similar events): {second}")
    sentences = {
        judge(part, root, made(part, root), event(reporter, "FailedDeployModel", note)).message
        for note in notes
    }
    (sentence,) = sentences
    assert "no such ARN; correct spec.exposure" in sentence
    assert "6b1c" not in sentence


def test_a_load_balancer_of_another_maker_is_not_listened_to_once_it_has_an_address() -> None:
    part = LoadBalancerExposure()
    root = told({"loadBalancer": {}}, status="True", reason="Reconciled")
    assert part.queries(root, made(part, root, GIVEN, written=5)) == []
