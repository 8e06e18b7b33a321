"""The page of moderators on jobs; for everybody else there is nothing at its address."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from bookstore.core.interfaces.auth import moderator_required
from bookstore.core.jobs.forms import NOTHING_TO_RETRY, Retry
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
    """Show the jobs that failed or are late, and have one tried again.

    :return: the page, with 422 when the form is refused and 409 when there is nothing to try; or
        a redirect to it.
    """
    form, board = Form(Retry), service(Jobs).board()
    data = read_form(form)
    if data is not None:
        if board.retry(data.domain, data.job_id):
            flash(gettext("The job is tried again."), "success")
            return redirect(url_for("jobs.troubled"), 303)
        form.fail(str(NOTHING_TO_RETRY), 409)
    return render_template("jobs/jobs.html", form=form, jobs=board.troubled()), form.status
