"""What other domains may ask of orders."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bookstore.core.services import service


@dataclass(frozen=True)
class ShippingEstimate:
    """Tell what a carrier takes for a parcel, in minor units, and its working days."""

    carrier: str
    cost_minor: int
    days_least: int
    days_most: int


class OrdersService(Protocol):
    """Know what was sold and what sending costs; implemented by ``orders.service`` or a client."""

    def copies_sold(self, book_ids: Collection[int]) -> Mapping[int, int]:
        """Return how many copies of each book were paid for; books without a sale are left out."""

    def shipping_estimates(self, copies: int) -> Sequence[ShippingEstimate]:
        """Return what each carrier takes for a parcel of so many copies."""


def orders_service() -> OrdersService:
    """Return the implementation that this app was made with."""
    return service(OrdersService)
