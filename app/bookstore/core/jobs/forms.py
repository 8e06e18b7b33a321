"""What a moderator sends about a job."""

from collections.abc import Sequence
from typing import Annotated, Literal

from babel.lists import format_list
from pydantic import Field, StringConstraints

from bookstore.core.paging import LARGEST_ID
from bookstore.core.web.forms import Input, Line
from bookstore.core.web.i18n import gettext, language, lazy_gettext

NOTHING_TO_RETRY = lazy_gettext("This job is done, or it is being run now.")
NOTHING_TO_DISMISS = lazy_gettext("Only a job that failed can be set aside, and this one did not.")
DOES_NOT_ANSWER = lazy_gettext(
    "The part of the shop that has this job does not answer now. Try again in a moment."
)


def not_known(domains: Sequence[str]) -> str:
    """Return the sentence that tells of domains whose jobs are not known now."""
    named = format_list(domains, locale=language())
    return gettext(
        "The jobs of %(domains)s are not known now: no answer came. Look again in a moment.",
        domains=named,
    )


class ChosenJob(Input):
    """A job to try again, or to set aside."""

    domain: Annotated[Line, StringConstraints(min_length=1, max_length=20)] = Field(
        description="The job's domain: auth, catalogue or orders."
    )
    job_id: int = Field(ge=1, le=LARGEST_ID, description="The job's id in its domain.")


class JobDecision(ChosenJob):
    """What is done about a job."""

    action: Literal["retry", "dismiss"] = "retry"
