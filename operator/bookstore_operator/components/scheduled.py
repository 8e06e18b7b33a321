"""What is done to a store by schedule: its CronJob, and what became of the Jobs of that."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from bookstore_operator.api.conditions import Reason
from bookstore_operator.api.cron import Schedule, zone_of
from bookstore_operator.api.objectstore import S3Bucket
from bookstore_operator.components.bucket import give_bucket, prefix_of
from bookstore_operator.components.jobs import (
    ALL_NIGHT,
    failure,
    image_of,
    is_complete,
    pods_of,
    shop_job,
    why_failed,
)
from bookstore_operator.components.manifests import child
from bookstore_operator.components.pods import explain, termination
from bookstore_operator.components.shop import BACKUP
from bookstore_operator.components.wholeshop import login_of, missing_login, whole_shop
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, aside, failed, ready, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.errors import OperatorError
from bookstore_operator.kube.kinds import CRON_JOB, JOB, POD
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import COMPONENT_LABEL, Store

LATE_START = 3600
"""Seconds after its time until which a Job may begin, as after an outage of the cluster."""

REFUSED_AGAIN = 30.0
"""Seconds after which a CronJob that was refused is tried again; of another's nothing is heard."""


@dataclass(frozen=True)
class Reasons:
    """The reasons that what is done by schedule has."""

    never: Reason
    running: Reason
    suspended: Reason
    failed: Reason
    overdue: Reason


@dataclass(frozen=True)
class Scheduled:
    """One thing that is done to a store by schedule.

    Attributes:
        what: What it is, as in "No backup was made yet".
        done: What is done with it, likewise.
        field: The field of the spec that holds the schedule.
        component: The label of its Jobs.
        cron: The CronJob.
        schedule: When it is done.
        time_zone: The zone of that.
        suspend: Whether it is not done for a while.
        last_job: The Job that did it last, as the status tells.
        last_time: When that was.
        reasons: The reasons of its condition.
        bucket: The bucket that its Jobs have to do with, if they have.
    """

    what: str
    done: str
    field: str
    component: str
    cron: Ref
    schedule: str
    time_zone: str | None
    suspend: bool
    last_job: str | None
    last_time: str | None
    reasons: Reasons
    bucket: S3Bucket | None = None

    def cron_job(self, store: Store, deployment: Manifest, args: Sequence[str]) -> Manifest:
        """Return the CronJob that runs a command of the shop."""
        job = shop_job(deployment, store.labels(BACKUP), args)
        if self.bucket:
            give_bucket(job, self.bucket, prefix_of(self.bucket, store.namespace, store.name))
        spec = {
            "schedule": self.schedule,
            **({"timeZone": self.time_zone} if self.time_zone else {}),
            "suspend": self.suspend,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": LATE_START,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": store.labels(self.component)},
                "spec": job,
            },
        }
        return child(store, self.cron, self.component, spec=spec)

    def jobs(self, view: View) -> list[Manifest]:
        """Return the Jobs that did it or do, newest first, whoever asked for them."""
        jobs = [
            job
            for job in view.related(JOB).values()
            if job["metadata"].get("labels", {}).get(COMPONENT_LABEL) == self.component
        ]
        return sorted(
            jobs, key=lambda job: str(job["metadata"].get("creationTimestamp")), reverse=True
        )

    def newest_good(self, view: View) -> Manifest | None:
        """Return the newest Job that succeeded."""
        return next((job for job in self.jobs(view) if is_complete(job)), None)

    def is_told(self, job: Manifest) -> bool:
        """Return whether the status tells of a Job that succeeded."""
        return is_complete(job) and job["metadata"]["name"] == self.last_job

    def queries(self, view: View) -> list[Query]:
        """Return the pods of Jobs that are not told of yet, that failed, or that take long."""
        good = self.newest_good(view)
        doubtful = [*([good] if good else []), *self.jobs(view)[:1], *self._ended(view)[:1]]
        return list(dict.fromkeys(pods_of(job) for job in doubtful if not self.is_told(job)))

    def word(self, view: View) -> tuple[Manifest, Manifest] | None:
        """Return the newest Job that succeeded and what it told, where that is news."""
        job = self.newest_good(view)
        if job is None or self.is_told(job):
            return None
        return job, termination(view.found(pods_of(job)) or [])

    def judge(self, store: Store, view: View) -> Verdict:
        """Judge the last one that ended, and whether one is missing."""
        jobs, ended, good = self.jobs(view), self._ended(view), self.newest_good(view)
        if ended and failure(ended[0]):
            why = why_failed(ended[0], view.found(pods_of(ended[0])) or [])
            return failed(
                self.reasons.failed,
                f"Job {store.namespace}/{ended[0]['metadata']['name']} made no {self.what}: "
                f"{why}; the next is made by schedule",
            )
        if self.suspend:
            return waiting(
                self.reasons.suspended, "spec.backup.suspend is true; set it to false to go on."
            )
        if overdue := self._overdue(store, view, good):
            return overdue
        if good or self.last_job:
            return ready(f"The last {self.what} that was due is {self.done}.")
        if not jobs:
            text = f"No {self.what} was made yet; the first comes by schedule."
            return waiting(self.reasons.never, text)
        image = image_of(whole_shop(store, view) or jobs[0])
        pods = view.found(pods_of(jobs[0])) or []
        return explain(pods, image, "spec.image", view.now) or waiting(
            self.reasons.running, f"The first {self.what} is being made."
        )

    def _ended(self, view: View) -> list[Manifest]:
        return [job for job in self.jobs(view) if is_complete(job) or failure(job)]

    def _overdue(self, store: Store, view: View, good: Manifest | None) -> Verdict | None:
        """Return the verdict where the second time after the last good one has gone by.

        One may be passed over while the one before takes long.
        """
        made = (view.get(self.cron) or {}).get("metadata", {}).get("creationTimestamp")
        since = (good["status"]["completionTime"] if good else None) or self.last_time or made
        if since is None:
            return None
        try:
            schedule = Schedule.parse(self.schedule)
        except ValueError:
            return None  # Kubernetes refuses the CronJob, and says why.
        zone = zone_of(self.time_zone)
        first = schedule.after(datetime.fromisoformat(since), zone)
        second = schedule.after(first, zone) if first else None
        if second is None:
            text = f'{self.field}.schedule "{self.schedule}" names no day; correct it'
            return failed(self.reasons.overdue, text)
        if view.now < second + timedelta(seconds=LATE_START + ALL_NIGHT):
            return None
        return failed(
            self.reasons.overdue,
            f"two were due by {self.field}.schedule and no {self.what} is {self.done}; see kubectl "
            f"describe cronjob -n {store.namespace} {self.cron.name}",
        )


class ScheduledComponent(Component[Store]):
    """Do something to a store by schedule, and tell what became of it; a store serves without."""

    kinds: ClassVar = (CRON_JOB, JOB)
    reads: ClassVar = (POD,)

    @abstractmethod
    def scheduled(self, root: Store) -> Scheduled | None:
        """Return what is done by schedule; None where the spec wants none of it."""

    @abstractmethod
    def arguments(self, root: Store) -> list[str]:
        """Return the shop's command that does it."""

    def active(self, root: Store) -> bool:
        """Return whether it is done by schedule."""
        return self.scheduled(root) is not None

    def references(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the Secret of the login, where nothing else of the store reads it."""
        return list(login_of(root))

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return the CronJob, once there are pods whose settings it can have."""
        scheduled, deployment = self.scheduled(root), whole_shop(root, view)
        if scheduled is None or deployment is None:
            return []
        return [scheduled.cron_job(root, deployment, self.arguments(root))]

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the pods of a Job that is not told of yet, that failed, or that takes long."""
        scheduled = self.scheduled(root)
        return scheduled.queries(view) if scheduled else []

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge the last Job that ended, and whether one is missing."""
        scheduled = self.scheduled(root)
        if scheduled is None:
            return ready("")
        return aside(missing_login(root, view) or scheduled.judge(root, view))

    def refused(self, root: Store, view: View, error: OperatorError) -> Verdict:
        """Judge that the CronJob cannot be made, as where a person has one of its name."""
        return replace(aside(super().refused(root, view, error)), again=REFUSED_AGAIN)
