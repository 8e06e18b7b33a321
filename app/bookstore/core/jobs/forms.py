"""What a moderator sends about a job."""

from typing import Annotated

from pydantic import Field, StringConstraints

from bookstore.core.paging import LARGEST_ID
from bookstore.core.web.forms import Input, Line
from bookstore.core.web.i18n import lazy_gettext

NOTHING_TO_RETRY = lazy_gettext("This job is done, or it is being run now.")


class Retry(Input):
    """The job to try again."""

    domain: Annotated[Line, StringConstraints(min_length=1, max_length=20)] = Field(
        description="The job's domain: auth, catalogue or orders."
    )
    job_id: int = Field(ge=1, le=LARGEST_ID, description="The job's id in its domain.")
