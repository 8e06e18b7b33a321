"""How verdicts become conditions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bookstore_operator.api.conditions import API_ERROR, FORBIDDEN, INVALID, Condition
from bookstore_operator.components.backup import BACKED_UP, BACKUP_FAILED
from bookstore_operator.components.migration import MIGRATION_FAILED, WAITING_FOR_MIGRATION
from bookstore_operator.components.pods import PODS_NOT_READY
from bookstore_operator.components.shop import SCHEMA_MIGRATED as SCHEMA
from bookstore_operator.components.shop import WEB_READY as WEB
from bookstore_operator.components.web import ROLLOUT_IN_PROGRESS
from bookstore_operator.engine.conditions import (
    Verdicts,
    conditions,
    paused,
    refused,
    terminating,
)
from bookstore_operator.engine.verdict import aside, failed, ready, unknown, waiting
from bookstore_operator.store import Store
from tests.unit.operator.staging import NOW, store

GOOD = {SCHEMA: ready("Migrated."), WEB: ready("Serving.")}
SERVES = ready("The shop serves.")


def by_type(told: list[Condition]) -> dict[str, tuple[str, str]]:
    return {condition.type: (condition.status, condition.reason) for condition in told}


def after(before: Store, verdicts: Verdicts) -> Store:
    return replace(before, conditions=tuple(conditions(before, verdicts, SERVES, NOW)))


def test_a_store_whose_parts_are_all_well_is_ready() -> None:
    assert by_type(conditions(store(), GOOD, SERVES, NOW)) == {
        "Ready": ("True", "Reconciled"),
        "Available": ("True", "Reconciled"),
        "Progressing": ("False", "Reconciled"),
        "Degraded": ("False", "Reconciled"),
        "SchemaMigrated": ("True", "Reconciled"),
        "WebReady": ("True", "Reconciled"),
    }


def test_a_root_that_is_settled_says_so() -> None:
    told = {one.type: one.message for one in conditions(store(), GOOD, SERVES, NOW)}
    assert told["Ready"] == "The shop serves as the spec wants it."
    assert told["Progressing"] == "Nothing is left to do."
    assert told["Degraded"] == "Nothing stands in the way."
    serves_nobody = {one.type: one.message for one in conditions(store(), GOOD, None, NOW)}
    assert serves_nobody["Ready"] == "What the spec wants is done."


def test_work_under_way_is_progress_and_no_trouble() -> None:
    verdicts = GOOD | {WEB: waiting(ROLLOUT_IN_PROGRESS, "Rolling.")}
    told = by_type(conditions(store(), verdicts, SERVES, NOW))
    assert told["Ready"] == ("False", "RolloutInProgress")
    assert told["Progressing"] == ("True", "RolloutInProgress")
    assert told["Degraded"] == ("False", "Reconciled")


def test_a_part_aside_that_failed_is_trouble_also_while_a_rollout_is_under_way() -> None:
    rolling = waiting(ROLLOUT_IN_PROGRESS, "Rolling.")
    no_room = aside(failed(BACKUP_FAILED, "There is no room."))
    told = by_type(conditions(store(), GOOD | {BACKED_UP: no_room, WEB: rolling}, SERVES, NOW))
    assert told["Ready"] == ("False", "RolloutInProgress")
    assert told["Progressing"] == ("True", "RolloutInProgress")
    assert told["Degraded"] == ("True", "BackupFailed")
    stuck = failed(PODS_NOT_READY, "No.")
    told = by_type(conditions(store(), GOOD | {BACKED_UP: no_room, WEB: stuck}, SERVES, NOW))
    assert told["Degraded"] == ("True", "PodsNotReady"), "what keeps it from serving goes first"


def test_a_failure_explains_the_parts_that_wait_for_it() -> None:
    verdicts = {
        SCHEMA: failed(MIGRATION_FAILED, "broken"),
        WEB: waiting(WAITING_FOR_MIGRATION, "Later."),
    }
    told = by_type(conditions(store(), verdicts, SERVES, NOW))
    assert told["Ready"] == ("False", "MigrationFailed")
    assert told["Progressing"] == ("False", "MigrationFailed")
    assert told["Degraded"] == ("True", "MigrationFailed")
    assert told["WebReady"] == ("False", "WaitingForMigration")


def test_a_failing_api_server_degrades_but_does_not_flip_ready() -> None:
    before = after(store(), GOOD)
    verdicts = GOOD | {WEB: unknown(API_ERROR, "no answer")}
    told = by_type(conditions(before, verdicts, SERVES, NOW))
    assert told["Ready"] == ("True", "Reconciled")
    assert told["WebReady"] == ("True", "Reconciled")
    assert told["Degraded"] == ("True", "ApiError")


def test_the_transition_time_changes_with_the_status_alone() -> None:
    before = after(store(), GOOD)
    later = NOW + timedelta(hours=1)
    same = conditions(before, GOOD | {WEB: ready("Other words.")}, SERVES, later)
    assert {c.last_transition_time for c in same} == {"2026-01-01T12:00:00Z"}
    worse = conditions(before, GOOD | {WEB: failed(PODS_NOT_READY, "no")}, SERVES, later)
    changed = {c.type for c in worse if c.last_transition_time == "2026-01-01T13:00:00Z"}
    assert changed == {"Ready", "Degraded", "WebReady"}


def test_the_same_verdicts_are_the_same_conditions() -> None:
    before = after(store(), GOOD)
    later = conditions(before, GOOD, SERVES, NOW + timedelta(hours=1))
    assert tuple(later) == before.conditions


def test_a_shop_that_serves_is_available_though_a_part_is_not_ready() -> None:
    verdicts = GOOD | {WEB: failed(PODS_NOT_READY, "no")}
    told = by_type(conditions(store(), verdicts, SERVES, NOW))
    assert told["Available"] == ("True", "Reconciled")
    assert told["Ready"] == ("False", "PodsNotReady")
    down = waiting(PODS_NOT_READY, "No pod is ready.")
    assert by_type(conditions(store(), GOOD, down, NOW))["Available"] == ("False", "PodsNotReady")
    assert "Available" not in by_type(conditions(store(), GOOD, None, NOW))


def test_a_pause_keeps_what_was_told() -> None:
    told = by_type(paused(after(store(), GOOD), NOW))
    assert told["Ready"] == ("True", "Paused")
    assert told["Progressing"] == ("False", "Paused")
    assert told["WebReady"] == ("True", "Reconciled")
    assert by_type(paused(store(), NOW))["Ready"] == ("Unknown", "Paused")


def test_what_could_not_be_judged_before_it_ever_was_is_unknown() -> None:
    verdicts = GOOD | {WEB: unknown(API_ERROR, "no answer")}
    told = by_type(conditions(store(), verdicts, None, NOW))
    assert told["WebReady"] == ("Unknown", "ApiError")
    assert told["Ready"] == ("False", "ApiError")


def test_a_store_that_is_being_deleted_says_what_it_waits_for() -> None:
    told = terminating(after(store(), GOOD), "It waits for Secret books/shop-secret to go.", NOW)
    assert by_type(told)["Ready"] == ("False", "Terminating")
    assert by_type(told)["Progressing"] == ("True", "Terminating")
    assert by_type(told)["WebReady"] == ("True", "Reconciled")
    assert told[0].message == "It waits for Secret books/shop-secret to go."


def test_a_store_whose_deletion_is_held_up_is_degraded_by_what_holds_it() -> None:
    told = by_type(terminating(after(store(), GOOD), "No right to delete.", NOW, FORBIDDEN))
    assert told["Ready"] == ("False", "Terminating")
    assert told["Progressing"] == ("False", "Terminating")
    assert told["Degraded"] == ("True", "Forbidden")


def test_a_refused_spec_keeps_what_is_known_of_the_parts() -> None:
    before = after(store(), GOOD)
    hour = timedelta(hours=1)
    first = replace(
        before,
        generation=2,
        conditions=tuple(
            refused(replace(before, generation=2), INVALID, "spec.image: missing", NOW + hour)
        ),
    )
    third = replace(first, generation=3)
    later = refused(third, INVALID, "spec.port: missing", NOW + 2 * hour)
    told = {condition.type: condition for condition in later}
    assert set(told) == {condition.type for condition in before.conditions}
    assert told["WebReady"] in before.conditions
    assert (told["Ready"].status, told["Degraded"].status) == ("False", "True")
    assert {told[t].message for t in ("Ready", "Degraded")} == {"spec.port: missing"}
    since = {told[t].last_transition_time for t in ("Ready", "Degraded")}
    assert since == {"2026-01-01T13:00:00Z"}, "another message is no transition"
    again = replace(third, conditions=tuple(later))
    assert refused(again, INVALID, "spec.port: missing", NOW) == later
