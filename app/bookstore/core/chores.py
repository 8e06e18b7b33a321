"""Work that a server does by itself from time to time, beside its requests."""

import logging
import random
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from bookstore.core.engine import driver_message

log = logging.getLogger("bookstore.chores")

# Apart from the module's own sequence of numbers, which others may have given a seed.
SPREAD = random.SystemRandom()


def begin(name: str, work: Callable[[], object], seconds: float) -> None:
    """Do work again and again in a thread of this process, until the process ends.

    Every process of every replica does it, so the work has to be right when done at once.

    :param name: names the chore in the log.
    :param seconds: the pause between two times on average; each is up to half longer or shorter,
        so that the replicas' chores spread.
    """

    def forever() -> None:
        while True:
            time.sleep(seconds * SPREAD.uniform(0.5, 1.5))
            try:
                work()
            except (SQLAlchemyError, OSError) as error:
                # The database, or the shared folder, is away; the next time may find it.
                log.warning(
                    "chore not done", extra={"chore": name, "detail": driver_message(error)}
                )

    threading.Thread(target=forever, name=name, daemon=True).start()
