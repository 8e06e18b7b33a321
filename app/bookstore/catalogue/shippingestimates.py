"""What shipping takes, as orders told it last."""

import threading
import time
from collections.abc import Callable, Sequence

from bookstore.core.errors import ServiceUnavailable
from bookstore.core.interfaces.orders import OrdersService, ShippingEstimate
from bookstore.core.rpc import deadline

FRESH_SECONDS, AGAIN_SECONDS = 60.0, 5.0
"""How long an answer counts, and after how long orders is asked again that gave none."""

PATIENCE_SECONDS = 1.0
"""How long a book's page waits for an answer."""


class ShippingEstimates:
    """Keeps what a shipment of one copy takes, in each process, so that a page costs no call.

    While orders is away its last answer is shown: what a purchase takes is said at the checkout.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without an answer.

        :param clock: seconds since whenever.
        """
        self._clock = clock
        self._asking = threading.Lock()
        self._told: Sequence[ShippingEstimate] = ()
        self._until = float("-inf")

    def of_one_copy(self, orders: OrdersService) -> Sequence[ShippingEstimate]:
        """Return what each carrier takes, or nothing as long as orders has never answered.

        One asks at a time. The others get what was told last, and wait where that is nothing.
        """
        if not self._is_fresh() and self._asking.acquire(blocking=not self._told):
            try:
                if not self._is_fresh():
                    self._ask(orders)
            finally:
                self._asking.release()
        return self._told

    def _is_fresh(self) -> bool:
        return self._clock() < self._until

    def _ask(self, orders: OrdersService) -> None:
        try:
            with deadline.until(deadline.within(PATIENCE_SECONDS)):
                self._told = orders.shipping_estimates(1)
        except ServiceUnavailable:
            self._until = self._clock() + AGAIN_SECONDS
        else:
            self._until = self._clock() + FRESH_SECONDS
