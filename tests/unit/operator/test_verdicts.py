"""How the parts judge what they find."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bookstore_operator.api.status import Reason
from bookstore_operator.components.base import Component
from bookstore_operator.components.credentials import Credentials
from bookstore_operator.components.database.embedded import EmbeddedDatabase
from bookstore_operator.components.exposure import Exposure
from bookstore_operator.components.migration import Migration, current, serving_image
from bookstore_operator.components.storage import Storage
from bookstore_operator.components.web import Web
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.observed import Observed
from bookstore_operator.store import Store
from bookstore_operator.verdict import State
from tests.unit.operator.staging import observed, play, put, store

LONG_AGO, JUST_NOW = "2026-01-01T11:00:00Z", "2026-01-01T11:59:55Z"
LOGIN: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "login", "namespace": "books"},
    "data": {"username": "c2hvcA==", "password": "czNjcmV0"},
}
LOGIN_FIELD = "database.external.credentialsSecretRef"
EMBEDDED: Manifest = {"database": {"embedded": {}}}


def stage(wanted: Store, *objects: Manifest) -> Observed:
    """Return what is seen after every part's objects were made, an hour ago."""
    seen = observed(LOGIN, *objects)
    play(wanted, seen)
    for live in seen.objects.values():
        if live:
            live["metadata"]["creationTimestamp"] = LONG_AGO
    return seen


def told(part: Component, wanted: Store, seen: Observed) -> tuple[State, Reason, str]:
    verdict = part.judge(wanted, seen)
    return verdict.state, verdict.reason, verdict.message


def answer(part: Component, wanted: Store, seen: Observed, pods: list[Manifest]) -> None:
    """Let the pods be found that the part asks for."""
    (query,) = part.inquires(wanted, seen)
    seen.lists[query] = pods


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
            Reason.SECRET_NOT_FOUND,
            f"Secret books/login is not there; create it, or set {LOGIN_FIELD}.name",
        ),
        (
            {"username": "c2hvcA=="},
            Reason.SECRET_KEY_MISSING,
            f'Secret books/login has no key "password"; add it, or set {LOGIN_FIELD}.passwordKey',
        ),
        (
            {"username": "c2hvcA==", "password": "/w=="},
            Reason.SECRET_INVALID,
            'Secret books/login: the value of "password" is not UTF-8 text; correct it',
        ),
    ],
)
def test_a_referenced_secret_that_cannot_be_used(
    data: dict[str, str] | None, reason: Reason, sentence: str
) -> None:
    seen = observed(*([{**LOGIN, "data": data}] if data is not None else []))
    assert told(Credentials(), store(), seen) == (State.FAILED, reason, sentence)


def test_secrets_that_are_complete() -> None:
    assert Credentials().judge(store(), observed(LOGIN)).ready


def test_a_generated_secret_keeps_its_values() -> None:
    wanted, seen = store(**EMBEDDED), observed()
    (first,) = Credentials().desired(wanted, seen)
    put(seen, first)
    assert Credentials().desired(wanted, seen) == [first]


def test_an_edited_secret_gets_the_values_that_are_remembered() -> None:
    wanted, seen = store(**EMBEDDED), observed()
    (first,) = Credentials().desired(wanted, seen)
    seen.remembered = first["data"]
    put(seen, {**first, "data": {"secret-key": "bm8="}})
    assert Credentials().desired(wanted, seen) == [first]


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
    seen = stage(wanted)
    claim = seen.get(wanted.files)
    assert claim is not None
    claim["status"] = {"phase": phase}
    claim["metadata"]["creationTimestamp"] = age
    assert Storage().judge(wanted, seen).state is state


def test_an_unbound_claim_that_no_pod_wants_holds_nothing_back() -> None:
    wanted = store()
    seen = stage(wanted)
    del seen.objects[wanted.web]
    verdict = Storage().judge(wanted, seen)
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
    seen = stage(wanted)
    volume = seen.get(wanted.volume)
    assert volume is not None
    volume["spec"] |= change
    state, reason, message = told(Storage(), wanted, seen)
    assert (state, reason) == (State.FAILED, Reason.VOLUME_NOT_BOUND)
    assert mentions in message


def test_a_released_volume_is_freed_for_the_new_claim() -> None:
    wanted = store()
    seen = stage(wanted)
    volume = seen.get(wanted.volume)
    assert volume is not None
    volume["spec"]["claimRef"] |= {"uid": "gone", "resourceVersion": "7"}
    patch = {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
    assert Storage().mends(wanted, seen) == [(wanted.volume, patch)]
    claim = seen.get(wanted.files)
    assert claim is not None
    volume["spec"]["claimRef"]["uid"] = claim["metadata"]["uid"]
    assert Storage().mends(wanted, seen) == []


def test_an_embedded_database_that_starts_and_then_serves() -> None:
    wanted = store(**EMBEDDED)
    seen = stage(wanted)
    claim, server = seen.get(wanted.database_claim), seen.get(wanted.database)
    assert claim
    assert server
    claim["status"] = {"phase": "Bound"}
    answer(EmbeddedDatabase(), wanted, seen, [])
    assert EmbeddedDatabase().judge(wanted, seen).reason == Reason.DATABASE_STARTING
    server["status"] = {"observedGeneration": 1, "readyReplicas": 1, "updatedReplicas": 1}
    assert EmbeddedDatabase().judge(wanted, seen).ready
    assert EmbeddedDatabase().inquires(wanted, seen) == []


def finish(wanted: Store, seen: Observed, kind: str, since: str = JUST_NOW) -> Manifest:
    """Let the migration of the wanted image end."""
    job = seen.get(current(wanted, seen))
    assert job
    condition = {"type": kind, "status": "True", "lastTransitionTime": since, "message": "late"}
    job["status"] = {"conditions": [condition], "completionTime": since}
    return job


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("DatabaseUnreachable", Reason.DATABASE_UNREACHABLE),
        ("MigrationFailed", Reason.MIGRATION_FAILED),
        ("ConfigurationInvalid", Reason.SECRET_INVALID),
    ],
)
def test_a_failed_migration_says_what_its_pod_said(error: str, reason: Reason) -> None:
    wanted = store()
    seen = stage(wanted)
    finish(wanted, seen, "Failed")
    answer(Migration(), wanted, seen, [ended_pod(error=error, message="It is so.")])
    state, told_reason, message = told(Migration(), wanted, seen)
    assert (state, told_reason) == (State.FAILED, reason)
    assert "It is so; it is tried again" in message


def test_an_unreachable_database_is_named() -> None:
    wanted = store()
    seen = stage(wanted)
    answer(Migration(), wanted, seen, [ended_pod(error="DatabaseUnreachable", message="No.")])
    assert "db:3306" in Migration().judge(wanted, seen).message


def test_a_failed_migration_is_made_anew_after_a_pause() -> None:
    wanted = store()
    seen = stage(wanted)
    finish(wanted, seen, "Failed", since=JUST_NOW)
    assert Migration().replaced(wanted, seen) == []
    finish(wanted, seen, "Failed", since=LONG_AGO)
    assert Migration().replaced(wanted, seen) == [current(wanted, seen)]
    (job,) = Migration().desired(wanted, seen)
    assert job["metadata"]["annotations"]["bookstore.dev/attempt"] == "2"


def test_a_failed_migration_is_made_anew_at_once_when_its_secrets_change() -> None:
    wanted = store()
    seen = stage(wanted)
    finish(wanted, seen, "Failed", since=JUST_NOW)
    put(seen, {**LOGIN, "data": {**LOGIN["data"], "password": "bmV3"}})
    assert Migration().replaced(wanted, seen) == [current(wanted, seen)]


def test_a_done_migration_is_left_alone_when_secrets_change() -> None:
    wanted = store()
    seen = stage(wanted)
    job = finish(wanted, seen, "Complete")
    put(seen, {**LOGIN, "data": {**LOGIN["data"], "password": "bmV3"}})
    (again,) = Migration().desired(wanted, seen)
    assert again["metadata"]["annotations"] == job["metadata"]["annotations"]


def test_the_old_image_serves_until_the_new_one_is_migrated() -> None:
    old, new = store(image="bookstore/app:1"), store(image="bookstore/app:2")
    seen = stage(old)
    finish(old, seen, "Complete", since=LONG_AGO)
    play(new, seen)
    assert serving_image(new, seen) == "bookstore/app:1"
    finish(new, seen, "Complete")
    assert serving_image(new, seen) == "bookstore/app:2"
    assert serving_image(old, seen) == "bookstore/app:1", "going back needs no migration"
    assert Migration().obsolete(new, seen) == [current(old, seen)]


def test_a_running_migration_of_another_image_is_not_pruned() -> None:
    old, new = store(image="bookstore/app:1"), store(image="bookstore/app:2")
    seen = stage(old)
    job = seen.get(current(old, seen))
    assert job
    job["status"] = {"active": 1, "ready": 1}
    play(new, seen)
    assert Migration().obsolete(new, seen) == []


def test_a_first_store_starts_its_pods_beside_its_migration() -> None:
    wanted = store()
    assert serving_image(wanted, stage(wanted)) == wanted.spec.image


@pytest.mark.parametrize(
    ("found", "reason", "mentions"),
    [
        (waiting_pod("ImagePullBackOff"), Reason.IMAGE_PULL_FAILED, "bookstore/app:1"),
        (waiting_pod("CreateContainerConfigError", "no key"), Reason.PODS_NOT_READY, "no key"),
        (
            waiting_pod("CrashLoopBackOff", terminated={"exitCode": 3}),
            Reason.PODS_NOT_READY,
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
            Reason.PODS_NOT_READY,
            "Insufficient memory; add nodes",
        ),
    ],
)
def test_pods_that_do_not_get_ready_say_why(found: Manifest, reason: Reason, mentions: str) -> None:
    wanted = store()
    seen = stage(wanted)
    answer(Web(), wanted, seen, [found])
    state, told_reason, message = told(Web(), wanted, seen)
    assert (state, told_reason) == (State.FAILED, reason)
    assert mentions in message


def test_a_pod_that_was_just_made_is_given_a_while_to_be_scheduled() -> None:
    wanted = store()
    seen = stage(wanted)
    condition = {"type": "PodScheduled", "status": "False", "lastTransitionTime": JUST_NOW}
    answer(Web(), wanted, seen, [pod(conditions=[condition])])
    assert Web().judge(wanted, seen).state is State.WAITING


def rolled(wanted: Store, seen: Observed, **status: Any) -> None:
    live = seen.get(wanted.web)
    assert live
    live["status"] = {"observedGeneration": 1, **status}
    if Web().inquires(wanted, seen):
        answer(Web(), wanted, seen, [])


ALL = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), 2)


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (ALL, State.READY, Reason.RECONCILED),
        (ALL | {"observedGeneration": 0}, State.WAITING, Reason.ROLLOUT_IN_PROGRESS),
        (ALL | {"replicas": 3}, State.WAITING, Reason.ROLLOUT_IN_PROGRESS),
        (ALL | {"availableReplicas": 1}, State.WAITING, Reason.PODS_NOT_READY),
        (
            ALL
            | {
                "updatedReplicas": 1,
                "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}],
            },
            State.FAILED,
            Reason.ROLLOUT_STALLED,
        ),
    ],
)
def test_a_rollout_is_judged_by_its_counts(status: Manifest, state: State, reason: Reason) -> None:
    wanted = store()
    seen = stage(wanted)
    rolled(wanted, seen, **status)
    assert told(Web(), wanted, seen)[:2] == (state, reason)


def test_a_store_without_pods_is_whole() -> None:
    wanted = store(replicas=0)
    seen = stage(wanted)
    rolled(wanted, seen)
    assert Web().judge(wanted, seen).ready


@pytest.mark.parametrize(
    ("ingress", "port", "url"),
    [
        ({"ip": "192.0.2.1"}, 80, "http://192.0.2.1"),
        ({"hostname": "shop.elb.amazonaws.com"}, 8080, "http://shop.elb.amazonaws.com:8080"),
        ({"ip": "2001:db8::1"}, 80, "http://[2001:db8::1]"),
    ],
)
def test_the_address_of_the_load_balancer_is_the_url(
    ingress: Manifest, port: int, url: str
) -> None:
    wanted = store(exposure={"loadBalancer": {"port": port}})
    seen = stage(wanted)
    assert Exposure().judge(wanted, seen).reason == Reason.ADDRESS_PENDING
    service = seen.get(wanted.service)
    assert service
    service["status"] = {"loadBalancer": {"ingress": [ingress]}}
    assert Exposure().judge(wanted, seen).message == f"The shop is at {url}."
