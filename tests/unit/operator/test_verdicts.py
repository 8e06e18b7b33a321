"""How the parts judge what they find."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bookstore_operator.api.conditions import RECONCILED, Condition, ConditionType, Reason
from bookstore_operator.components.credentials import (
    SECRET_INVALID,
    SECRET_KEY_MISSING,
    SECRET_NOT_FOUND,
    Credentials,
)
from bookstore_operator.components.database.database import (
    DATABASE_READY,
    DATABASE_STARTING,
    DATABASE_UNREACHABLE,
)
from bookstore_operator.components.database.embedded import EmbeddedDatabase
from bookstore_operator.components.migration import (
    MIGRATION_FAILED,
    Migration,
    current,
)
from bookstore_operator.components.outputs import ServingImage
from bookstore_operator.components.pods import IMAGE_PULL_FAILED, PODS_NOT_READY
from bookstore_operator.components.shop import SCHEMA_MIGRATED, WEB_READY
from bookstore_operator.components.storage import Storage
from bookstore_operator.components.volumes import VOLUME_NOT_BOUND
from bookstore_operator.components.web import ROLLOUT_IN_PROGRESS, ROLLOUT_STALLED, Web
from bookstore_operator.engine.component import Component, Patch
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import give_outputs, play, put, seen, store

LONG_AGO, JUST_NOW = "2026-01-01T11:00:00Z", "2026-01-01T11:59:55Z"
LOGIN: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "login", "namespace": "books"},
    "data": {"username": "c2hvcA==", "password": "czNjcmV0"},
}
LOGIN_FIELD = "database.external.credentialsSecretRef"
EMBEDDED: Manifest = {"database": {"embedded": {}}}


def stage(wanted: Store, *objects: Manifest) -> View:
    """Return what is seen after every part's objects were made, an hour ago."""
    view = seen(wanted, LOGIN, *objects)
    play(wanted, view)
    for live in view.objects.values():
        if live:
            live["metadata"]["creationTimestamp"] = LONG_AGO
    return view


def told(part: Component[Any], wanted: Store, view: View) -> tuple[State, Reason, str]:
    verdict = part.judge(wanted, view)
    return verdict.state, verdict.reason, verdict.message


def generate(wanted: Store, view: View) -> Manifest:
    """Let the generated Secret be there, and return it."""
    (secret,) = Credentials().children(wanted, view)
    put(view, secret)
    return secret


def serving_image(wanted: Store, view: View) -> str:
    """Return the image that the pods are to run."""
    give_outputs(wanted, view)
    return view.output(ServingImage).image


def unready(wanted: Store, condition: ConditionType, since: str = LONG_AGO) -> Store:
    """Return the store as it was told for a while that a part of it is not ready."""
    written = {"type": str(condition), "status": "False", "reason": "R", "message": "No."}
    times = {"observedGeneration": 1, "lastTransitionTime": since}
    return replace(wanted, conditions=(Condition.model_validate(written | times),))


def answer(part: Component[Any], wanted: Store, view: View, pods: list[Manifest]) -> None:
    """Let the pods be found that the part asks for."""
    (query,) = part.queries(wanted, view)
    view.lists[query] = pods


def pod(image: str = "bookstore/app:1", **status: Any) -> Manifest:
    return {
        "metadata": {"name": "p", "namespace": "books", "labels": {}},
        "spec": {"containers": [{"name": "web", "image": image}]},
        "status": status,
    }


def waiting_pod(reason: str, message: str = "", **last: Any) -> Manifest:
    state = {"waiting": {"reason": reason, "message": message}}
    container = {"name": "web", "image": "bookstore/app:1", "state": state, "lastState": last}
    return pod(containerStatuses=[container])


def ended_pod(**message: str) -> Manifest:
    ended = {"finishedAt": JUST_NOW, "message": json.dumps(message)}
    return pod(containerStatuses=[{"name": "migrate", "state": {"terminated": ended}}])


@pytest.mark.parametrize(
    ("data", "reason", "sentence"),
    [
        (
            None,
            SECRET_NOT_FOUND,
            f"Secret books/login is not there; create it, or set {LOGIN_FIELD}.name",
        ),
        (
            {"username": "c2hvcA=="},
            SECRET_KEY_MISSING,
            f'Secret books/login has no key "password"; add it, or set {LOGIN_FIELD}.passwordKey',
        ),
        (
            {"username": "c2hvcA==", "password": "/w=="},
            SECRET_INVALID,
            'Secret books/login: the value of "password" is not UTF-8 text; correct it',
        ),
    ],
)
def test_a_referenced_secret_that_cannot_be_used(
    data: dict[str, str] | None, reason: Reason, sentence: str
) -> None:
    wanted = store()
    view = seen(wanted, *([{**LOGIN, "data": data}] if data is not None else []))
    generate(wanted, view)
    assert told(Credentials(), wanted, view) == (State.FAILED, reason, sentence)


def test_secrets_that_are_complete() -> None:
    wanted = store()
    view = seen(wanted, LOGIN)
    generate(wanted, view)
    assert Credentials().judge(wanted, view).ready


def test_a_generated_secret_keeps_its_values() -> None:
    wanted = store(**EMBEDDED)
    view = seen(wanted)
    first = generate(wanted, view)
    assert Credentials().children(wanted, view) == [first]


def test_an_edited_secret_gets_the_values_that_are_remembered() -> None:
    wanted = store(**EMBEDDED)
    view = seen(wanted)
    first = generate(wanted, view)
    view.remembered = {wanted.secret: first["data"]}
    put(view, {**first, "data": {"secret-key": "bm8="}})
    assert Credentials().children(wanted, view) == [first]


@pytest.mark.parametrize(
    ("phase", "age", "state"),
    [
        ("Bound", LONG_AGO, State.READY),
        ("Pending", JUST_NOW, State.WAITING),
        ("Pending", LONG_AGO, State.FAILED),
        ("Lost", JUST_NOW, State.FAILED),
    ],
)
def test_a_claim_is_judged_by_its_phase_and_age(phase: str, age: str, state: State) -> None:
    wanted = store()
    view = stage(wanted)
    claim = view.get(wanted.files)
    assert claim is not None
    claim["status"] = {"phase": phase}
    claim["metadata"]["creationTimestamp"] = age
    assert Storage().judge(wanted, view).state is state


def test_an_unbound_claim_that_no_pod_wants_holds_nothing_back() -> None:
    wanted = store()
    view = stage(wanted)
    del view.objects[wanted.web]
    verdict = Storage().judge(wanted, view)
    assert (verdict.state, verdict.holds) == (State.WAITING, False)


@pytest.mark.parametrize(
    ("change", "mentions"),
    [
        ({"csi": {"volumeHandle": "fs-99999999"}}, "is on fs-99999999 and the spec wants"),
        ({"claimRef": {"namespace": "other", "name": "theirs"}}, "other/theirs; free it"),
    ],
)
def test_a_volume_that_is_not_the_right_one(change: Manifest, mentions: str) -> None:
    wanted = store()
    view = stage(wanted)
    volume = view.get(wanted.efs_volume)
    assert volume is not None
    volume["spec"] |= change
    state, reason, message = told(Storage(), wanted, view)
    assert (state, reason) == (State.FAILED, VOLUME_NOT_BOUND)
    assert mentions in message


def test_a_released_volume_is_freed_for_the_new_claim() -> None:
    wanted = store()
    view = stage(wanted)
    volume = view.get(wanted.efs_volume)
    assert volume is not None
    volume["spec"]["claimRef"] |= {"uid": "gone", "resourceVersion": "7"}
    patch = {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
    assert Storage().patches(wanted, view) == [Patch(wanted.efs_volume, patch)]
    claim = view.get(wanted.files)
    assert claim is not None
    volume["spec"]["claimRef"]["uid"] = claim["metadata"]["uid"]
    assert Storage().patches(wanted, view) == []


def test_an_embedded_database_that_starts_and_then_serves() -> None:
    wanted = unready(store(**EMBEDDED), DATABASE_READY)
    view = stage(wanted)
    claim, server = view.get(wanted.database_claim), view.get(wanted.database)
    assert claim
    assert server
    claim["status"] = {"phase": "Bound"}
    answer(EmbeddedDatabase(), wanted, view, [])
    assert EmbeddedDatabase().judge(wanted, view).reason == DATABASE_STARTING
    server["status"] = {"observedGeneration": 1, "readyReplicas": 1, "updatedReplicas": 1}
    assert EmbeddedDatabase().judge(wanted, view).ready
    assert EmbeddedDatabase().queries(wanted, view) == []


def finish(wanted: Store, view: View, kind: str, since: str = JUST_NOW) -> Manifest:
    """Let the migration of the wanted image end."""
    job = view.get(current(wanted, view))
    assert job
    condition = {"type": kind, "status": "True", "lastTransitionTime": since, "message": "late"}
    job["status"] = {"conditions": [condition], "completionTime": since}
    return job


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("DatabaseUnreachable", DATABASE_UNREACHABLE),
        ("MigrationFailed", MIGRATION_FAILED),
        ("ConfigurationInvalid", SECRET_INVALID),
    ],
)
def test_a_failed_migration_says_what_its_pod_said(error: str, reason: Reason) -> None:
    wanted = store()
    view = stage(wanted)
    finish(wanted, view, "Failed")
    answer(Migration(), wanted, view, [ended_pod(error=error, message="It is so.")])
    state, told_reason, message = told(Migration(), wanted, view)
    assert (state, told_reason) == (State.FAILED, reason)
    assert "It is so; it is tried again" in message


def test_an_unreachable_database_is_named() -> None:
    wanted = unready(store(), SCHEMA_MIGRATED)
    view = stage(wanted)
    answer(Migration(), wanted, view, [ended_pod(error="DatabaseUnreachable", message="No.")])
    assert "db:3306" in Migration().judge(wanted, view).message


def test_a_failed_migration_is_made_anew_after_a_pause() -> None:
    wanted = store()
    view = stage(wanted)
    finish(wanted, view, "Failed", since=JUST_NOW)
    assert Migration().replaced(wanted, view) == []
    finish(wanted, view, "Failed", since=LONG_AGO)
    assert Migration().replaced(wanted, view) == [current(wanted, view)]
    (job,) = Migration().children(wanted, view)
    assert job["metadata"]["annotations"]["bookstore.dev/attempt"] == "2"


def test_a_failed_migration_is_made_anew_at_once_when_its_secrets_change() -> None:
    wanted = store()
    view = stage(wanted)
    finish(wanted, view, "Failed", since=JUST_NOW)
    put(view, {**LOGIN, "data": {**LOGIN["data"], "password": "bmV3"}})
    assert Migration().replaced(wanted, view) == [current(wanted, view)]


def test_a_done_migration_is_left_alone_when_secrets_change() -> None:
    wanted = store()
    view = stage(wanted)
    job = finish(wanted, view, "Complete")
    put(view, {**LOGIN, "data": {**LOGIN["data"], "password": "bmV3"}})
    (again,) = Migration().children(wanted, view)
    assert again["metadata"]["annotations"] == job["metadata"]["annotations"]


def test_the_old_image_serves_until_the_new_one_is_migrated() -> None:
    old, new = store(image="bookstore/app:1"), store(image="bookstore/app:2")
    view = stage(old)
    finish(old, view, "Complete", since=LONG_AGO)
    play(new, view)
    assert serving_image(new, view) == "bookstore/app:1"
    finish(new, view, "Complete")
    assert serving_image(new, view) == "bookstore/app:2"
    assert serving_image(old, view) == "bookstore/app:1", "going back needs no migration"
    former = current(old, view)
    assert former in Migration().retained(new, view), "it tells which image serves meanwhile"
    give_outputs(new, view)
    put(view, Web().children(new, view)[-1])
    rolled(new, view, **ALL)
    assert former not in Migration().retained(new, view)


def test_a_running_migration_of_another_image_is_not_pruned() -> None:
    old, new = store(image="bookstore/app:1"), store(image="bookstore/app:2")
    view = stage(old)
    job = view.get(current(old, view))
    assert job
    job["status"] = {"active": 1, "ready": 1}
    play(new, view)
    rolled(new, view, **ALL)
    assert current(old, view) in Migration().retained(new, view)


def test_a_first_store_starts_its_pods_beside_its_migration() -> None:
    wanted = store()
    assert serving_image(wanted, stage(wanted)) == wanted.spec.image


@pytest.mark.parametrize(
    ("found", "reason", "mentions"),
    [
        (waiting_pod("ImagePullBackOff"), IMAGE_PULL_FAILED, "bookstore/app:1"),
        (waiting_pod("CreateContainerConfigError", "no key"), PODS_NOT_READY, "no key"),
        (
            waiting_pod("CrashLoopBackOff", terminated={"exitCode": 3}),
            PODS_NOT_READY,
            "exit code 3",
        ),
        (
            pod(
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "lastTransitionTime": LONG_AGO,
                        "message": "0/3 nodes are available: 3 Insufficient memory.",
                    }
                ]
            ),
            PODS_NOT_READY,
            "Insufficient memory; add nodes",
        ),
    ],
)
def test_pods_that_do_not_get_ready_say_why(found: Manifest, reason: Reason, mentions: str) -> None:
    wanted = unready(store(), WEB_READY)
    view = stage(wanted)
    answer(Web(), wanted, view, [found])
    state, told_reason, message = told(Web(), wanted, view)
    assert (state, told_reason) == (State.FAILED, reason)
    assert mentions in message


def test_a_pod_that_was_just_made_is_given_a_while_to_be_scheduled() -> None:
    wanted = unready(store(), WEB_READY)
    view = stage(wanted)
    condition = {"type": "PodScheduled", "status": "False", "lastTransitionTime": JUST_NOW}
    answer(Web(), wanted, view, [pod(conditions=[condition])])
    assert Web().judge(wanted, view).state is State.WAITING


def test_pods_that_were_just_started_are_not_asked_why() -> None:
    wanted = unready(store(), WEB_READY, since="2026-01-01T11:59:59Z")
    assert Web().queries(wanted, stage(wanted)) == []


def rolled(wanted: Store, view: View, **status: Any) -> None:
    live = view.get(wanted.web)
    assert live
    live["status"] = {"observedGeneration": 1, **status}
    if Web().queries(wanted, view):
        answer(Web(), wanted, view, [])


ALL = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), 2)


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (ALL, State.READY, RECONCILED),
        (ALL | {"observedGeneration": 0}, State.WAITING, ROLLOUT_IN_PROGRESS),
        (ALL | {"replicas": 3}, State.WAITING, ROLLOUT_IN_PROGRESS),
        (ALL | {"availableReplicas": 1}, State.WAITING, PODS_NOT_READY),
        (
            ALL
            | {
                "updatedReplicas": 1,
                "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}],
            },
            State.FAILED,
            ROLLOUT_STALLED,
        ),
    ],
)
def test_a_rollout_is_judged_by_its_counts(status: Manifest, state: State, reason: Reason) -> None:
    wanted = store()
    view = stage(wanted)
    rolled(wanted, view, **status)
    assert told(Web(), wanted, view)[:2] == (state, reason)


def test_a_store_without_pods_is_whole() -> None:
    wanted = store(replicas=0)
    view = stage(wanted)
    rolled(wanted, view)
    assert Web().judge(wanted, view).ready
