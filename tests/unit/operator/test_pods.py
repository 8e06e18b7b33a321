"""Pods and Jobs that tell why they do not get ready, or failed: what a person reads of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bookstore_operator.api.conditions import Condition, Reason
from bookstore_operator.components.jobs import why_failed
from bookstore_operator.components.pods import (
    EXPLAINED_AFTER,
    IMAGE_PULL_FAILED,
    PATIENCE,
    PODS_NOT_READY,
    explain,
    termination,
    wants_explanation,
)
from bookstore_operator.components.shop import WEB_READY
from bookstore_operator.engine.conditions import timestamp
from bookstore_operator.kube.objects import Manifest
from tests.unit.operator.staging import NOW, store

IMAGE = "bookstore/app:1"
TOO_OLD = (
    f'image {IMAGE} is too old to know "bookstore backup --keep 3"; set spec.image of the store to '
    "a newer one"
)
LABELS = {"app.kubernetes.io/instance": "shop", "app.kubernetes.io/component": "web"}


def pod(*statuses: Manifest, **status: Any) -> Manifest:
    """Return a pod of the shop, with a container of a person's beside it."""
    containers = [{"name": "web", "image": IMAGE}, {"name": "proxy", "image": "proxy:2"}]
    return {
        "metadata": {"name": "shop-web-1", "namespace": "books", "labels": LABELS},
        "spec": {"containers": containers},
        "status": {"containerStatuses": list(statuses), **status},
    }


def waits(reason: str, name: str = "web", image: str = IMAGE, **more: Any) -> Manifest:
    message = more.pop("message", None)
    waiting = {"reason": reason} | ({"message": message} if message else {})
    return {"name": name, "image": image, "state": {"waiting": waiting}, **more}


def ended(code: int, message: str = "", at: str = "2026-01-01T11:00:00Z") -> Manifest:
    return {"terminated": {"exitCode": code, "message": message, "finishedAt": at}}


def scheduled(seconds: float, **more: str) -> Manifest:
    moment = timestamp(NOW - timedelta(seconds=seconds))
    return {"type": "PodScheduled", "status": "False", "lastTransitionTime": moment, **more}


def told(*pods: Manifest) -> tuple[Reason | str, str] | None:
    found = explain(list(pods), IMAGE, "spec.image", NOW)
    return (found.reason, found.message) if found else None


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]
)
@pytest.mark.parametrize(
    ("name", "image", "field"),
    [
        ("web", IMAGE, "spec.image"),
        ("proxy", "proxy:2", "spec.podTemplate, container proxy"),
    ],
)
def test_an_image_that_cannot_be_pulled_is_told_with_the_field_that_names_it(
    reason: str, name: str, image: str, field: str
) -> None:
    assert told(pod(waits(reason, name, image))) == (
        IMAGE_PULL_FAILED,
        (
            f"image {image} cannot be pulled; correct {field}, push it, or give the nodes access "
            "to its registry"
        ),
    )


@pytest.mark.parametrize(
    "reason", ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"]
)
def test_a_container_that_cannot_be_started_is_told_in_the_nodes_words(reason: str) -> None:
    spoken = pod(waits(reason, message=' secret "login" not found. '))
    assert told(spoken) == (
        PODS_NOT_READY,
        'a container cannot be started: secret "login" not found',
    )
    assert told(pod(waits(reason))) == (
        PODS_NOT_READY,
        f"a container cannot be started: {reason}",
    )


def test_a_container_that_ends_again_and_again_is_told_with_the_way_to_its_log() -> None:
    crashing = pod(waits("CrashLoopBackOff", lastState=ended(3)))
    assert told(crashing) == (
        PODS_NOT_READY,
        (
            f"container web of image {IMAGE} ends again and again with exit code 3; see kubectl "
            "logs -n books -l app.kubernetes.io/instance=shop,app.kubernetes.io/component=web "
            "--previous"
        ),
    )


def test_a_container_that_comes_before_the_shop_is_told_too() -> None:
    first = waits("ErrImagePull", "init", "init:1")
    found = told(pod(waits("PodInitializing"), initContainerStatuses=[first]))
    assert found
    assert found[1].startswith("image init:1 cannot be pulled")


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_a_pod_that_is_on_its_way_tells_nothing(reason: str) -> None:
    assert told(pod(waits(reason))) is None
    assert told(pod({"name": "web", "image": IMAGE, "state": {"running": {}}})) is None
    assert told({**pod(), "status": {}}) is None


def test_pods_of_another_image_or_on_their_way_out_tell_nothing() -> None:
    failing = pod(waits("ErrImagePull"))
    other = failing | {"spec": {"containers": [{"name": "web", "image": "bookstore/app:0"}]}}
    gone = failing | {"metadata": failing["metadata"] | {"deletionTimestamp": timestamp(NOW)}}
    assert told(other, gone) is None
    assert told(other, gone, failing)


def test_a_pod_that_no_node_takes_is_told_in_the_schedulers_words_after_a_while() -> None:
    words = {"message": "0/2 nodes are available: 2 Insufficient memory. "}
    assert told(pod(conditions=[scheduled(PATIENCE, **words)])) is None
    assert told(pod(conditions=[scheduled(PATIENCE + 1, **words)])) == (
        PODS_NOT_READY,
        (
            "a pod cannot be scheduled: 0/2 nodes are available: 2 Insufficient memory; add nodes, "
            "or lower spec.resources.requests"
        ),
    )


def test_what_a_container_says_goes_before_what_the_scheduler_says() -> None:
    found = told(pod(waits("ErrImagePull"), conditions=[scheduled(PATIENCE + 1)]))
    assert found
    assert found[0] == IMAGE_PULL_FAILED


@pytest.mark.parametrize(("seconds", "wanted"), [(-0.5, False), (0, True), (60, True)])
def test_pods_are_looked_at_once_a_part_is_not_ready_for_a_moment(
    seconds: float, *, wanted: bool
) -> None:
    moment = NOW - timedelta(seconds=60)
    written = {
        "type": str(WEB_READY),
        "status": "False",
        "reason": "R",
        "message": "M.",
        "observedGeneration": 1,
        "lastTransitionTime": timestamp(moment),
    }
    unready = replace(store(), conditions=(Condition.model_validate(written),))
    ready = replace(store(), conditions=(Condition.model_validate(written | {"status": "True"}),))
    now = moment + timedelta(seconds=EXPLAINED_AFTER + seconds)
    assert wants_explanation(unready, WEB_READY, now) is wanted
    assert not wants_explanation(ready, WEB_READY, now)
    assert not wants_explanation(store(), WEB_READY, now)


def left(*states: Manifest) -> Manifest:
    return pod(*({"name": f"c{number}", "state": one} for number, one in enumerate(states)))


def test_the_last_word_is_that_of_the_container_that_ended_last() -> None:
    early = ended(1, json.dumps({"error": "early"}), at="2026-01-01T11:00:00Z")
    late = ended(1, json.dumps({"error": "late"}), at="2026-01-01T11:05:00Z")
    assert termination([left(late), left(early)]) == {"error": "late"}
    again = {"name": "web", "state": {"running": {}}, "lastState": late}
    assert termination([left(early), pod(again)]) == {"error": "late"}


@pytest.mark.parametrize("message", ["", "Killed", "[1]", '"word"', "null"])
def test_a_last_word_that_is_not_the_shops_is_none(message: str) -> None:
    assert termination([left(ended(1, message))]) == {}
    assert termination([]) == {}


def failed_job(message: str = "") -> Manifest:
    told = {"type": "Failed", "status": "True"} | ({"message": message} if message else {})
    container = {"image": IMAGE, "args": ["backup", "--keep", "3"]}
    return {
        "metadata": {"name": "shop-backup-1"},
        "spec": {"template": {"spec": {"containers": [container]}}},
        "status": {"conditions": [{"type": "Complete", "status": "False"}, told]},
    }


@pytest.mark.parametrize(
    ("pods", "message", "why"),
    [
        ([left(ended(1, '{"message": "There is no room."}'))], "limit", "There is no room"),
        ([left(ended(2, '{"message": "No such backup."}'))], "limit", "No such backup"),
        (
            [left(ended(2))],
            "limit",
            TOO_OLD,
        ),
        ([left(ended(1))], "Job has reached the limit. ", "Job has reached the limit"),
        ([], "Job has reached the limit.", "Job has reached the limit"),
        ([], "", "it gave no word"),
    ],
    ids=["the shop", "the shop, refusing", "an old shop", "no word", "no pod", "nothing at all"],
)
def test_a_failed_job_is_explained_by_the_shop_first_and_by_kubernetes_then(
    pods: list[Manifest], message: str, why: str
) -> None:
    assert why_failed(failed_job(message), pods) == why
