"""Rehearsed restores: what the CronJob runs, and what the store tells of them."""

from __future__ import annotations

from bookstore_operator.components.backup import Backup
from bookstore_operator.components.drill import DRILL_FAILED, NEVER_DRILLED, Drill
from bookstore_operator.engine.verdict import State
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import COMPONENT_LABEL, Store
from tests.unit.operator.staging import store
from tests.unit.operator.test_backup import TOLD, job, left, staged


def drilled(*, suspend: bool = False) -> Store:
    drill = {"schedule": "0 5 * * 0"}
    return store(backup={"schedule": "17 3 * * *", "suspend": suspend, "drill": drill})


def drill_job(name: str, hours_ago: float, ended: str = "") -> Manifest:
    made = job(name, hours_ago, ended)
    made["metadata"]["labels"] |= {COMPONENT_LABEL: "drill"}
    return made


def test_a_store_without_drills_has_none() -> None:
    assert not Drill().active(store(backup={"schedule": "@daily"}))
    assert not Drill().active(store())


def test_the_job_runs_the_shops_drill_where_backups_may_go() -> None:
    root = drilled()
    (cron,) = Drill().children(root, staged(root))
    template = cron["spec"]["jobTemplate"]["spec"]["template"]
    assert template["spec"]["containers"][0]["args"] == ["drill"]
    assert template["metadata"]["labels"][COMPONENT_LABEL] == "backup", "for its network policy"
    assert cron["metadata"]["name"] == "shop-drill"
    assert cron["spec"]["schedule"] == "0 5 * * 0"


def test_a_drill_that_went_well_is_told_and_is_no_backup() -> None:
    root, done = drilled(), drill_job("shop-drill-1", 5, "Complete")
    view = staged(root, done)
    left(view, done, **TOLD)
    assert Drill().judge(root, view).ready
    assert Drill().status(root, view)["lastDrill"] == {
        "job": "shop-drill-1",
        "backup": TOLD["backup"],
        "time": "2026-01-01T07:00:00Z",
        "rows": 12,
        "uploads": 3,
    }
    assert Backup().status(root, view) == {}


def test_a_drill_that_failed_degrades_the_store_with_the_shops_sentence() -> None:
    root, bad = drilled(), drill_job("shop-drill-1", 5, "Failed")
    view = staged(root, bad)
    left(view, bad, error="BackupDamaged", message="The backup is damaged.")
    verdict = Drill().judge(root, view)
    assert (verdict.state, verdict.reason, verdict.aside) == (State.FAILED, DRILL_FAILED, True)
    assert "made no drill: The backup is damaged;" in verdict.message


def test_before_the_first_drill_nothing_is_wrong() -> None:
    root = drilled()
    verdict = Drill().judge(root, staged(root))
    assert (verdict.state, verdict.reason) == (State.WAITING, NEVER_DRILLED)
