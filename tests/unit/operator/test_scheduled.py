"""What backups and rehearsals have in common: the CronJob, its clock, and what is told of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bookstore_operator.components.backup import (
    BACKUP_FAILED,
    BACKUP_OVERDUE,
    BACKUP_RUNNING,
    BACKUP_SUSPENDED,
    NEVER_BACKED_UP,
    Backup,
)
from bookstore_operator.components.drill import (
    DRILL_FAILED,
    DRILL_OVERDUE,
    DRILL_RUNNING,
    NEVER_DRILLED,
    Drill,
)
from bookstore_operator.components.jobs import pods_of
from bookstore_operator.components.pods import IMAGE_PULL_FAILED
from bookstore_operator.components.scheduled import ScheduledComponent
from bookstore_operator.engine.conditions import timestamp
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import NOW, play, put, seen, store
from tests.unit.operator.test_backup import TOLD, job, left, live_of, told
from tests.unit.operator.test_drill import drill_job

EACH = pytest.mark.parametrize("part", [Backup(), Drill()], ids=["backup", "drill"])


def nightly(*, status: Manifest | None = None, schedule: str = "17 3 * * *", **more: Any) -> Store:
    """Return a store that is backed up at night, and rehearses a restore at that same time."""
    backup = {"schedule": schedule, "drill": {"schedule": schedule}} | more
    return store(status=status, backup=backup)


def staged(root: Store, *jobs: Manifest, made: float | None = None) -> View:
    """Return what a pass sees, the CronJobs made that many hours ago."""
    view = seen(root)
    play(root, view)
    for live in view.objects.values():
        if live and live["kind"] == "CronJob" and made is not None:
            live["metadata"]["creationTimestamp"] = hours_ago(made)
    for one in jobs:
        put(view, one)
    return view


def hours_ago(hours: float) -> str:
    return timestamp(NOW - timedelta(hours=hours))


def ran(part: ScheduledComponent, hours: float, ended: str = "", name: str = "1") -> Manifest:
    make = drill_job if isinstance(part, Drill) else job
    return make(f"shop-{what(part)}-{name}", hours, ended)


def what(part: ScheduledComponent) -> str:
    return "drill" if isinstance(part, Drill) else "backup"


def field(part: ScheduledComponent) -> str:
    return "spec.backup.drill" if isinstance(part, Drill) else "spec.backup"


def last(part: ScheduledComponent, hours: float, name: str = "1") -> Manifest:
    """Return the status that tells of one that went well that long ago."""
    key = "lastDrill" if isinstance(part, Drill) else "lastBackup"
    return {key: {"job": f"shop-{what(part)}-{name}", "time": hours_ago(hours)}}


def said(part: ScheduledComponent, root: Store, view: View) -> tuple[State, str, str]:
    verdict = part.judge(root, view)
    assert verdict.aside, "a store serves without"
    return verdict.state, verdict.reason, verdict.message


@EACH
def test_the_cron_job_runs_one_at_a_time_and_late_rather_than_never(
    part: ScheduledComponent,
) -> None:
    root = nightly(timeZone="Europe/Madrid")
    (cron,) = part.children(root, staged(root))
    template = cron["spec"].pop("jobTemplate")
    assert cron["spec"] == {
        "schedule": "17 3 * * *",
        "timeZone": "Europe/Madrid",
        "suspend": False,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 3600,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 3,
    }
    assert template["metadata"]["labels"] == root.labels(what(part))
    assert cron["metadata"]["labels"] == root.labels(what(part))
    (plain,) = part.children(nightly(), staged(nightly()))
    assert "timeZone" not in plain["spec"], "the cluster's own"


@EACH
def test_there_is_no_cron_job_before_there_are_pods_whose_settings_it_can_have(
    part: ScheduledComponent,
) -> None:
    root = nightly()
    assert part.children(root, seen(root)) == []


@EACH
def test_what_is_told_before_the_first_one_and_while_it_is_made(part: ScheduledComponent) -> None:
    root = nightly()
    never = NEVER_DRILLED if isinstance(part, Drill) else NEVER_BACKED_UP
    running = DRILL_RUNNING if isinstance(part, Drill) else BACKUP_RUNNING
    assert said(part, root, staged(root)) == (
        State.WAITING,
        never,
        f"No {what(part)} was made yet; the first comes by schedule.",
    )
    assert said(part, root, staged(root, ran(part, 0))) == (
        State.WAITING,
        running,
        f"The first {what(part)} is being made.",
    )


@EACH
def test_nothing_is_due_before_there_is_a_cron_job(part: ScheduledComponent) -> None:
    root = nightly()
    assert said(part, root, seen(root))[0] is State.WAITING


@EACH
def test_what_keeps_the_first_one_from_being_made_is_told_with_its_field(
    part: ScheduledComponent,
) -> None:
    root, first = nightly(), ran(part, 0)
    view = staged(root, first)
    told(view, first, {"waiting": {"reason": "ImagePullBackOff"}})
    _, reason, message = said(part, root, view)
    assert reason == IMAGE_PULL_FAILED
    assert message.startswith("image bookstore/app:1 cannot be pulled; correct spec.image, ")


@EACH
def test_what_is_told_once_one_went_well(part: ScheduledComponent) -> None:
    root = nightly()
    done = "done" if isinstance(part, Drill) else "whole"
    fine = (State.READY, "Reconciled", f"The last {what(part)} that was due is {done}.")
    assert said(part, root, staged(root, ran(part, 5, "Complete"))) == fine
    later = nightly(status=last(part, 5))
    assert said(part, later, staged(later)) == fine, "also when its Job is gone"


@EACH
def test_what_is_told_while_none_is_made_by_wish(part: ScheduledComponent) -> None:
    root = nightly(suspend=True)
    assert said(part, root, staged(root)) == (
        State.WAITING,
        BACKUP_SUSPENDED,
        "spec.backup.suspend is true; set it to false to go on.",
    )


@EACH
def test_a_failure_is_told_with_its_job_its_cause_and_what_comes(part: ScheduledComponent) -> None:
    root, bad = nightly(), ran(part, 1, "Failed")
    view = staged(root, bad)
    left(view, bad, error="Failed", message="There is no room.")
    state, reason, message = said(part, root, view)
    assert state is State.FAILED
    assert reason == (DRILL_FAILED if isinstance(part, Drill) else BACKUP_FAILED)
    job_made = f"Job books/shop-{what(part)}-1 made no {what(part)}"
    assert message == f"{job_made}: There is no room; the next is made by schedule"


@EACH
def test_a_failure_is_told_though_none_is_made_for_a_while(part: ScheduledComponent) -> None:
    root = nightly(suspend=True)
    assert said(part, root, staged(root, ran(part, 1, "Failed")))[0] is State.FAILED


@EACH
@pytest.mark.parametrize(
    ("hours", "overdue"),
    [(32, False), (33, True)],
    ids=["after 3:17 of yesterday", "before it"],
)
def test_two_times_gone_by_are_told_whether_a_job_the_status_or_the_cron_job_tells_since_when(
    part: ScheduledComponent, hours: float, *, overdue: bool
) -> None:
    by_job = nightly()
    by_status = nightly(status=last(part, hours))
    for root, view in (
        (by_job, staged(by_job, ran(part, hours, "Complete"))),
        (by_status, staged(by_status)),
        (by_job, staged(by_job, made=hours)),
    ):
        state, reason, message = said(part, root, view)
        late = DRILL_OVERDUE if isinstance(part, Drill) else BACKUP_OVERDUE
        assert (state is State.FAILED, reason == late) == (overdue, overdue)
        if overdue:
            done = "done" if isinstance(part, Drill) else "whole"
            assert message == (
                f"two were due by {field(part)}.schedule and no {what(part)} is {done}; see "
                f"kubectl describe cronjob -n books shop-{what(part)}"
            )


@EACH
@pytest.mark.parametrize(
    ("now_past_midnight", "overdue"), [("04:59:59", False), ("05:00:00", True)]
)
def test_a_second_one_is_missed_when_it_cannot_be_whole_any_more(
    part: ScheduledComponent, now_past_midnight: str, *, overdue: bool
) -> None:
    root = nightly(schedule="0 0 * * *", status=last(part, 13))
    view = staged(root)
    view.now = datetime.fromisoformat(f"2026-01-02T{now_past_midnight}+00:00")
    assert (said(part, root, view)[0] is State.FAILED) == overdue


@EACH
def test_the_times_are_those_of_the_wanted_zone(part: ScheduledComponent) -> None:
    # 18 o'clock in Auckland is 5 o'clock in the time of the cluster.
    status = last(part, 32)
    utc = nightly(schedule="0 18 * * *", status=status)
    there = nightly(schedule="0 18 * * *", status=status, timeZone="Pacific/Auckland")
    assert said(part, utc, staged(utc))[0] is State.READY
    assert said(part, there, staged(there))[0] is State.FAILED


@EACH
def test_a_schedule_that_names_no_day_is_told_with_its_field(part: ScheduledComponent) -> None:
    root = nightly(schedule="0 0 31 2 *", status=last(part, 1))
    assert said(part, root, staged(root))[2] == (
        f'{field(part)}.schedule "0 0 31 2 *" names no day; correct it'
    )


@EACH
def test_only_pods_that_have_something_to_tell_are_asked_for(part: ScheduledComponent) -> None:
    good, bad, running = (
        ran(part, 30, "Complete", "1"),
        ran(part, 6, "Failed", "2"),
        ran(part, 0, "", "3"),
    )
    root = nightly()
    view = staged(root, good, bad, running)
    assert set(part.queries(root, view)) == {
        pods_of(live_of(view, one)) for one in (good, bad, running)
    }
    known = nightly(status=last(part, 30))
    again = staged(known, good, bad, running)
    assert set(part.queries(known, again)) == {
        pods_of(live_of(again, bad)),
        pods_of(live_of(again, running)),
    }


@EACH
def test_what_the_status_tells_is_not_told_anew(part: ScheduledComponent) -> None:
    done = ran(part, 5, "Complete")
    root = nightly(status=last(part, 5))
    view = staged(root, done)
    left(view, done, **TOLD)
    assert part.status(root, view) == last(part, 5)


@EACH
def test_the_newest_that_went_well_is_the_one_that_is_told(part: ScheduledComponent) -> None:
    older, newer = ran(part, 30, "Complete", "1"), ran(part, 6, "Complete", "2")
    root = nightly()
    view = staged(root, older, newer)
    left(view, newer, **TOLD)
    (newest,) = part.status(root, view).values()
    assert newest["job"] == f"shop-{what(part)}-2"
