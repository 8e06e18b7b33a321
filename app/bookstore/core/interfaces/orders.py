"""What other domains may ask of orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

GUEST_CART = "cart"
"""The field of the session that holds a guest's cart.

Who logs in keeps it: orders makes it a part of the account's cart as soon as the cart is asked for.
"""


@dataclass(frozen=True)
class ShippingEstimate:
    """What a carrier takes for a shipment, in minor units, and its least and most working days."""

    carrier: str
    cost_minor: int
    days_least: int
    days_most: int


class OrdersService(Protocol):
    """What other domains ask of orders; here ``LocalOrders``, elsewhere a client."""

    def sessions_ended(self, account_id: int, version: int) -> None:
        """Believe no token of an account's sessions that was signed before a version of it."""

    def shipping_estimates(self, copies: int) -> Sequence[ShippingEstimate]:
        """Return what each carrier takes for a shipment of so many copies."""
