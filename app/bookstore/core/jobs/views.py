"""The page of moderators on jobs; for everybody else there is nothing at its address."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from bookstore.core.errors import ServiceUnavailable
from bookstore.core.interfaces.auth import moderator_required
from bookstore.core.jobs.board import Board
from bookstore.core.jobs.forms import (
    DOES_NOT_ANSWER,
    NOTHING_TO_DISMISS,
    NOTHING_TO_RETRY,
    JobDecision,
    not_known,
)
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from bookstore.core.web.forms import Form
from bookstore.core.web.i18n import gettext
from bookstore.core.web.security import asks_again, read_form

blueprint = Blueprint("jobs", __name__, url_prefix="/admin/jobs")


@blueprint.get("")
@blueprint.post("")
@asks_again
@moderator_required
def troubled() -> ResponseReturnValue:
    """Show the jobs that failed or are late, and have one tried again or set aside.

    :return: the page, with 422 when the form is refused, 409 when the job is not one for that, and
        503 when its domain does not answer; or a redirect to it.
    """
    form, board = Form(JobDecision), service(Jobs).board()
    data = read_form(form)
    if data is not None:
        try:
            refusal = _decide(board, data)
        except ServiceUnavailable:
            form.fail(str(DOES_NOT_ANSWER), 503)
        else:
            if refusal is None:
                return redirect(url_for("jobs.troubled"), 303)
            form.fail(refusal, 409)
    found = board.troubled()
    unknown = not_known(found.unknown) if found.unknown else None
    page = render_template("jobs/jobs.html", form=form, jobs=found.jobs, unknown=unknown)
    return page, form.status


def _decide(board: Board, decision: JobDecision) -> str | None:
    """Try a job again or set it aside; return why it cannot be, or None."""
    if decision.action == "dismiss":
        if not board.dismiss(decision.domain, decision.job_id):
            return str(NOTHING_TO_DISMISS)
        flash(gettext("The job is set aside."), "success")
    else:
        if not board.retry(decision.domain, decision.job_id):
            return str(NOTHING_TO_RETRY)
        flash(gettext("The job is tried again."), "success")
    return None
