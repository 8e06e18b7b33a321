"""The API of jobs: what moderators see and do on their page."""

from datetime import datetime

from pydantic import Field

from bookstore.core.api.models import View
from bookstore.core.api.problems import Problem
from bookstore.core.api.routes import Api
from bookstore.core.jobs.board import MOST_SHOWN, JobState
from bookstore.core.jobs.forms import NOTHING_TO_DISMISS, NOTHING_TO_RETRY, ChosenJob
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


@api.route("get", "/admin/jobs")
def list_jobs() -> JobList:
    """List the jobs that failed or are late."""
    found = service(Jobs).board().troubled()
    return JobList(items=[JobView.model_validate(vars(record)) for record in found])


@api.route("post", "/admin/jobs/retry", status=204, problems=(409,))
def retry_job(body: ChosenJob) -> None:
    """Retry a job at once.

    :raise Problem: with 409, when it is done, being run, or unknown.
    """
    if not service(Jobs).board().retry(body.domain, body.job_id):
        raise Problem(409, str(NOTHING_TO_RETRY), "nothing-to-do")


@api.route("post", "/admin/jobs/dismiss", status=204, problems=(409,))
def dismiss_job(body: ChosenJob) -> None:
    """Set aside a failed job that nobody can or need do.

    :raise Problem: with 409, when it has not failed, or is unknown.
    """
    if not service(Jobs).board().dismiss(body.domain, body.job_id):
        raise Problem(409, str(NOTHING_TO_DISMISS), "nothing-to-do")
