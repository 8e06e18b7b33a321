"""What people see of jobs that failed or are late, and what they do about them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bookstore.core.errors import ServiceUnavailable
from bookstore.core.interfaces.jobs import JobRecord, JobsService, JobState
from bookstore.core.jobs.domainboard import DomainBoard
from bookstore.core.rpc import deadline

# A page waits no longer for what one domain tells it.
ASK_SECONDS = 2.0

T = TypeVar("T")

log = logging.getLogger("bookstore.jobs")


@dataclass(frozen=True)
class Troubled:
    """Failed and late jobs, and the domains whose jobs are not known now."""

    jobs: Sequence[JobRecord]
    unknown: Sequence[str]


class Board:
    """The jobs of all domains: of those that are served here, and of those that are elsewhere.

    A domain that is elsewhere may be away, or of a version before that tells nothing of its jobs.

    :param here: the boards of the domains that are served here.
    :param elsewhere: clients of the other domains' jobs.
    """

    def __init__(
        self, here: Mapping[str, DomainBoard], elsewhere: Mapping[str, JobsService]
    ) -> None:
        self._here = here
        self._domains: Mapping[str, JobsService] = {**here, **elsewhere}

    def troubled(self) -> Troubled:
        """Return failed and late jobs, the newest of each domain, failed ones first."""
        answers, unknown = self._ask_all(lambda jobs: jobs.troubled_jobs())
        return Troubled([record for found in answers for record in found], unknown)

    def retry(self, domain: str, job_id: int) -> bool:
        """Retry a failed or waiting job at once, with all of its attempts.

        :return: False when there is no such job, or it is done or being run.
        :raise ServiceUnavailable: when the jobs of the domain are not known now.
        """
        return domain in self._domains and self._ask(domain, lambda jobs: jobs.retry_job(job_id))

    def retry_failed(self) -> tuple[int, Sequence[str]]:
        """Retry all failed jobs; return how many, and the domains whose jobs are not known now."""
        answers, unknown = self._ask_all(lambda jobs: jobs.retry_failed_jobs())
        return sum(answers), unknown

    def dismiss(self, domain: str, job_id: int) -> bool:
        """Set a failed job aside, as one that nobody can or need do; its reason is kept with it.

        :return: False when there is no such job, or it has not failed.
        :raise ServiceUnavailable: when the jobs of the domain are not known now.
        """
        return domain in self._domains and self._ask(domain, lambda jobs: jobs.dismiss_job(job_id))

    def counts(self) -> dict[tuple[str, JobState], int]:
        """Return how many jobs of the domains here are not done, by domain and state."""
        return {
            (domain, state): number
            for domain, board in self._here.items()
            for state, number in board.counts().items()
        }

    def oldest_seconds(self) -> dict[str, float]:
        """Return how long the oldest job of each domain here has not been done."""
        return {domain: board.oldest_seconds() for domain, board in self._here.items()}

    def _ask_all(self, ask: Callable[[JobsService], T]) -> tuple[Sequence[T], Sequence[str]]:
        answers, unknown = list[T](), list[str]()
        for domain in self._domains:
            try:
                with deadline.until(deadline.within(ASK_SECONDS)):
                    answers.append(self._ask(domain, ask))
            except ServiceUnavailable:
                unknown.append(domain)
        return answers, unknown

    def _ask(self, domain: str, ask: Callable[[JobsService], T]) -> T:
        try:
            return ask(self._domains[domain])
        except ServiceUnavailable as away:
            log.warning("jobs not known", extra={"domain": domain, "detail": away.detail})
            raise
