"""The threads of a server's process that run its domains' jobs."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from bookstore.core.db.engine import driver_message
from bookstore.core.jobs.kinds import SPREAD, Kind, Lane
from bookstore.core.jobs.leases import Leases
from bookstore.core.jobs.queue import Queue
from bookstore.core.jobs.running import Context, run

POLL_SECONDS = 5.0
REPORT_SECONDS = 15.0

log = logging.getLogger("bookstore.jobs")


class Worker:
    """Runs jobs in a thread for each lane, at once after a commit of this process.

    After a commit it asks the queue and the lane that got a job. What other processes add, and what
    was put off, it finds by asking all every few seconds. Started in each process once it has
    forked, for threads do not come along.
    """

    def __init__(
        self,
        queues: Sequence[Queue],
        context: Context,
        *,
        poll_seconds: float = POLL_SECONDS,
        serving: Callable[[], bool] = lambda: True,
        report: Callable[[], object] = lambda: None,
    ) -> None:
        """Make it.

        :param context: what handlers run in, such as the application's context.
        :param serving: whether this process still wants work; it begins no job once it ends.
        :param report: called every quarter of a minute or so, to count the jobs.
        """
        self._queues = queues
        self._context = context
        self._poll_seconds = poll_seconds
        self._serving = serving
        self._report = report
        self._reported = float("-inf")
        self._woken = threading.Condition()
        # Queues to which a commit of this process has added a job, or that may hold another.
        self._to_ask: dict[Lane, set[Queue]] = {lane: set() for lane in Lane}
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._periods: dict[tuple[str, str], int] = {}

    def start(self) -> None:
        """Begin to run jobs."""
        for queue in self._queues:
            queue.on_added(partial(self._wake, queue))
        for lane in Lane:
            thread = threading.Thread(
                target=self._work, args=(lane,), name=f"jobs-{lane}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self, seconds: float) -> bool:
        """Begin no other job, and wait for those that run.

        :return: False when some have not ended in that time. Another process takes them over
            once their leases have expired.
        """
        with self._woken:
            self._stopping = True
            self._woken.notify_all()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _wake(self, queue: Queue, lane: Lane) -> None:
        with self._woken:
            self._to_ask[lane].add(queue)
            self._woken.notify_all()

    def _work(self, lane: Lane) -> None:
        ask_all_at = time.monotonic()
        while not self._stopping and self._serving():
            with self._woken:
                self._woken.wait_for(
                    lambda: self._to_ask[lane] or self._stopping,
                    max(0.0, ask_all_at - time.monotonic()),
                )
                asked, self._to_ask[lane] = self._to_ask[lane], set()
            if time.monotonic() >= ask_all_at:
                asked.update(self._queues)
                ask_all_at = time.monotonic() + self._poll_seconds * SPREAD.uniform(0.5, 1.5)
            try:
                self._report_when_due(lane)
                more = {queue for queue in asked if self._run_one(queue, lane)}
            except (SQLAlchemyError, OSError) as error:
                # The database is away; what was leased is tried again once its lease expires.
                log.warning("jobs wait", extra={"error": driver_message(error)})
                continue
            with self._woken:
                self._to_ask[lane] |= more

    def _run_one(self, queue: Queue, lane: Lane) -> bool:
        kinds = {name: kind for name, kind in queue.kinds.items() if kind.lane == lane}
        if not kinds or self._stopping:
            return False
        for kind in kinds.values():
            self._add_periodic(queue, kind)
        job = Leases(queue).take(kinds)
        if job is None:
            return False
        run(queue, job, self._context)
        return True

    def _report_when_due(self, lane: Lane) -> None:
        if lane == Lane.STEPS and time.monotonic() - self._reported > REPORT_SECONDS:
            self._report()
            self._reported = time.monotonic()

    def _add_periodic(self, queue: Queue, kind: Kind) -> None:
        """Add the job of a kind's present period, which one process of all succeeds in."""
        if kind.every_seconds is None:
            return
        period = int(time.time() // kind.every_seconds)
        if self._periods.get((queue.domain, kind.name)) == period:
            return
        begun = datetime.fromtimestamp(period * kind.every_seconds, UTC)
        key = f"{begun:%Y-%m-%dT%H:%M:%SZ}"
        queue.database.transaction(lambda db: queue.add(db, kind.name, {}, key=key))
        self._periods[queue.domain, kind.name] = period
