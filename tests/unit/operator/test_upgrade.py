"""A new image: the history of those that served, one that is given up, a store that hibernates."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.api.conditions import RECONCILED
from bookstore_operator.components.database.embedded import EmbeddedDatabase
from bookstore_operator.components.database.percona import PerconaDatabase
from bookstore_operator.components.migration import current
from bookstore_operator.components.shop import GIVEN_UP, GIVEN_UP_CAUSE
from bookstore_operator.components.upgrade import ROLLED_BACK, Upgrade
from bookstore_operator.components.web import HIBERNATED, ROLLOUT_STALLED, Web
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import give_outputs, play, put, seen, store

LOGIN: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "login", "namespace": "books"},
    "data": {"username": "c2hvcA==", "password": "czNjcmV0"},
}
ALL = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), 2)
GOOD, BAD, OTHER = "bookstore/app:1", "bookstore/app:2", "bookstore/app:3"
ROLLBACK: Manifest = {"upgrade": {"autoRollback": True}}
STALLED: Manifest = {
    "observedGeneration": 1,
    "replicas": 3,
    "readyReplicas": 2,
    "updatedReplicas": 1,
    "availableReplicas": 2,
    "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}],
}
PULL = (
    "image bookstore/app:2 cannot be pulled; correct spec.image, push it, or give the nodes access "
    "to its registry"
)


def served(*images: str) -> Manifest:
    """Return the status of a store that has served with images, the last of them now."""
    times = [f"2026-01-01T{hour:02}:00:00Z" for hour in range(len(images))]
    history = [
        {"image": image, "rolledOutAt": time} for image, time in zip(images, times, strict=True)
    ]
    return {"image": images[-1], "history": history}


def rolling(wanted: Store, live: Manifest, image: str = BAD, **notes: str) -> View:
    """Return what is there while a Deployment that wants an image has a status."""
    view = seen(wanted, LOGIN)
    play(wanted, view)
    deployment = view.get(wanted.web)
    assert deployment
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image
    deployment["status"] = live
    deployment["metadata"]["annotations"] = notes
    migrate(wanted, view)
    give_outputs(wanted, view)
    return view


def migrate(wanted: Store, view: View) -> None:
    """Let the migration of the wanted image be done."""
    done = {"conditions": [{"type": "Complete", "status": "True"}], "completionTime": "2026"}
    name, pod = current(wanted, view).name, {"spec": {"containers": [{"image": wanted.spec.image}]}}
    metadata = {"name": name, "namespace": "books", "ownerReferences": [wanted.owner()]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "status": done}
    put(view, {**job, "spec": {"template": pod}})


def wanted_deployment(wanted: Store, view: View) -> Manifest:
    return Web().children(wanted, view)[-1]


def wanted_image(wanted: Store, view: View) -> str:
    pod = wanted_deployment(wanted, view)["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])


PULLING: Manifest = {
    "metadata": {"name": "shop-1", "namespace": "books", "labels": {}},
    "spec": {"containers": [{"name": "web", "image": BAD}]},
    "status": {
        "containerStatuses": [
            {"name": "web", "image": BAD, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
        ]
    },
}


@pytest.mark.parametrize(
    ("pods", "cause"),
    [([PULLING], PULL), ([], "no new pod of it got ready within 300 s")],
    ids=["explained", "unexplained"],
)
def test_an_image_that_does_not_get_ready_is_given_up_for_the_last_that_did(
    pods: list[Manifest], cause: str
) -> None:
    wanted = store(image=BAD, status=served(GOOD), **ROLLBACK)
    view = rolling(wanted, STALLED)
    (query,) = Upgrade().queries(wanted, view)
    view.lists[query] = pods
    give_outputs(wanted, view)
    assert wanted_image(wanted, view) == GOOD
    notes = wanted_deployment(wanted, view)["metadata"]["annotations"]
    assert notes == {GIVEN_UP: BAD, GIVEN_UP_CAUSE: cause}


def test_it_is_not_tried_again_once_the_one_before_serves_and_it_is_told_why() -> None:
    wanted = store(image=BAD, status=served(GOOD), **ROLLBACK)
    view = rolling(
        wanted,
        {"observedGeneration": 1, **ALL},
        GOOD,
        **{GIVEN_UP: BAD, GIVEN_UP_CAUSE: PULL},
    )
    assert wanted_image(wanted, view) == GOOD
    assert Web().judge(wanted, view).state is State.READY
    verdict = Upgrade().judge(wanted, view)
    assert (verdict.state, verdict.reason, verdict.holds) == (State.FAILED, ROLLED_BACK, False)
    assert Upgrade().queries(wanted, view) == []
    assert verdict.message == (
        f"image {BAD} did not get ready and was taken back, {GOOD} serves: {PULL}; "
        f"set spec.image to {GOOD}, or to a corrected image"
    )
    assert Web().status(wanted, view)["history"] == served(GOOD)["history"]


@pytest.mark.parametrize("image", [GOOD, OTHER])
def test_another_image_is_rolled_out_and_the_note_goes(image: str) -> None:
    wanted = store(image=image, status=served(GOOD), **ROLLBACK)
    view = rolling(wanted, {"observedGeneration": 1, **ALL}, GOOD, **{GIVEN_UP: BAD})
    assert wanted_image(wanted, view) == image
    assert "annotations" not in wanted_deployment(wanted, view)["metadata"]
    assert Upgrade().judge(wanted, view).ready


@pytest.mark.parametrize(
    ("spec", "status", "live"),
    [
        pytest.param({}, served(GOOD), STALLED, id="not wanted"),
        pytest.param(ROLLBACK, None, STALLED, id="no image served before"),
        pytest.param(ROLLBACK, served(BAD), STALLED, id="the same image, changed otherwise"),
        pytest.param(
            ROLLBACK, served(GOOD), {**STALLED, "availableReplicas": 0}, id="the old pods fail too"
        ),
        pytest.param(
            ROLLBACK, served(GOOD), {**STALLED, "observedGeneration": 0}, id="of the spec before"
        ),
        pytest.param(
            ROLLBACK,
            served(GOOD),
            {**STALLED, "conditions": [{"type": "Progressing", "reason": "ReplicaSetUpdated"}]},
            id="under way",
        ),
    ],
)
def test_an_image_is_not_given_up(spec: Manifest, status: Any, live: Manifest) -> None:
    wanted = store(image=BAD, status=status, **spec)
    assert wanted_image(wanted, rolling(wanted, live)) == BAD


def test_without_automatic_rollback_a_stalled_rollout_is_told() -> None:
    wanted = store(image=BAD, status=served(GOOD))
    view = rolling(wanted, STALLED)
    assert not Upgrade().active(wanted)
    assert Web().judge(wanted, view).reason == ROLLOUT_STALLED


def test_the_deadline_of_a_rollout_is_the_specs() -> None:
    wanted = store(upgrade={"progressDeadlineSeconds": 60})
    view = seen(wanted, LOGIN)
    play(wanted, view)
    assert wanted_deployment(wanted, view)["spec"]["progressDeadlineSeconds"] == 60


def test_a_whole_rollout_is_added_to_the_history_once() -> None:
    wanted = store(image=BAD, status=served(GOOD))
    view = rolling(wanted, {"observedGeneration": 1, **ALL})
    first, second = Web().status(wanted, view)["history"]
    assert (first["image"], second["image"]) == (GOOD, BAD)
    assert second["rolledOutAt"] == "2026-01-01T12:00:00Z"
    again = store(image=BAD, status=served(GOOD, BAD))
    assert Web().status(again, view)["history"] == served(GOOD, BAD)["history"]


@pytest.mark.parametrize("revision", ["auth_0003,orders_0002", None])
def test_the_history_tells_the_schema_that_an_image_served_with(revision: str | None) -> None:
    database = {"schemaRevision": revision} if revision else {}
    wanted = store(image=BAD, status=served(GOOD) | {"database": database})
    view = rolling(wanted, {"observedGeneration": 1, **ALL})
    told = Web().status(wanted, view)["history"]
    assert [one.get("schemaRevision") for one in told] == [None, revision]
    assert set(told[-1]) == {"image", "rolledOutAt", *(["schemaRevision"] if revision else [])}


def test_the_history_keeps_ten() -> None:
    before = [f"bookstore/app:0.{number}" for number in range(10)]
    wanted = store(image=BAD, status=served(*before))
    view = rolling(wanted, {"observedGeneration": 1, **ALL})
    images = [one["image"] for one in Web().status(wanted, view)["history"]]
    assert images == [*before[1:], BAD]


def test_a_rollout_that_is_not_whole_or_has_no_pods_is_no_history() -> None:
    wanted = store(image=BAD, status=served(GOOD))
    assert Web().status(wanted, rolling(wanted, STALLED))["history"] == served(GOOD)["history"]
    stopped = store(image=BAD, status=served(GOOD), replicas=0)
    none = {"observedGeneration": 1, **dict.fromkeys(ALL, 0)}
    assert Web().status(stopped, rolling(stopped, none))["history"] == served(GOOD)["history"]


def test_a_store_that_hibernates_has_no_pods_and_says_so() -> None:
    wanted = store(state="Hibernated", database={"embedded": {}})
    view = seen(wanted)
    made = {
        manifest["kind"]: manifest for parts in play(wanted, view).values() for manifest in parts
    }
    assert made["Deployment"]["spec"]["replicas"] == 0
    assert made["StatefulSet"]["spec"]["replicas"] == 0
    assert "PersistentVolumeClaim" in made
    assert "PodDisruptionBudget" not in made
    available = Web().available(wanted, view)
    assert available
    assert (available.reason, available.message) == (
        HIBERNATED,
        "spec.state is Hibernated; set it to Running to serve.",
    )


def test_a_database_that_rests_is_as_it_should_be_and_holds_a_migration_back() -> None:
    wanted = store(state="Hibernated", database={"embedded": {}})
    view = seen(wanted)
    play(wanted, view)
    claim = view.get(wanted.database_claim)
    assert claim
    claim["status"] = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
    verdict = EmbeddedDatabase().judge(wanted, view)
    assert (verdict.state, verdict.reason, verdict.holds) == (State.READY, RECONCILED, True)


def test_a_percona_cluster_is_paused_while_the_store_hibernates() -> None:
    wanted = store(state="Hibernated", database={"percona": {}})
    view = seen(wanted)
    play(wanted, view)
    cluster = view.get(wanted.percona_cluster)
    assert cluster
    assert cluster["spec"]["pause"] is True
    cluster["status"] = {"state": "paused"}
    verdict = PerconaDatabase().judge(wanted, view)
    assert (verdict.state, verdict.holds) == (State.READY, True)
