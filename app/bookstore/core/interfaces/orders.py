"""What other domains may ask of orders."""

from collections.abc import Collection, Mapping
from typing import Protocol, cast

from flask import current_app


class OrdersService(Protocol):
    """Know what was sold; implemented by ``orders.service`` or a client."""

    def copies_sold(self, book_ids: Collection[int]) -> Mapping[int, int]:
        """Return how many copies of each book were paid for; books without a sale are left out."""


def orders_service() -> OrdersService:
    """Return the implementation that this app was made with."""
    return cast("OrdersService", current_app.extensions["bookstore.orders"])
