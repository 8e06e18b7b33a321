"""The API of jobs: what moderators see and do on their page."""

from collections.abc import Callable
from datetime import datetime

from pydantic import Field

from bookstore.core.api.models import View
from bookstore.core.api.problems import Problem
from bookstore.core.api.routes import Api
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.interfaces.jobs import JobState
from bookstore.core.jobs.domainboard import MOST_SHOWN
from bookstore.core.jobs.forms import (
    DOES_NOT_ANSWER,
    NOTHING_TO_DISMISS,
    NOTHING_TO_RETRY,
    ChosenJob,
)
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service

api = Api("jobs", moderates=True)


class JobView(View):
    """A job that failed or is late."""

    domain: str
    id: int
    kind: str
    state: JobState
    attempts: int
    created_at: datetime
    run_at: datetime = Field(description="When it is tried next, or was tried last.")
    error: str | None


class JobList(View):
    """Failed and late jobs."""

    items: list[JobView] = Field(description=f"{MOST_SHOWN} of each domain at most, newest first.")
    unknown: list[str] = Field(
        [], description="The domains whose jobs are not known now, as they do not answer."
    )


@api.route("get", "/admin/jobs")
def list_jobs() -> JobList:
    """List the jobs that failed or are late."""
    found = service(Jobs).board().troubled()
    items = [JobView.model_validate(vars(record)) for record in found.jobs]
    return JobList(items=items, unknown=list(found.unknown))


@api.route("post", "/admin/jobs/retry", status=204, problems=(409,))
def retry_job(body: ChosenJob) -> None:
    """Retry a job at once.

    :raise Problem: with 409, when it is done, being run, or unknown; with 503, when its domain
        does not answer.
    """
    _decide(service(Jobs).board().retry, body, NOTHING_TO_RETRY)


@api.route("post", "/admin/jobs/dismiss", status=204, problems=(409,))
def dismiss_job(body: ChosenJob) -> None:
    """Set aside a failed job that nobody can or need do.

    :raise Problem: with 409, when it has not failed, or is unknown; with 503, when its domain does
        not answer.
    """
    _decide(service(Jobs).board().dismiss, body, NOTHING_TO_DISMISS)


def _decide(decide: Callable[[str, int], bool], chosen: ChosenJob, refusal: str) -> None:
    try:
        done = decide(chosen.domain, chosen.job_id)
    except ServiceUnavailable:
        raise Problem(503, str(DOES_NOT_ANSWER), "does-not-answer") from None
    if not done:
        raise Problem(409, str(refusal), "nothing-to-do")
