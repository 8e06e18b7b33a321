"""A moderator at a running shop, and failed jobs for them to mend."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from bookstore.auth.models import AuthJob
from bookstore.catalogue.models import CatalogueJob
from bookstore.core.db.database import now
from bookstore.orders.models import OrdersJob
from tests.support.shopper import Shopper

JOBS: Mapping[str, type[AuthJob | CatalogueJob | OrdersJob]] = {
    "auth": AuthJob,
    "catalogue": CatalogueJob,
    "orders": OrdersJob,
}


def invitation(email: str, bookstore: Callable[..., str]) -> str:
    """Invite somebody to moderate, and return the path of the page that accepts it.

    :param bookstore: runs a command about accounts, and returns what it prints.
    """
    told = bookstore("moderators", "invite", email)
    (link,) = re.findall(r"/auth/invitation/\S+", told)
    return str(link)


def promote(person: Shopper, bookstore: Callable[..., str]) -> None:
    """Make somebody with an account a moderator; see ``invitation``."""
    link = invitation(person.email, bookstore)
    assert person.submit(link, link).url.path == "/admin"


def fail_a_job(uri: str, domain: str) -> int:
    """Leave a job in a domain's database that has failed and could be done now; return its id."""
    engine = create_engine(uri)
    with Session(engine) as db:
        job = JOBS[domain](kind="jobs.purge", key=uuid.uuid4().hex, payload="{}", attempts=3)
        job.run_at = job.failed_at = now()
        job.error = f"{domain} could not."
        db.add(job)
        db.commit()
        job_id = job.id
    engine.dispose()
    return job_id
