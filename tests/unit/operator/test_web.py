"""The shop's pods: their environment, what is kept of it, and why there are none."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.components.pods import PODS_NOT_READY, explain, termination
from bookstore_operator.components.shop import HISTORY
from bookstore_operator.components.web import PODS_REFUSED, Web
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import NOW, play, put, seen, store

LONG_AGO = "2026-01-01T11:00:00Z"
LOGIN: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "login", "namespace": "books"},
    "data": {"username": "c2hvcA==", "password": "czNjcmV0"},
}
ALL = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), 2)


def made(root: Store, **status: Any) -> View:
    """Return what is there once everything was made, and the Deployment's status."""
    view = seen(root, LOGIN)
    play(root, view)
    live = view.get(root.web)
    assert live
    live["status"] = {"observedGeneration": 1, **status}
    return view


@pytest.mark.parametrize("topology", ["Monolith", "Microservices"])
def test_all_pods_of_the_shop_are_pulled_as_the_spec_says(topology: str) -> None:
    root = store(
        topology=topology,
        database={"percona": {}},
        imagePullSecrets=[{"name": "registry"}],
        imagePullPolicy="Always",
    )
    pods = [
        manifest["spec"]["template"]["spec"]
        for children in play(root, seen(root)).values()
        for manifest in children
        if "template" in manifest.get("spec", {})
    ]
    shops = [pod for pod in pods if pod["containers"][0]["image"] == root.spec.image]
    assert len(shops) == 2 * len(root.parts), "servers and migrations"
    assert all(pod["imagePullSecrets"] == [{"name": "registry"}] for pod in pods)
    assert all(pod["containers"][0]["imagePullPolicy"] == "Always" for pod in shops)


def former(root: Store, view: View, count: int) -> list[str]:
    """Let environments of former revisions be there, and return their names."""
    names = []
    for kind, word in (("ConfigMap", "config"), ("Secret", "env")):
        for number in range(count):
            name = f"shop-{word}-{number}"
            metadata = {
                "name": name,
                "namespace": "books",
                "labels": root.labels("web"),
                "ownerReferences": [root.owner()],
            }
            put(view, {"apiVersion": "v1", "kind": kind, "metadata": metadata})
            names.append(name)
    return names


def replica_set(number: int) -> Manifest:
    environment = {
        "envFrom": [{"configMapRef": {"name": f"shop-config-{number}"}}],
        "env": [
            {"name": "PORT", "value": "5000"},
            {
                "name": "SECRET_KEY",
                "valueFrom": {"secretKeyRef": {"name": f"shop-env-{number}", "key": "SECRET_KEY"}},
            },
        ],
    }
    return {"spec": {"template": {"spec": {"containers": [{"name": "web"} | environment]}}}}


def test_environments_of_former_revisions_are_kept_while_few() -> None:
    root = store()
    view = made(root, **ALL)
    names = former(root, view, HISTORY)
    assert Web().queries(root, view) == []
    assert {ref.name for ref in Web().retained(root, view)} == set(names)


def test_environments_that_no_revision_goes_back_to_are_let_go() -> None:
    root = store()
    view = made(root, **ALL)
    former(root, view, HISTORY + 1)
    (query,) = Web().queries(root, view)
    view.lists[query] = [replica_set(1), replica_set(3)]
    kept = {ref.name for ref in Web().retained(root, view)}
    assert kept == {"shop-config-1", "shop-config-3", "shop-env-1", "shop-env-3"}


def test_a_rollout_under_way_lets_nothing_go() -> None:
    root = store()
    view = made(root, **ALL | {"updatedReplicas": 1})
    names = former(root, view, HISTORY + 1)
    assert Web().queries(root, view) == []
    assert {ref.name for ref in Web().retained(root, view)} == set(names)


def test_a_changed_password_makes_a_new_environment_and_rolls_the_pods() -> None:
    root = store()
    view = made(root)
    before = Web().children(root, view)
    assert [one["metadata"]["name"] for one in Web().children(root, view)] == [
        one["metadata"]["name"] for one in before
    ]
    put(view, {**LOGIN, "data": LOGIN["data"] | {"password": "bmV3"}})
    after = Web().children(root, view)
    assert after[1]["metadata"]["name"] != before[1]["metadata"]["name"]
    assert after[2]["metadata"]["name"] != before[2]["metadata"]["name"]
    assert after[3]["spec"]["template"] != before[3]["spec"]["template"]


def test_refused_pods_say_who_refuses_them() -> None:
    root = store()
    message = 'pods "shop-1" is forbidden: exceeded quota: small, requested: memory=1Gi.'
    condition = {"type": "ReplicaFailure", "status": "True", "message": message}
    view = made(root, conditions=[condition])
    verdict = Web().judge(root, view)
    assert (verdict.state, verdict.reason) == (State.FAILED, PODS_REFUSED)
    assert verdict.message == (
        'pods are refused: pods "shop-1" is forbidden: exceeded quota: small, requested: '
        "memory=1Gi; raise the quota, or correct what the policy names"
    )


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "ReplicaFailure", "status": "False", "message": "It was so."},
        {"type": "Available", "status": "True", "message": "It is so."},
    ],
    ids=["it has passed", "another condition"],
)
def test_only_a_refusal_that_lasts_is_told(condition: Manifest) -> None:
    root = store()
    assert Web().judge(root, made(root, conditions=[condition])).reason == PODS_NOT_READY


STALLED = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}


@pytest.mark.parametrize(
    ("status", "state", "message"),
    [
        ({}, State.WAITING, "0 of 2 pods are ready."),
        ({"availableReplicas": 1}, State.WAITING, "1 of 2 pods are ready."),
        (
            {"availableReplicas": 2},
            State.WAITING,
            "Pods are replaced by ones of image bookstore/app:1.",
        ),
        (
            {"conditions": [STALLED]},
            State.FAILED,
            (
                "new pods of image bookstore/app:1 do not get ready; see kubectl logs -n books "
                "deployment/shop, then correct spec.image or what they wait for"
            ),
        ),
        (ALL, State.READY, "All pods of image bookstore/app:1 are ready."),
    ],
    ids=["none", "one", "all, of which some are old", "no more come", "all"],
)
def test_a_rollout_is_told_by_what_its_pods_have_come_to(
    status: Manifest, state: State, message: str
) -> None:
    root = store()
    verdict = Web().judge(root, made(root, **status))
    assert (verdict.state, verdict.message) == (state, message)


def test_pods_that_were_not_made_yet_are_about_to_start() -> None:
    root = store()
    verdict = Web().judge(root, seen(root, LOGIN))
    assert (verdict.state, verdict.message) == (State.WAITING, "The pods are about to start.")


def test_a_store_that_grows_tells_the_pods_that_it_has_at_least() -> None:
    root = store(replicas=None, autoscaling={"minReplicas": 2, "maxReplicas": 6})
    assert Web().judge(root, made(root)).message == "0 of 2 or more pods are ready."


def test_the_status_counts_the_pods_and_says_how_they_are_found() -> None:
    root = store()
    selector = (
        "app.kubernetes.io/name=bookstore,app.kubernetes.io/instance=shop,"
        "app.kubernetes.io/component=web"
    )
    told = Web().status(root, made(root, **ALL | {"replicas": 3, "readyReplicas": 1}))
    assert told == {
        "replicas": 3,
        "readyReplicas": 1,
        "replicaSummary": "1/2",
        "selector": selector,
    }
    assert Web().status(root, seen(root, LOGIN)) == {
        "replicas": 0,
        "readyReplicas": 0,
        "replicaSummary": "0/2",
        "selector": selector,
    }
    whole = Web().status(root, made(root, **ALL))
    assert whole["image"] == "bookstore/app:1"


def test_a_shop_without_pods_says_why_it_does_not_serve() -> None:
    none = store(replicas=0)
    verdict = Web().available(none, made(none))
    assert verdict
    assert verdict.message == "spec.replicas is 0; raise it to serve."
    two = store()
    verdict = Web().available(two, made(two))
    assert verdict
    assert verdict.message == "No pod is ready."
    verdict = Web().available(two, made(two, availableReplicas=1))
    assert verdict
    assert verdict.ready


def pod(image: str, **more: Any) -> Manifest:
    metadata = {"name": "p", "namespace": "books", "labels": {}, **more.pop("metadata", {})}
    return {"metadata": metadata, "spec": {"containers": [{"image": image}]}, "status": more}


def test_pods_on_their_way_out_or_of_another_image_explain_nothing() -> None:
    waiting = {"waiting": {"reason": "ErrImagePull"}}
    status = [{"name": "web", "image": "a:1", "state": waiting}]
    old = pod("a:0", containerStatuses=status)
    gone = pod("a:1", containerStatuses=status, metadata={"deletionTimestamp": LONG_AGO})
    well = pod(
        "a:1",
        containerStatuses=[{"name": "web", "state": {"running": {}}}],
        conditions=[
            {"type": "Ready", "status": "False"},
            {"type": "PodScheduled", "status": "True"},
        ],
    )
    assert explain([old, gone, well], "a:1", "spec.image", NOW) is None


def test_a_pod_that_left_no_json_behind_tells_nothing() -> None:
    for message in ("out of memory", "[1]", ""):
        ended = {"terminated": {"finishedAt": LONG_AGO, "message": message}}
        assert termination([pod("a", containerStatuses=[{"state": ended}])]) == {}
    assert termination([]) == {}
