"""What a moderator sees of the shop's failed jobs, and does about them, in each topology."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.people import by_two_visitors, register
from tests.support.moderators import JOBS, fail_a_job, invitation
from tests.support.poll import eventually
from tests.support.topologies import Running

GIVE_UP_SECONDS = 30
WORDS = {
    "es": {"Intentar de nuevo": "se intenta de nuevo", "Descartar": "quedó descartada"},
    "en": {"Try again": "is tried again", "Set aside": "is set aside"},
}


@by_two_visitors
def test_a_moderator_mends_the_failed_jobs_of_every_part_of_the_shop(
    visit: Callable[..., Page],
    look: Callable[[Page, str], None],
    running: Running,
    language: str,
    width: int,
) -> None:
    (again, retried), (aside, dismissed) = WORDS[language].items()
    failed = {domain: fail_a_job(running.databases[domain], domain) for domain in JOBS}
    admin = visit(language, width)
    admin.goto(invitation(register(admin, "Úrsula"), running.bookstore))
    admin.click("main form.card button")
    admin.click("main a[href='/admin/jobs']")
    for domain, job_id in failed.items():
        job = admin.locator(f"[data-job='{domain}-{job_id}']")
        expect(job).to_contain_text(f"{domain} could not.")
    look(admin, "admin-jobs")
    for domain, job_id in failed.items():
        job = admin.locator(f"[data-job='{domain}-{job_id}']")

        def is_gone(job: Locator = job) -> None:
            admin.reload()
            assert job.count() == 0

        job.get_by_text(aside if domain == "auth" else again).click()
        told = dismissed if domain == "auth" else retried
        expect(admin.locator("[role=status]")).to_contain_text(told)
        # What is tried again is shown as late until a worker has done it.
        eventually(is_gone, within=GIVE_UP_SECONDS)
