"""The worker that serves the shop: gunicorn's threads, with a fair share of the connections."""

import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# Longer than it takes another process to wake up, and short beside a page.
PATIENCE_SECONDS = 0.0005


class FairWorker(ThreadWorker):
    """Leave a new connection to a worker that has fewer.

    All workers wake up for it and the quickest takes it. Balancers keep their connections, so
    that a worker which once took most of them would serve alone while the others are idle.
    """

    def accept(self, listener: Any) -> None:
        """Accept a connection, the later the more there are already for each thread."""
        if self.nr_conns:
            time.sleep(min(self.nr_conns / self.cfg.threads, 1) * PATIENCE_SECONDS)
        super().accept(listener)
