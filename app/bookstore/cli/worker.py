"""The worker that serves the shop: gunicorn's threads, with a fair share of the connections.

It refuses connections as soon as it ends.
"""

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

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Begin or cease to accept; a worker that ends closes the listener.

        What waits there is taken before. gunicorn leaves it open until the last request is
        answered, and who connects meanwhile waits for an answer that never comes.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            taken = -1
            while taken < self.nr_conns < self.worker_connections:
                taken = self.nr_conns
                super().accept(listener)
            listener.close()
