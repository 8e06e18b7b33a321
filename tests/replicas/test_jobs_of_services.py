"""Failed jobs of three services are seen and mended at the shop's one address."""

from __future__ import annotations

import signal
from functools import partial

import httpx
import pytest

from tests.replicas.services import DOMAINS, GIVE_UP_SECONDS, Services
from tests.support.moderators import fail_a_job, promote
from tests.support.poll import eventually
from tests.support.shopper import Shopper


@pytest.fixture(scope="module")
def moderator(services: Services) -> Shopper:
    """Give a person who moderates."""
    person = services.shopper()
    person.register()
    promote(person, partial(services.run, "auth"))
    return person


def test_a_moderator_has_failed_jobs_of_every_service_tried_again(
    services: Services, moderator: Shopper
) -> None:
    failed = {name: fail_a_job(services.database(name), name) for name in DOMAINS}
    page = moderator.http.get("/admin/jobs").text
    for name, job_id in failed.items():
        assert f'data-job="{name}-{job_id}"' in page
        assert f"{name} could not." in page
        moderator.submit("/admin/jobs", domain=name, job_id=str(job_id))

        def is_done(name: str = name, job_id: int = job_id) -> None:
            done = f"SELECT COUNT(*) FROM {name}_jobs WHERE id = {job_id} AND done_at IS NOT NULL"
            assert services.scalar(name, done) == 1

        eventually(is_done, within=GIVE_UP_SECONDS)
    page = moderator.http.get("/admin/jobs").text
    assert not [name for name, job_id in failed.items() if f'data-job="{name}-{job_id}"' in page]


def test_a_command_in_one_service_mends_the_jobs_of_all(services: Services) -> None:
    job_id = str(fail_a_job(services.database("orders"), "orders"))
    assert f"orders {job_id}  jobs.purge" in services.run("auth", "jobs", "list")
    services.run("auth", "jobs", "dismiss", "orders", job_id)
    assert f"orders {job_id}  jobs.purge" not in services.run("auth", "jobs", "list")


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSTOP])
def test_without_orders_the_jobs_of_the_others_are_shown_and_what_is_not_known_is_named(
    services: Services, moderator: Shopper, by: int
) -> None:
    failed = {name: fail_a_job(services.database(name), name) for name in ("auth", "orders")}
    english = {"Accept-Language": "en"}
    unknown = "The jobs of orders are not known now"
    with services.without("orders", by):
        page = moderator.http.get("/admin/jobs", headers=english)
        assert page.status_code == 200
        assert unknown in page.text
        assert f'data-job="auth-{failed["auth"]}"' in page.text
        with pytest.raises(httpx.HTTPStatusError, match="503"):
            moderator.submit("/admin/jobs", domain="orders", job_id=str(failed["orders"]))
        moderator.submit("/admin/jobs", domain="auth", job_id=str(failed["auth"]))

    def is_known_again() -> None:
        page = moderator.http.get("/admin/jobs", headers=english).text
        assert unknown not in page
        assert f'data-job="orders-{failed["orders"]}"' in page

    eventually(is_known_again, within=GIVE_UP_SECONDS)
