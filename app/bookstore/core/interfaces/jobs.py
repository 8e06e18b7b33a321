"""What one service may ask of another's jobs: the same of each domain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class JobState(StrEnum):
    """How a job stands that is not done.

    A late one was due minutes ago, or is tried again after a failure.
    """

    WAITING = "waiting"
    LATE = "late"
    FAILED = "failed"


@dataclass(frozen=True)
class JobRecord:
    """A job as people see it; its error names nobody."""

    domain: str
    id: int
    kind: str
    state: JobState
    attempts: int
    created_at: datetime
    run_at: datetime
    error: str | None


class JobsService(Protocol):
    """What is asked of the jobs of one domain; here ``DomainBoard``, elsewhere a client."""

    def troubled_jobs(self) -> Sequence[JobRecord]:
        """Return failed and late jobs, the newest, failed ones first."""

    def retry_job(self, job_id: int) -> bool:
        """Retry a failed or waiting job at once, with all of its attempts.

        :return: False when there is no such job, or it is done or being run.
        """

    def retry_failed_jobs(self) -> int:
        """Retry all failed jobs; return how many."""

    def dismiss_job(self, job_id: int) -> bool:
        """Set a failed job aside, as one that nobody can or need do; its reason is kept with it.

        :return: False when there is no such job, or it has not failed.
        """
