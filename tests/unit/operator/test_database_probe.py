"""What the shop's pods say of an external database, and what the store says of it then."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bookstore.core.db.obstacles import Obstacle
from bookstore_operator.api.conditions import Condition, Reason
from bookstore_operator.components.database.database import (
    DATABASE_ACCESS_DENIED,
    DATABASE_READ_ONLY,
    DATABASE_READY,
    DATABASE_SCHEMA_UNKNOWN,
    DATABASE_TLS_FAILED,
    DATABASE_UNREACHABLE,
    OBSTACLES,
)
from bookstore_operator.components.database.external import ExternalDatabase
from bookstore_operator.components.database.probe import SENTENCES, Readiness
from bookstore_operator.components.jobs import pods_of
from bookstore_operator.components.migration import current
from bookstore_operator.components.shop import SCHEMA_MIGRATED, WEB_READY, web_pods
from bookstore_operator.engine.verdict import Verdict
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import play, seen, store

LONG_AGO = "2026-01-01T11:00:00Z"
LOGIN: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "login", "namespace": "books"},
    "data": {"username": "c2hvcA==", "password": "czNjcmV0"},
}
UNREADY: Manifest = {"metadata": {}, "status": {"podIP": "10.0.0.7"}}
READY: Manifest = {
    "metadata": {},
    "status": {"podIP": "10.0.0.8", "conditions": [{"type": "Ready", "status": "True"}]},
}


def condition(kind: object, status: str, reason: str = "R", message: str = "M.") -> Manifest:
    """Return a condition that has been so for an hour."""
    written = {"type": str(kind), "status": status, "reason": reason, "message": message}
    times = {"observedGeneration": 1, "lastTransitionTime": LONG_AGO}
    return Condition.model_validate(written | times).manifest()


def staged(*conditions: Manifest, available: int = 0, **spec: Any) -> tuple[Store, View]:
    """Return a store that was told so, and everything that was made for it."""
    root = store(status={"conditions": list(conditions)}, **spec)
    view = seen(root, LOGIN)
    play(root, view)
    live = view.get(root.web)
    assert live
    live["status"] = {"observedGeneration": 1, "availableReplicas": available}
    return root, view


def serving(*more: Manifest, available: int = 0, **spec: Any) -> tuple[Store, View]:
    """Return a store that was migrated, and whose pods are not all ready."""
    conditions = (condition(SCHEMA_MIGRATED, "True"), condition(WEB_READY, "False"), *more)
    return staged(*conditions, available=available, **spec)


def judged(root: Store, view: View) -> Verdict:
    return ExternalDatabase().judge(root, view)


def said(root: Store, view: View, words: str, *pods: Manifest) -> Verdict:
    """Return the verdict once the pods that are not ready said something."""
    view.lists[web_pods(root)] = list(pods or (UNREADY,))
    view.facts = dict.fromkeys(ExternalDatabase().questions(root, view), words)
    return judged(root, view)


def migrating(root: Store, view: View, ended: Manifest | None, kind: str = "Failed") -> None:
    """Let the migration have ended with a last word, or run where that is None."""
    job = view.get(current(root, view))
    assert job
    state: Manifest = {"running": {}}
    if ended is not None:
        told = {"type": kind, "status": "True", "lastTransitionTime": LONG_AGO}
        job["status"] = {"conditions": [told]}
        state = {"terminated": {"finishedAt": LONG_AGO, "message": json.dumps(ended)}}
    view.lists[pods_of(job)] = [{"status": {"containerStatuses": [{"state": state}]}}]


def test_shop_and_operator_know_the_same_words() -> None:
    words = {obstacle.value for obstacle in Obstacle}
    assert set(OBSTACLES) == words
    assert set(SENTENCES) == words


@pytest.mark.parametrize(
    ("words", "reason", "sentence"),
    [
        (
            "database unreachable",
            DATABASE_UNREACHABLE,
            "db:3306 does not answer the shop's pods; see that the server runs",
        ),
        (
            "database access denied",
            DATABASE_ACCESS_DENIED,
            "right to schema bookstore; correct user and password in Secret books/login",
        ),
        (
            "database schema unknown",
            DATABASE_SCHEMA_UNKNOWN,
            "db:3306 has no schema bookstore; make it on the server, or correct spec.database.ex",
        ),
        (
            "database read-only",
            DATABASE_READ_ONLY,
            "db:3306 takes no writes; name the server that takes writes in spec.database.external",
        ),
        (
            "database certificate of another name",
            DATABASE_TLS_FAILED,
            "does not name db; set spec.database.external.host to a name that it has",
        ),
        (
            "database certificate untrusted",
            DATABASE_TLS_FAILED,
            "into spec.database.external.tls.caSecretRef",
        ),
    ],
)
def test_each_obstacle_has_its_reason_and_its_fix(
    words: str, reason: Reason, sentence: str
) -> None:
    verdict = said(*serving(), words)
    assert (verdict.reason, verdict.holds) == (reason, False)
    assert sentence in verdict.message


@pytest.mark.parametrize("words", OBSTACLES)
def test_every_obstacle_has_a_sentence(words: str) -> None:
    ca = {"mode": "VerifyIdentity", "caSecretRef": {"name": "ca"}}
    external = {"host": "db", "credentialsSecretRef": {"name": "login"}, "tls": ca}
    verdict = said(*serving(database={"external": external}), words)
    assert verdict.reason == OBSTACLES[words]
    assert "{" not in verdict.message
    assert "; " in verdict.message


def test_an_untrusted_certificate_names_the_bundle_to_correct() -> None:
    ca = {"mode": "VerifyIdentity", "caSecretRef": {"name": "ca", "key": "bundle.pem"}}
    external = {"host": "db", "credentialsSecretRef": {"name": "login"}, "tls": ca}
    verdict = said(*serving(database={"external": external}), "database certificate untrusted")
    assert 'into key "bundle.pem" of Secret books/ca' in verdict.message


def test_nothing_is_told_before_a_pod_said_so() -> None:
    root, view = serving()
    assert web_pods(root) in ExternalDatabase().queries(root, view)
    view.lists[web_pods(root)] = [UNREADY, {"metadata": {}, "status": {}}]
    assert ExternalDatabase().questions(root, view) == [Readiness("10.0.0.7")]
    assert judged(root, view).ready


def test_pods_that_are_ready_or_on_their_way_out_are_not_asked() -> None:
    root, view = serving(available=1)
    gone = {"metadata": {"deletionTimestamp": LONG_AGO}, "status": {"podIP": "10.0.0.9"}}
    view.lists[web_pods(root)] = [READY, gone, UNREADY]
    assert ExternalDatabase().questions(root, view) == [Readiness("10.0.0.7")]


def test_new_pods_that_a_rotated_password_keeps_out_tell_while_old_ones_serve() -> None:
    verdict = said(*serving(available=2), "database access denied", READY, UNREADY)
    assert verdict.reason == DATABASE_ACCESS_DENIED


def test_a_store_whose_pods_are_all_ready_asks_nothing() -> None:
    conditions = (condition(SCHEMA_MIGRATED, "True"), condition(WEB_READY, "True"))
    root, view = staged(*conditions, available=2)
    migrating(root, view, {}, "Complete")
    assert ExternalDatabase().queries(root, view) == []
    assert judged(root, view).ready


def test_the_more_telling_word_wins() -> None:
    root, view = serving()
    view.lists[web_pods(root)] = [UNREADY, {"metadata": {}, "status": {"podIP": "10.0.0.9"}}]
    view.facts = {
        Readiness("10.0.0.7"): "database unreachable",
        Readiness("10.0.0.9"): "database read-only",
    }
    assert judged(root, view).reason == DATABASE_READ_ONLY


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        ({"error": "DatabaseUnreachable"}, DATABASE_UNREACHABLE),
        ({"error": "DatabaseRefused"}, DATABASE_ACCESS_DENIED),
        (
            {"error": "DatabaseRefused", "obstacle": "database schema unknown"},
            DATABASE_SCHEMA_UNKNOWN,
        ),
    ],
)
def test_before_there_are_pods_the_migration_tells(ended: Manifest, reason: Reason) -> None:
    root, view = staged(condition(SCHEMA_MIGRATED, "False"))
    migrating(root, view, ended)
    assert judged(root, view).reason == reason


def test_a_migration_that_failed_by_itself_tells_nothing_of_the_database() -> None:
    root, view = staged(condition(SCHEMA_MIGRATED, "False"))
    migrating(root, view, {"error": "MigrationFailed"})
    assert judged(root, view).ready


DENIED = condition(DATABASE_READY, "False", str(DATABASE_ACCESS_DENIED), "It is so.")


def test_what_was_told_stands_while_the_migration_is_tried_again() -> None:
    root, view = staged(condition(SCHEMA_MIGRATED, "False"), DENIED)
    migrating(root, view, None)
    verdict = judged(root, view)
    assert (verdict.reason, verdict.message) == (DATABASE_ACCESS_DENIED, "It is so.")


def test_what_was_told_stands_after_a_restart_until_a_pod_answers() -> None:
    root, view = serving(DENIED)
    view.lists[web_pods(root)] = [UNREADY]
    migrating(root, view, {}, "Complete")
    assert judged(root, view).reason == DATABASE_ACCESS_DENIED
    assert said(root, view, "schema too old").ready


def test_what_was_told_ends_when_the_migration_succeeds() -> None:
    root, view = staged(condition(SCHEMA_MIGRATED, "False"), DENIED)
    migrating(root, view, {"schemaRevision": "1"}, "Complete")
    assert judged(root, view).ready


def test_what_was_told_ends_when_pods_are_ready_again() -> None:
    root, view = serving(DENIED, available=1)
    migrating(root, view, {}, "Complete")
    assert judged(root, view).ready


def test_what_was_told_of_another_spec_is_forgotten() -> None:
    root, view = staged(condition(SCHEMA_MIGRATED, "False"), DENIED | {"observedGeneration": 0})
    migrating(root, view, None)
    assert judged(root, view).ready


def test_without_pods_that_are_wanted_the_migration_alone_tells() -> None:
    conditions = (condition(SCHEMA_MIGRATED, "True"), condition(WEB_READY, "False"), DENIED)
    root, view = staged(*conditions, replicas=0)
    migrating(root, view, {}, "Complete")
    assert ExternalDatabase().queries(root, view) == []
    assert judged(root, view).ready
