"""Scheduled backups: what the CronJob runs, and what the store tells of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from bookstore_operator.components.backup import (
    BACKUP_FAILED,
    BACKUP_OVERDUE,
    BACKUP_RUNNING,
    BACKUP_SUSPENDED,
    NEVER_BACKED_UP,
    Backup,
    BackupStatus,
)
from bookstore_operator.components.jobs import pods_of
from bookstore_operator.components.pods import IMAGE_PULL_FAILED
from bookstore_operator.engine.conditions import conditions, timestamp
from bookstore_operator.engine.errors import ConflictError
from bookstore_operator.engine.verdict import State, Verdict, aside, failed, ready, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import NOW, play, put, seen, store

TOLD = {
    "backup": "20260101-031700-000000",
    "bytes": 4096,
    "rows": 12,
    "uploads": 3,
    "checksum": "0a" * 32,
}


def nightly(*, status: Manifest | None = None, **backup: Any) -> Store:
    return store(status=status, backup={"schedule": "17 3 * * *"} | backup)


def staged(root: Store, *jobs: Manifest) -> View:
    """Return what a pass sees of a store whose parts are all there, with Jobs of its CronJob."""
    view = seen(root)
    play(root, view)
    for job in jobs:
        put(view, job)
    return view


def job(name: str, hours_ago: float, ended: str = "", message: str = "") -> Manifest:
    """Return a Job of the CronJob: running, Complete or Failed."""
    moment = timestamp(NOW - timedelta(hours=hours_ago))
    condition = {"type": ended, "status": "True", "lastTransitionTime": moment, "message": message}
    status = {"conditions": [condition], "completionTime": moment} if ended else {}
    labels = {
        "app.kubernetes.io/managed-by": "bookstore-operator",
        "app.kubernetes.io/instance": "shop",
        "app.kubernetes.io/component": "backup",
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": "books",
            "labels": labels,
            "creationTimestamp": moment,
            "ownerReferences": [
                {"kind": "CronJob", "apiVersion": "batch/v1", "uid": "cron", "controller": True}
            ],
        },
        "status": status,
    }


def left(view: View, of: Manifest, **word: Any) -> None:
    """Let the pod of a Job leave its last word."""
    state = {"terminated": {"finishedAt": "2026-01-01T03:18:00Z", "message": json.dumps(word)}}
    told(view, of, state)


def told(view: View, of: Manifest, state: Manifest) -> None:
    (live,) = [one for one in view.objects.values() if one and one["metadata"]["name"] == name(of)]
    statuses = [{"name": "shop", "image": "bookstore/app:1", "state": state}]
    view.lists[pods_of(live)] = [
        {
            "metadata": {"namespace": "books"},
            "spec": {"containers": [{"name": "shop", "image": "bookstore/app:1"}]},
            "status": {"containerStatuses": statuses},
        }
    ]


def name(of: Manifest) -> str:
    return str(of["metadata"]["name"])


def judged(root: Store, view: View) -> tuple[State, str]:
    verdict = Backup().judge(root, view)
    assert verdict.aside, "a store serves without a backup"
    assert not verdict.holds
    return verdict.state, verdict.reason


def test_the_job_runs_the_shops_own_command_with_all_that_its_pods_have() -> None:
    root = nightly(keep=3)
    view = staged(root)
    (cron,) = Backup().children(root, view)
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    shop = (view.get(root.web) or {})["spec"]["template"]["spec"]
    (container,), (served,) = pod["containers"], shop["containers"]
    assert container["args"] == ["backup", "--keep", "3"]
    for what in ("image", "envFrom", "volumeMounts", "resources", "securityContext"):
        assert container[what] == served[what]
    assert pod["volumes"] == shop["volumes"]
    assert not {"readinessProbe", "livenessProbe", "startupProbe", "lifecycle", "ports"} & set(
        container
    )
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    assert "topologySpreadConstraints" not in pod


def test_a_store_without_backups_has_no_job_and_no_such_condition() -> None:
    assert not Backup().active(store())


def test_before_the_first_time_nothing_was_backed_up() -> None:
    root = nightly()
    assert judged(root, staged(root)) == (State.WAITING, NEVER_BACKED_UP)


def test_the_first_backup_is_told_while_it_is_made_and_what_keeps_it_from_that() -> None:
    root, running = nightly(), job("shop-backup-1", 0)
    view = staged(root, running)
    assert judged(root, view) == (State.WAITING, BACKUP_RUNNING)
    told(view, running, {"waiting": {"reason": "ImagePullBackOff"}})
    assert judged(root, view) == (State.FAILED, IMAGE_PULL_FAILED)


def test_a_whole_backup_is_told_with_its_name_and_checksum() -> None:
    root, done = nightly(), job("shop-backup-1", 5, "Complete")
    view = staged(root, done)
    assert Backup().queries(root, view) == [pods_of(live_of(view, done))]
    left(view, done, **TOLD)
    assert judged(root, view) == (State.READY, "Reconciled")
    assert Backup().status(root, view) == {
        "lastBackup": {
            "job": "shop-backup-1",
            "name": "20260101-031700-000000",
            "time": "2026-01-01T07:00:00Z",
            "bytes": 4096,
            "rows": 12,
            "uploads": 3,
            "checksum": "0a" * 32,
        }
    }


def live_of(view: View, of: Manifest) -> Manifest:
    return next(one for one in view.objects.values() if one and one["metadata"]["name"] == name(of))


def test_what_was_told_is_asked_no_more_and_stays_when_its_job_is_gone() -> None:
    done = job("shop-backup-1", 5, "Complete")
    first = nightly()
    view = staged(first, done)
    left(view, done, **TOLD)
    status = Backup().status(first, view)
    root = nightly(status=status)
    again = staged(root, done)
    assert Backup().queries(root, again) == []
    assert Backup().status(root, again) == status
    gone = staged(root)
    assert Backup().status(root, gone) == status
    assert judged(root, gone) == (State.READY, "Reconciled")


def test_a_failed_backup_tells_the_shops_own_sentence_until_one_is_whole() -> None:
    good, bad = job("shop-backup-1", 30, "Complete"), job("shop-backup-2", 6, "Failed", "limit")
    root = nightly()
    view = staged(root, good, bad, job("shop-backup-3", 0))
    left(view, bad, error="BackupFailed", message="There is no room for a backup.")
    assert judged(root, view) == (State.FAILED, BACKUP_FAILED)
    message = Backup().judge(root, view).message
    assert "books/shop-backup-2 made no backup: There is no room for a backup;" in message
    whole = staged(root, good, bad, job("shop-backup-3", 0, "Complete"))
    assert judged(root, whole) == (State.READY, "Reconciled")


def test_a_job_that_left_no_word_is_told_by_its_condition() -> None:
    root, bad = nightly(), job("shop-backup-1", 1, "Failed", "Job was active longer than allowed.")
    assert "active longer than allowed;" in Backup().judge(root, staged(root, bad)).message


@pytest.mark.parametrize(("hours", "late"), [(8, False), (32, False), (57, True)])
def test_two_times_without_a_whole_backup_are_told(hours: float, *, late: bool) -> None:
    root = nightly()
    found = judged(root, staged(root, job("shop-backup-1", hours, "Complete")))
    assert found == ((State.FAILED, BACKUP_OVERDUE) if late else (State.READY, "Reconciled"))


def test_a_schedule_that_never_comes_is_told() -> None:
    root = store(
        backup={"schedule": "0 0 31 2 *"},
        status={"lastBackup": {"job": "by-hand", "time": timestamp(NOW)}},
    )
    assert judged(root, staged(root)) == (State.FAILED, BACKUP_OVERDUE)
    assert 'spec.backup.schedule "0 0 31 2 *"' in Backup().judge(root, staged(root)).message


def test_suspended_backups_are_neither_made_nor_missed() -> None:
    root = nightly(suspend=True)
    view = staged(root, job("shop-backup-1", 900, "Complete"))
    assert judged(root, view) == (State.WAITING, BACKUP_SUSPENDED)
    (cron,) = Backup().children(root, view)
    assert cron["spec"]["suspend"] is True


def verdict_of(backup: Verdict, web: Verdict) -> dict[str, tuple[str, str]]:
    root = nightly()
    found = conditions(root, {Backup.condition: backup, "WebReady": web}, None, NOW)  # type: ignore[dict-item]
    return {one.type: (one.status, one.reason) for one in found}


def test_a_failed_backup_degrades_a_store_that_stays_ready() -> None:
    told = verdict_of(aside(failed(BACKUP_FAILED, "no room")), ready("fine"))
    assert told["Ready"] == ("True", "Reconciled")
    assert told["Degraded"] == ("True", BACKUP_FAILED)
    assert told["BackedUp"] == ("False", BACKUP_FAILED)


def test_a_persons_own_job_of_that_name_degrades_a_store_that_stays_ready() -> None:
    root = nightly()
    taken = Backup().refused(root, seen(root), ConflictError("CronJob shop-backup is there"))
    told = verdict_of(taken, ready("fine"))
    assert told["Ready"] == ("True", "Reconciled")
    assert told["Degraded"] == ("True", "Conflict")
    assert told["BackedUp"] == ("False", "Conflict")
    assert taken.again, "nothing tells that it is gone"


def test_a_store_that_was_never_backed_up_is_ready_and_at_rest() -> None:
    told = verdict_of(aside(waiting(NEVER_BACKED_UP, "not yet")), ready("fine"))
    assert told["Ready"] == ("True", "Reconciled")
    assert told["Progressing"] == ("False", "Reconciled")
    assert told["Degraded"] == ("False", "Reconciled")
    assert told["BackedUp"] == ("False", NEVER_BACKED_UP)


def test_what_keeps_the_shop_from_serving_is_told_before_a_failed_backup() -> None:
    told = verdict_of(
        aside(failed(BACKUP_FAILED, "no room")), failed(IMAGE_PULL_FAILED, "no image")
    )
    assert told["Degraded"] == ("True", IMAGE_PULL_FAILED)
    assert told["Ready"] == ("False", IMAGE_PULL_FAILED)


def test_the_status_of_before_is_read_as_it_was_written() -> None:
    written = {"lastBackup": {"job": "shop-backup-1", "name": "x", "time": "2026-01-01T07:00:00Z"}}
    known = nightly(status=written).recorded(BackupStatus).last_backup
    assert known is not None
    assert known.manifest() == written["lastBackup"]
