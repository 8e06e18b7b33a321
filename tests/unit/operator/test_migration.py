"""The migration: which Job is the one, what is told of it, and when it is tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bookstore_operator.api.conditions import Condition
from bookstore_operator.components.jobs import ATTEMPT, pods_of
from bookstore_operator.components.migration import (
    MIGRATION_FAILED,
    MIGRATION_RUNNING,
    Migration,
    current,
)
from bookstore_operator.components.shop import SCHEMA_MIGRATED
from bookstore_operator.engine.conditions import timestamp
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import NOW, give_outputs, seen, store
from tests.unit.operator.test_verdicts import EMBEDDED, ended_pod, finish, stage, told, unready

DONE = "The schema is that of image bookstore/app:1."


def job_of(wanted: Store, view: View) -> Manifest:
    job = view.get(current(wanted, view))
    assert job
    return job


def failed_for(seconds: float, attempt: str | None) -> tuple[Store, View]:
    """Return a store whose migration failed so long ago, at that attempt."""
    wanted = store()
    view = stage(wanted)
    job = finish(wanted, view, "Failed", since=timestamp(NOW - timedelta(seconds=seconds)))
    if attempt is None:
        del job["metadata"]["annotations"][ATTEMPT]
    else:
        job["metadata"]["annotations"][ATTEMPT] = attempt
    return wanted, view


def test_what_is_told_before_while_and_after_it_runs() -> None:
    wanted = store()
    assert told(Migration(), wanted, seen(wanted)) == (
        State.WAITING,
        MIGRATION_RUNNING,
        "The migration is about to start.",
    )
    view = stage(wanted)
    assert told(Migration(), wanted, view) == (
        State.WAITING,
        MIGRATION_RUNNING,
        "The migration for image bookstore/app:1 is running.",
    )
    finish(wanted, view, "Complete")
    assert told(Migration(), wanted, view) == (State.READY, "Reconciled", DONE)


def test_one_that_is_about_to_go_is_about_to_start_anew() -> None:
    wanted = store()
    view = stage(wanted)
    finish(wanted, view, "Complete")["metadata"]["deletionTimestamp"] = timestamp(NOW)
    assert told(Migration(), wanted, view)[2] == "The migration is about to start."


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ({"error": "MigrationFailed", "message": "A column is there."}, "A column is there"),
        ({"error": "MigrationFailed"}, "late"),
        (
            {"error": "DatabaseUnreachable", "message": "It does not answer."},
            "db:3306: It does not answer",
        ),
        ({"error": "DatabaseUnreachable", "message": "No way to db."}, "No way to db"),
    ],
    ids=["its word", "the Job's word", "no server named", "the server named"],
)
def test_a_failure_is_told_with_what_the_pod_or_the_job_says(
    word: dict[str, str], why: str
) -> None:
    wanted = store()
    view = stage(wanted)
    job = finish(wanted, view, "Failed")
    view.lists[pods_of(job)] = [ended_pod(**word)]
    assert told(Migration(), wanted, view)[2] == (
        f"the migration for image bookstore/app:1 failed: {why}; it is tried again"
    )


def test_a_failure_that_left_no_word_is_a_failed_migration() -> None:
    wanted = store()
    view = stage(wanted)
    del finish(wanted, view, "Failed")["status"]["conditions"][0]["message"]
    state, reason, message = told(Migration(), wanted, view)
    assert (state, reason) == (State.FAILED, MIGRATION_FAILED)
    assert "failed: it gave no word; it is tried again" in message


@pytest.mark.parametrize(
    ("attempt", "pause"),
    [("1", 10), (None, 10), ("?", 10), ("2", 20), ("4", 80), ("5", 120), ("99", 120)],
)
def test_each_attempt_waits_twice_as_long_up_to_two_minutes(
    attempt: str | None, pause: int
) -> None:
    wanted, view = failed_for(pause - 1, attempt)
    assert Migration().replaced(wanted, view) == []
    assert Migration().judge(wanted, view).again == 1.0
    wanted, view = failed_for(pause, attempt)
    assert Migration().replaced(wanted, view) == [current(wanted, view)]
    assert Migration().judge(wanted, view).again == 0.5


def test_the_next_attempt_is_counted_and_one_that_runs_is_not() -> None:
    wanted, view = failed_for(3600, "7")
    (job,) = Migration().children(wanted, view)
    assert job["metadata"]["annotations"][ATTEMPT] == "8"
    job_of(wanted, view)["status"] = {"active": 1}
    (job,) = Migration().children(wanted, view)
    assert job["metadata"]["annotations"][ATTEMPT] == "7"


@pytest.mark.parametrize(
    ("status", "again"),
    [
        ({"active": 1, "ready": 0}, True),
        ({"active": 1, "ready": 1}, False),
        ({}, True),
    ],
    ids=["waits for a node", "runs", "has no pod"],
)
def test_one_that_has_not_begun_is_made_anew_for_another_placement(
    status: dict[str, int], *, again: bool
) -> None:
    before, after = store(), store(placement={"nodeSelector": {"pool": "shops"}})
    view = stage(before)
    job_of(before, view)["status"] = status
    assert Migration().replaced(before, view) == []
    assert Migration().replaced(after, view) == ([current(after, view)] if again else [])


@pytest.mark.parametrize("kind", ["Complete", "Failed"])
def test_one_that_has_ended_is_left_where_it_was(kind: str) -> None:
    before, after = store(), store(placement={"nodeSelector": {"pool": "shops"}})
    view = stage(before)
    finish(before, view, kind)
    assert Migration().replaced(after, view) == []


def test_pods_are_asked_for_until_the_end_is_told() -> None:
    wanted = store()
    assert Migration().queries(wanted, seen(wanted)) == []
    view = stage(wanted)
    assert Migration().queries(wanted, view) == [], "it takes a moment"
    pods = pods_of(job_of(wanted, view))
    assert Migration().queries(unready(wanted, SCHEMA_MIGRATED), view) == [pods]
    finish(wanted, view, "Failed")
    assert Migration().queries(wanted, view) == [pods]
    finish(wanted, view, "Complete")
    assert Migration().queries(unready(wanted, SCHEMA_MIGRATED), view) == [pods]
    known = {
        "type": str(SCHEMA_MIGRATED),
        "status": "True",
        "reason": "Reconciled",
        "message": DONE,
        "observedGeneration": 1,
        "lastTransitionTime": timestamp(NOW),
    }
    knows = replace(wanted, conditions=(Condition.model_validate(known),))
    assert Migration().queries(knows, view) == []


def test_the_revision_of_the_schema_is_remembered() -> None:
    wanted = store()
    view = stage(wanted)
    assert Migration().status(wanted, view) == {}
    job = finish(wanted, view, "Complete")
    view.lists[pods_of(job)] = [ended_pod(schemaRevision="0007")]
    assert Migration().status(wanted, view) == {"database": {"schemaRevision": "0007"}}
    later = store(status={"database": {"mode": "external", "schemaRevision": "0006"}})
    assert Migration().status(later, stage(later)) == {"database": {"schemaRevision": "0006"}}


def test_each_image_and_each_database_has_a_job_of_its_own() -> None:
    def key(root: Store, volume: str | None = None) -> str:
        view = seen(root)
        give_outputs(root, view)
        if volume is not None:
            view.objects[root.database_claim] = {"spec": {"volumeName": volume} if volume else {}}
        return current(root, view).name

    def external(**more: object) -> Store:
        login = {"name": "login"}
        return store(database={"external": {"host": "db", "credentialsSecretRef": login} | more})

    keys = [
        key(store()),
        key(store(image="bookstore/app:2")),
        key(external(host="other")),
        key(external(port=3307)),
        key(external(schema="books")),
        key(store(**EMBEDDED)),
        key(store(**EMBEDDED), "pvc-1"),
        key(store(**EMBEDDED), "pvc-2"),
    ]
    assert len(set(keys)) == len(keys)
    assert key(store(**EMBEDDED), "") == key(store(**EMBEDDED)), "a claim that is not bound yet"
    assert key(store()) == key(external()) == key(store(replicas=7))
