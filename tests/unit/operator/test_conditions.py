"""How verdicts become conditions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bookstore_operator.api.status import BookStoreStatus, Condition, ConditionType, Reason
from bookstore_operator.conditions import Verdicts, conditions, paused, refused
from bookstore_operator.status import changes
from bookstore_operator.store import Store
from bookstore_operator.verdict import failed, ready, unknown, waiting
from tests.unit.operator.staging import NOW, store

WEB, SCHEMA = ConditionType.WEB_READY, ConditionType.SCHEMA_MIGRATED
GOOD = {SCHEMA: ready("Migrated."), WEB: ready("Serving.")}


def by_type(told: list[Condition]) -> dict[str, tuple[str, str]]:
    return {condition.type: (condition.status, condition.reason) for condition in told}


def after(before: Store, verdicts: Verdicts) -> Store:
    told = conditions(before, verdicts, NOW)
    return replace(before, status=BookStoreStatus(conditions=told))


def test_a_store_whose_parts_are_all_well_is_ready() -> None:
    assert by_type(conditions(store(), GOOD, NOW)) == {
        "Ready": ("True", "Reconciled"),
        "Progressing": ("False", "Reconciled"),
        "Degraded": ("False", "Reconciled"),
        "SchemaMigrated": ("True", "Reconciled"),
        "WebReady": ("True", "Reconciled"),
    }


def test_work_under_way_is_progress_and_no_trouble() -> None:
    verdicts = GOOD | {WEB: waiting(Reason.ROLLOUT_IN_PROGRESS, "Rolling.")}
    told = by_type(conditions(store(), verdicts, NOW))
    assert told["Ready"] == ("False", "RolloutInProgress")
    assert told["Progressing"] == ("True", "RolloutInProgress")
    assert told["Degraded"] == ("False", "Reconciled")


def test_a_failure_explains_the_parts_that_wait_for_it() -> None:
    verdicts = {
        SCHEMA: failed(Reason.MIGRATION_FAILED, "broken"),
        WEB: waiting(Reason.WAITING_FOR_MIGRATION, "Later."),
    }
    told = by_type(conditions(store(), verdicts, NOW))
    assert told["Ready"] == ("False", "MigrationFailed")
    assert told["Progressing"] == ("False", "MigrationFailed")
    assert told["Degraded"] == ("True", "MigrationFailed")
    assert told["WebReady"] == ("False", "WaitingForMigration")


def test_a_failing_api_server_degrades_but_does_not_flip_ready() -> None:
    before = after(store(), GOOD)
    verdicts = GOOD | {WEB: unknown(Reason.API_ERROR, "no answer")}
    told = by_type(conditions(before, verdicts, NOW))
    assert told["Ready"] == ("True", "Reconciled")
    assert told["WebReady"] == ("True", "Reconciled")
    assert told["Degraded"] == ("True", "ApiError")


def test_the_transition_time_changes_with_the_status_alone() -> None:
    before = after(store(), GOOD)
    later = NOW + timedelta(hours=1)
    same = conditions(before, GOOD | {WEB: ready("Other words.")}, later)
    assert {c.last_transition_time for c in same} == {"2026-01-01T12:00:00Z"}
    worse = conditions(before, GOOD | {WEB: failed(Reason.PODS_NOT_READY, "no")}, later)
    changed = {c.type for c in worse if c.last_transition_time == "2026-01-01T13:00:00Z"}
    assert changed == {"Ready", "Degraded", "WebReady"}


def test_the_same_verdicts_make_no_patch() -> None:
    before = after(store(), GOOD)
    later = conditions(before, GOOD, NOW + timedelta(hours=1))
    assert changes(before.status, BookStoreStatus(conditions=later)) == {}


def test_a_pause_keeps_what_was_told() -> None:
    told = by_type(paused(after(store(), GOOD), NOW))
    assert told["Ready"] == ("True", "Paused")
    assert told["Progressing"] == ("False", "Paused")
    assert told["WebReady"] == ("True", "Reconciled")
    assert by_type(paused(store(), NOW))["Ready"] == ("Unknown", "Paused")


def test_a_field_that_is_gone_is_patched_away() -> None:
    before, later = BookStoreStatus(url="http://192.0.2.1", replicas=1), BookStoreStatus(replicas=2)
    assert changes(before, later) == {"url": None, "replicas": 2}


def test_a_refused_spec_keeps_what_is_known_of_the_parts() -> None:
    running = [c.model_dump(by_alias=True, mode="json") for c in conditions(store(), GOOD, NOW)]
    first = refused(running, Reason.INVALID, "spec.image: missing", 2, NOW + timedelta(hours=1))
    later = refused(first, Reason.INVALID, "spec.port: missing", 3, NOW + timedelta(hours=2))
    told = {c["type"]: c for c in later}
    assert set(told) == {c["type"] for c in running}
    assert told["WebReady"] in running
    assert (told["Ready"]["status"], told["Degraded"]["status"]) == ("False", "True")
    assert {told[t]["message"] for t in ("Ready", "Degraded")} == {"spec.port: missing"}
    since = {told[t]["lastTransitionTime"] for t in ("Ready", "Degraded")}
    assert since == {"2026-01-01T13:00:00Z"}, "another message is no transition"
    assert refused(later, Reason.INVALID, "spec.port: missing", 3, NOW) == later
