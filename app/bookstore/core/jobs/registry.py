"""The queues of all domains that a process serves."""

from collections.abc import Callable, Mapping
from datetime import datetime

from bookstore.core.db.database import Database
from bookstore.core.interfaces.jobs import JobsService
from bookstore.core.jobs.board import Board
from bookstore.core.jobs.domainboard import DomainBoard
from bookstore.core.jobs.leases import Leases
from bookstore.core.jobs.models import JobColumns
from bookstore.core.jobs.queue import Queue
from bookstore.core.jobs.running import Context, run_due
from bookstore.core.jobs.worker import Worker

DAY_SECONDS = 24 * 3600


class Jobs:
    """The jobs of the domains that are served here."""

    def __init__(
        self, context: Context, elsewhere: Mapping[str, JobsService] | None = None
    ) -> None:
        """Make it.

        :param context: what handlers run in, such as the application's context.
        :param elsewhere: clients of the jobs of the domains that are not served here.
        """
        self.queues: list[Queue] = []
        self._context = context
        self._elsewhere = elsewhere or {}

    def open(self, domain: str, database: Database, table: type[JobColumns]) -> Queue:
        """Return the queue of a domain that is served here."""
        queue = Queue(domain, database, table)
        queue.handle(
            "jobs.purge", lambda _job: Leases(queue).purge(), attempts=3, every_seconds=DAY_SECONDS
        )
        self.queues.append(queue)
        return queue

    def run_due(self, moment: datetime | None = None) -> int:
        """Run all jobs that are due, in this thread; see ``running.run_due``."""
        return run_due(self.queues, self._context, moment)

    def board(self) -> Board:
        """Return what people see of the jobs, also of domains that are elsewhere."""
        here = {queue.domain: DomainBoard(queue) for queue in self.queues}
        return Board(here, self._elsewhere)

    def of(self, domain: str) -> JobsService:
        """Return what may be asked of the jobs of a domain that is served here."""
        (queue,) = (queue for queue in self.queues if queue.domain == domain)
        return DomainBoard(queue)

    def worker(
        self,
        serving: Callable[[], bool] = lambda: True,
        report: Callable[[], object] = lambda: None,
    ) -> Worker:
        """Return what runs the jobs in threads of this process; see ``Worker``."""
        return Worker(self.queues, self._context, serving=serving, report=report)
