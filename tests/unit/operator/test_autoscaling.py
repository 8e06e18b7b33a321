"""The autoscaler of a store: whose the number of pods is, and what the autoscaler lacks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bookstore_operator.components.autoscaling import (
    AUTOSCALER_FAILED,
    AUTOSCALER_STARTING,
    CUSTOM_METRICS_MISSING,
    PATIENCE,
    RESOURCE_METRICS_MISSING,
    Autoscaler,
)
from bookstore_operator.components.disruption import Disruption
from bookstore_operator.components.shop import is_complete
from bookstore_operator.components.web import Web
from bookstore_operator.engine.conditions import timestamp
from bookstore_operator.engine.drift import disowned
from bookstore_operator.engine.verdict import State, Verdict
from bookstore_operator.engine.view import View
from bookstore_operator.kube.client import MANAGER
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import NOW, play, seen, store

SCALE = {"minReplicas": 3, "maxReplicas": 9}
LONG_AGO = timestamp(NOW - timedelta(seconds=PATIENCE + 1))
JUST_NOW = timestamp(NOW)


def scaled(status: Manifest | None = None, **more: Any) -> Store:
    return store(replicas=None, autoscaling=SCALE | more, status=status)


def deployment(view: View, root: Store) -> Manifest:
    (found,) = [one for one in Web().children(root, view) if one["kind"] == "Deployment"]
    return found


def running(root: Store, chosen: int, **status: Any) -> View:
    """Return what is there once all was made, and the autoscaler chose a number."""
    view = seen(root)
    play(root, view)
    live = view.get(root.web)
    assert live
    live["spec"]["replicas"] = chosen
    live["status"] = {"observedGeneration": 1, **status}
    return view


def counts(number: int, **other: int) -> dict[str, int]:
    names = ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas")
    return dict.fromkeys(names, number) | other


def told(
    root: Store, able: str = "True", active: str = "True", since: str = LONG_AGO, **word: str
) -> Verdict:
    """Return the verdict where the autoscaler tells this of itself."""
    view = running(root, 3)
    live = view.get(root.autoscaler)
    assert live
    live["status"] = {
        "conditions": [
            {"type": "AbleToScale", "status": able, "lastTransitionTime": since, **word},
            {"type": "ScalingActive", "status": active, "lastTransitionTime": since, **word},
        ]
    }
    return Autoscaler().judge(root, view)


def test_a_new_deployment_begins_with_the_least_number() -> None:
    root = scaled()
    assert deployment(seen(root), root)["spec"]["replicas"] == 3


@pytest.mark.parametrize(("wanted", "begins"), [(7, 7), (1, 3), (40, 9)])
def test_a_deployment_that_is_made_again_begins_with_what_the_autoscaler_wanted(
    wanted: int, begins: int
) -> None:
    root = scaled()
    view = running(root, 7)
    live = view.get(root.autoscaler)
    assert live
    live["status"] = {"desiredReplicas": wanted}
    view.objects[root.web] = None
    assert deployment(view, root)["spec"]["replicas"] == begins


def test_the_number_of_a_live_deployment_is_not_ours_to_say() -> None:
    root = scaled()
    assert "replicas" not in deployment(running(root, 6), root)["spec"]


def test_a_deployment_without_pods_is_given_some_since_an_autoscaler_gives_it_none() -> None:
    root = scaled()
    assert deployment(running(root, 0), root)["spec"]["replicas"] == 3


def owned(*operations: str) -> list[Manifest]:
    fields: Manifest = {"f:spec": {"f:replicas": {}, "f:paused": {}}}
    return [{"manager": MANAGER, "operation": one, "fieldsV1": fields} for one in operations]


def test_switching_on_gives_the_field_up_and_leaves_its_value() -> None:
    root = scaled()
    view = running(root, 5)
    live = view.get(root.web)
    assert live
    foreign = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {}}}
    live["metadata"] |= {
        "resourceVersion": "7",
        "managedFields": [*owned("Apply", "Update"), foreign],
    }
    (patch,) = Web().patches(root, view)
    left: Manifest = {"f:spec": {"f:paused": {}}}
    assert patch.body["metadata"]["resourceVersion"] == "7"
    assert [one["fieldsV1"] for one in patch.body["metadata"]["managedFields"]] == [
        left,
        left,
        {"f:spec": {}},
    ]
    assert "spec" not in patch.body
    live["metadata"] |= patch.body["metadata"]
    assert Web().patches(root, view) == []


def test_a_subresource_of_ours_and_fields_of_others_are_not_given_up() -> None:
    scale = {**owned("Update")[0], "subresource": "scale"}
    other = {**owned("Update")[0], "manager": "kube-controller-manager"}
    live = {"metadata": {"managedFields": [scale, other], "resourceVersion": "7"}}
    assert disowned(live, ("spec", "replicas")) is None


def test_without_autoscaling_nothing_is_given_up() -> None:
    root = store(replicas=3)
    view = running(root, 3)
    live = view.get(root.web)
    assert live
    live["metadata"] |= {"resourceVersion": "7", "managedFields": owned("Apply")}
    assert Web().patches(root, view) == []


def test_a_store_that_grows_is_no_less_ready() -> None:
    root = scaled()
    for status, complete in (
        (counts(3), True),
        (counts(6, readyReplicas=3, availableReplicas=3), True),
        (counts(6, readyReplicas=2, availableReplicas=2), False),
        (counts(6, updatedReplicas=5), False),
        (counts(0), False),
    ):
        live = running(root, 6, **status).get(root.web)
        assert live
        assert is_complete(root, live) == complete, status


def test_the_summary_counts_the_pods_that_the_autoscaler_wants() -> None:
    root = scaled()
    view = running(root, 6, **counts(6, readyReplicas=4))
    assert Web().status(root, view)["replicaSummary"] == "4/6"


def test_evictions_are_limited_where_there_may_be_several_pods() -> None:
    assert Disruption().active(scaled(minReplicas=1))
    assert not Disruption().active(scaled(minReplicas=1, maxReplicas=1))
    assert not Disruption().active(store(replicas=1))


def test_an_autoscaler_that_has_not_looked_yet_is_waited_for() -> None:
    root = scaled()
    verdict = Autoscaler().judge(root, running(root, 3))
    assert (verdict.state, verdict.reason) == (State.WAITING, AUTOSCALER_STARTING)
    assert verdict.message == "The autoscaler has not looked at the pods yet."


def test_an_autoscaler_without_a_pod_to_measure_is_waited_for() -> None:
    verdict = told(scaled(), active="False", reason="ScalingDisabled", message="scaled to 0")
    assert (verdict.state, verdict.reason) == (State.WAITING, AUTOSCALER_STARTING)
    assert verdict.message == "There is no pod to measure yet."


def test_an_autoscaler_that_finds_its_measures_says_what_it_chooses_from() -> None:
    verdict = told(scaled())
    assert (verdict.ready, verdict.message) == (True, "The autoscaler chooses from 3 to 9 pods.")


NO_API = "unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"  # noqa: E501
UNREADY = "did not receive metrics for targeted pods (pods might be unready)"


def test_a_missing_metrics_server_is_named_at_once() -> None:
    word = {"reason": "FailedGetContainerResourceMetric", "message": NO_API}
    verdict = told(scaled(), active="False", since=JUST_NOW, **word)
    assert (verdict.state, verdict.reason) == (State.FAILED, RESOURCE_METRICS_MISSING)
    assert "get pods.metrics.k8s.io); install the metrics server" in verdict.message


def test_metrics_that_come_later_are_waited_for_and_then_missed() -> None:
    word = {"reason": "FailedGetContainerResourceMetric", "message": UNREADY}
    verdict = told(scaled(), active="False", since=JUST_NOW, **word)
    assert (verdict.state, verdict.again) == (State.WAITING, PATIENCE)
    assert verdict.message == f"The autoscaler has no measure for now: {UNREADY}."
    verdict = told(scaled(), active="False", **word)
    assert (verdict.state, verdict.reason) == (State.FAILED, RESOURCE_METRICS_MISSING)


BEFORE = {
    "type": "Autoscaling",
    "status": "True",
    "reason": "Reconciled",
    "message": "as it was",
    "lastTransitionTime": LONG_AGO,
}


def test_metrics_that_are_away_for_a_moment_leave_the_store_ready() -> None:
    root = store(replicas=None, autoscaling=SCALE, status={"conditions": [BEFORE]})
    word = {"reason": "FailedGetContainerResourceMetric", "message": UNREADY}
    verdict = told(root, active="False", since=JUST_NOW, **word)
    assert (verdict.ready, verdict.message, verdict.again) == (True, "as it was", PATIENCE)
    assert not told(root, active="False", **word).ready


def test_a_missing_adapter_of_metrics_is_named() -> None:
    message = "no custom metrics API (custom.metrics.k8s.io) registered"
    word = {"reason": "FailedGetPodsMetric", "message": message}
    verdict = told(scaled(requestsPerSecond=20), active="False", since=JUST_NOW, **word)
    assert (verdict.state, verdict.reason) == (State.FAILED, CUSTOM_METRICS_MISSING)
    assert "take autoscaling.requestsPerSecond out" in verdict.message


def by_cpu_alone(root: Store, since: str = LONG_AGO, rolled: str = LONG_AGO) -> View:
    """Return what is there where the autoscaler measures the CPU and no requests."""
    progress = {"type": "Progressing", "status": "True", "lastUpdateTime": rolled}
    view = running(root, 3, conditions=[progress])
    live = view.get(root.autoscaler)
    assert live
    good = [
        {"type": kind, "status": "True", "lastTransitionTime": since}
        for kind in ("AbleToScale", "ScalingActive")
    ]
    measured = [{"type": "ContainerResource"}, {"type": ""}]
    live["status"] = {"conditions": good, "currentMetrics": measured}
    return view


def test_a_measure_that_the_autoscaler_leaves_out_in_silence_is_named() -> None:
    root = scaled(requestsPerSecond=20)
    view = by_cpu_alone(root)
    verdict = Autoscaler().judge(root, view)
    assert (verdict.state, verdict.reason) == (State.FAILED, CUSTOM_METRICS_MISSING)
    assert verdict.message.startswith(
        "the autoscaler goes by CPU alone: the metric bookstore_http_requests_per_second of the "
        "pods is not served; install an adapter"
    )
    live = view.get(root.autoscaler)
    assert live
    live["status"]["currentMetrics"][1] = {"type": "Pods"}
    assert Autoscaler().judge(root, view).ready


@pytest.mark.parametrize("new", ["since", "rolled"])
def test_a_rate_of_new_pods_is_waited_for(new: str) -> None:
    root = scaled(requestsPerSecond=20)
    verdict = Autoscaler().judge(root, by_cpu_alone(root, **{new: JUST_NOW}))
    assert (verdict.state, verdict.reason) == (State.WAITING, AUTOSCALER_STARTING)
    assert verdict.again == PATIENCE


def test_a_rate_of_new_pods_leaves_a_store_ready_that_was() -> None:
    root = scaled(requestsPerSecond=20, status={"conditions": [BEFORE]})
    verdict = Autoscaler().judge(root, by_cpu_alone(root, rolled=JUST_NOW))
    assert (verdict.ready, verdict.message, verdict.again) == (True, "as it was", PATIENCE)


def test_an_autoscaler_that_cannot_set_the_scale_says_so() -> None:
    verdict = told(scaled(), able="False", reason="FailedGetScale", message=" it is forbidden. ")
    assert (verdict.state, verdict.reason) == (State.FAILED, AUTOSCALER_FAILED)
    assert verdict.message == (
        "the autoscaler cannot scale: it is forbidden; see kubectl describe hpa"
    )
