"""The verbs of orders: what a buyer does, and what others may know of it."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func, select

from bookstore.core.db import Database
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.interfaces.orders import ShippingEstimate
from bookstore.core.services import service
from bookstore.orders.basket import Basket
from bookstore.orders.cart import Cart
from bookstore.orders.fulfilment import Fulfilment
from bookstore.orders.gateway import PaymentGateway
from bookstore.orders.history import History, PurchaseDetail
from bookstore.orders.models import Order, OrderLine
from bookstore.orders.purchasing import SETTLED_AT_ONCE, Purchasing
from bookstore.orders.shipping import CARRIERS
from bookstore.orders.transitions import SOLD


class LocalOrders:
    """Keep orders and carts in the shop's own database."""

    def __init__(
        self, database: Database, catalogue: CatalogueService, gateway: PaymentGateway
    ) -> None:
        self._database = database
        self.history = History(database)
        self.fulfilment = Fulfilment(database, catalogue, gateway)
        self.cart = Cart(database, catalogue)
        self._purchasing = Purchasing(database, catalogue, gateway, self.cart)

    def buy(self, buyer_id: int, basket: Basket) -> PurchaseDetail:
        """Buy books of any number of sellers: all of them, or none.

        The same basket under the same key returns the same purchase.

        :return: the purchase, an order for each seller; it is paid, or its payment failed.
        :raise NotForSale: when one of the books is not on sale.
        :raise OwnBook: when the buyer is the seller of one.
        :raise PriceChanged: when the price of one is not what the buyer saw.
        :raise NoCarrier: when no carrier was chosen for a parcel.
        :raise OutOfStock: when too few copies of one are left.
        :raise KeyReused: when the key came with another basket before.
        """
        return self.history.purchase(buyer_id, self._purchasing.buy(buyer_id, basket))

    def copies_sold(self, book_ids: Collection[int]) -> Mapping[int, int]:
        """Return how many copies of each book were paid for; books without a sale are left out."""
        query = (
            select(OrderLine.book_id, func.sum(OrderLine.quantity))
            .join(Order, Order.id == OrderLine.order_id)
            .where(OrderLine.book_id.in_(book_ids), Order.state.in_(SOLD))
            .group_by(OrderLine.book_id)
        )
        with self._database.reading() as db:
            return {book_id: int(copies) for book_id, copies in db.execute(query)}

    def shipping_estimates(self, copies: int) -> Sequence[ShippingEstimate]:
        """Return what each carrier takes for a parcel of so many copies."""
        return [
            ShippingEstimate(
                carrier.name, carrier.cost_minor(copies), carrier.days_least, carrier.days_most
            )
            for carrier in CARRIERS.values()
        ]

    def settle(self) -> tuple[int, int]:
        """End payments and refunds that were left unanswered; return how many of each ended."""
        return self.settle_stale(), self.fulfilment.settle_refunds()

    def settle_stale(self, most: int = SETTLED_AT_ONCE) -> int:
        """End payments whose buyer's request died; see ``Purchasing.settle_stale``."""
        return self._purchasing.settle_stale(most)


def local_orders() -> LocalOrders:
    """Return this process's own orders, for the views of their domain."""
    return service(LocalOrders)
