"""Jobs of three services: a moderator sees and mends those of all at the one address."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from bookstore.core.interfaces.contracts import CONTRACTS
from bookstore.core.interfaces.jobs import JobRecord
from bookstore.core.jobs.kinds import GiveUp, Job
from bookstore.core.jobs.registry import Jobs
from bookstore.core.rpc.contract import Contract
from bookstore.core.rpc.server import internal_app
from bookstore.core.services import service
from tests.component.app.client import Client
from tests.component.app.moderator import promote
from tests.component.app.shopper import Shopper
from tests.component.app.three import Three
from tests.support.servicekeys import PARTIES, verifier

KIND = "refund"


class Refunds:
    """A kind of job that each service has; it fails until it need not."""

    def __init__(self, three: Three) -> None:
        self._three = three
        self.fail = True
        self.done: list[str] = []
        for domain, app in three.apps.items():
            (queue,) = service(Jobs, app).queues
            queue.handle(KIND, self._run)
            add = partial(queue.add, kind=KIND, payload={}, key=domain)
            queue.database.transaction(add)
        three.run_jobs()
        self.fail = False

    def _run(self, job: Job) -> None:
        if self.fail:
            raise GiveUp(f"{job.key} refuses.")
        self.done.append(job.key)

    def of(self, domain: str) -> JobRecord:
        """Return a service's job that failed."""
        (failed,) = service(Jobs, self._three.apps[domain]).of(domain).troubled_jobs()
        return failed


@pytest.fixture
def admin(three: Three) -> Shopper:
    """Give a person who moderates."""
    person = three.shopper().register()
    promote(three.apps["auth"], person.email)
    return person


@pytest.fixture
def refunds(three: Three, admin: Shopper) -> Refunds:
    """Give a job of each service that failed."""
    return Refunds(three)


@pytest.fixture(params=sorted(CONTRACTS))
def program(request: pytest.FixtureRequest, three: Three, admin: Shopper) -> Client:
    """Give a program of the moderator's, at each of the services."""
    known = Client(three.apps["auth"], email=admin.email, password=admin.password).log_in()
    return Client(three.apps[request.param], token=known.token)


def cut(three: Three, domain: str) -> None:
    """Have a service not answer."""
    three.networks[domain].down = True


def bring_back_the_version_before(three: Three, domain: str) -> None:
    """Have a service know nothing of calls for its jobs."""
    contract, app = CONTRACTS[domain], three.apps[domain]
    before = Contract(domain, contract.interface, contract.errors)
    own: object = service(contract.interface, app)
    parts = {before: {contract.interface: own}}
    published = PARTIES[domain].keys.published
    three.networks[domain].to = internal_app(parts, verifier(), published, app.app_context)


UNKNOWN = pytest.mark.parametrize("lose", [cut, bring_back_the_version_before])
Lose = Callable[[Three, str], None]


def test_a_moderator_sees_the_failed_jobs_of_all_services_and_has_them_tried_again(
    three: Three, admin: Shopper, refunds: Refunds
) -> None:
    page = admin.get("/admin/jobs").text
    for domain in CONTRACTS:
        failed = refunds.of(domain)
        assert f'data-job="{domain}-{failed.id}"' in page
        assert f"{domain} refuses." in page
        sent = {"domain": domain, "job_id": str(failed.id)}
        assert admin.post("/admin/jobs", sent).location == "/admin/jobs"
    three.run_jobs()
    assert sorted(refunds.done) == sorted(CONTRACTS)
    page = admin.get("/admin/jobs").text
    assert "Every job is done or on its way." in page
    assert "not known now" not in page


def test_a_moderator_sets_a_job_of_another_service_aside(
    three: Three, admin: Shopper, refunds: Refunds
) -> None:
    sent = {"domain": "orders", "job_id": str(refunds.of("orders").id), "action": "dismiss"}
    assert admin.post("/admin/jobs", sent).location == "/admin/jobs"
    assert "orders refuses." not in admin.get("/admin/jobs").text
    refused = admin.post("/admin/jobs", sent)
    assert refused.status_code == 409
    assert "Only a job that failed can be set aside" in refused.text
    three.run_jobs()
    assert refunds.done == []


@UNKNOWN
def test_the_page_shows_what_is_known_and_names_what_is_not(
    three: Three, admin: Shopper, refunds: Refunds, lose: Lose
) -> None:
    lose(three, "orders")
    page = admin.get("/admin/jobs")
    assert page.status_code == 200
    assert "The jobs of orders are not known now" in page.text
    assert "auth refuses." in page.text
    assert "catalogue refuses." in page.text
    assert "orders refuses." not in page.text
    for action in ("retry", "dismiss"):
        sent = {"domain": "orders", "job_id": str(refunds.of("orders").id), "action": action}
        answer = admin.post("/admin/jobs", sent)
        assert answer.status_code == 503
        assert "The part of the shop that has this job does not answer now." in answer.text
        assert "auth refuses." in answer.text


def test_what_is_not_known_is_named_in_spanish_and_nothing_is_called_done(
    three: Three, admin: Shopper
) -> None:
    admin.language = "es"
    cut(three, "orders")
    page = admin.get("/admin/jobs").text
    assert "Las tareas de orders no se conocen ahora" in page
    assert "Todas las tareas están hechas" not in page


def test_a_program_does_the_same_at_each_service(
    three: Three, program: Client, refunds: Refunds
) -> None:
    told = program.get("/admin/jobs").json
    assert told["unknown"] == []
    assert {job["domain"]: job["error"] for job in told["items"]} == {
        domain: f"{domain} refuses." for domain in CONTRACTS
    }
    by_domain = {job["domain"]: job["id"] for job in told["items"]}
    for domain, action in (("auth", "retry"), ("catalogue", "dismiss"), ("orders", "retry")):
        sent = {"domain": domain, "job_id": by_domain[domain]}
        assert program.post(f"/admin/jobs/{action}", sent).status_code == 204
        assert program.post("/admin/jobs/dismiss", sent).status_code == 409
    three.run_jobs()
    assert sorted(refunds.done) == ["auth", "orders"]
    assert program.post("/admin/jobs/retry", {"domain": "mail", "job_id": 1}).status_code == 409


@UNKNOWN
def test_a_program_is_told_what_is_not_known(
    three: Three, admin: Shopper, refunds: Refunds, lose: Lose
) -> None:
    program = Client(three.apps["auth"], email=admin.email, password=admin.password).log_in()
    program.app = three.apps["catalogue"]
    lose(three, "orders")
    told = program.get("/admin/jobs").json
    assert told["unknown"] == ["orders"]
    assert {job["domain"] for job in told["items"]} == {"auth", "catalogue"}
    for action in ("retry", "dismiss"):
        sent = {"domain": "orders", "job_id": refunds.of("orders").id}
        answer = program.post(f"/admin/jobs/{action}", sent)
        assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
        assert answer.json["type"] == "urn:problem-type:bookstore:does-not-answer"
        assert answer.json["detail"].startswith("The part of the shop that has this job")
        assert int(answer.headers["Retry-After"]) > 0


def test_all_failed_jobs_that_are_known_are_tried_again_at_once(
    three: Three, refunds: Refunds
) -> None:
    cut(three, "orders")
    board = service(Jobs, three.apps["auth"]).board()
    assert board.retry_failed() == (2, ["orders"])
    three.run_jobs()
    assert sorted(refunds.done) == ["auth", "catalogue"]


def test_nobody_else_sees_or_mends_jobs_of_any_service(three: Three, refunds: Refunds) -> None:
    person = three.shopper().register()
    assert person.get("/admin/jobs").status_code == 404
    sent = {"domain": "orders", "job_id": str(refunds.of("orders").id)}
    assert person.post("/admin/jobs", sent).status_code == 404
    three.run_jobs()
    assert refunds.done == []
