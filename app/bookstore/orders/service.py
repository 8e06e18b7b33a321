"""The orders domain: its services, made of one another, and what other domains may ask of it."""

from collections.abc import MutableMapping, Sequence
from typing import Any

from bookstore.core.db.database import Database
from bookstore.core.identity.revocations import Revocations
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.interfaces.orders import ShippingEstimate
from bookstore.core.jobs.queue import Queue
from bookstore.orders.account_cart import AccountCart
from bookstore.orders.cart import CartItem
from bookstore.orders.forms import Wanted
from bookstore.orders.fulfilment import Fulfilment
from bookstore.orders.gateway import PaymentGateway
from bookstore.orders.guest_cart import GuestCart
from bookstore.orders.history import History
from bookstore.orders.ledger import Ledger
from bookstore.orders.models import OrdersRevocation
from bookstore.orders.purchase_history import PurchaseHistory
from bookstore.orders.purchase_request import PurchaseRequest
from bookstore.orders.purchasing import Bought, Purchasing
from bookstore.orders.reconciliation import Reconciliation
from bookstore.orders.shipping import CARRIERS
from bookstore.orders.steps import Steps


class LocalOrders:
    """Orders and carts in the shop's own database."""

    def __init__(
        self,
        database: Database,
        catalogue: CatalogueService,
        gateway: PaymentGateway,
        queue: Queue,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        ledger = Ledger(database, queue)
        self.revocations = Revocations(database, OrdersRevocation)
        self.history = History(database)
        self.purchases = PurchaseHistory(database)
        self.fulfilment = Fulfilment(database, queue, gateway)
        self.purchasing = Purchasing(ledger, catalogue, gateway)
        self.reconciliation = Reconciliation(database, catalogue, gateway)
        steps = (self.purchasing, self.fulfilment, ledger, catalogue, gateway, self.reconciliation)
        Steps(*steps).register(queue)

    def buy(self, buyer_id: int, buyer_name: str, request: PurchaseRequest) -> Bought:
        """Buy books of any number of sellers: all of them, or none.

        The same request under the same key returns the same purchase.

        :param buyer_name: kept with the purchase for who sells in it.
        :return: the purchase; it is paid, or its payment failed or is still open.
        :raise NotForSale: when one of the books is not on sale.
        :raise OwnBook: when the buyer is the seller of one.
        :raise PriceChanged: when the price of one is not what the buyer saw.
        :raise NoCarrier: when no carrier was chosen for a shipment.
        :raise CarriersRefused: when the carriers do not fit the sellers.
        :raise OutOfStock: when too few copies of one are left.
        :raise KeyReused: when the key came with another request before.
        """
        return self.purchasing.buy(buyer_id, buyer_name, request)

    def cart(self, account_id: int) -> AccountCart:
        """Return an account's cart."""
        return AccountCart(self._database, self._catalogue, account_id)

    def guest_cart(self, session: MutableMapping[str, Any]) -> GuestCart:
        """Return the cart of a guest with this session."""
        return GuestCart(self._catalogue, session)

    def items_of(self, lines: Sequence[Wanted]) -> Sequence[CartItem]:
        """Return what is asked for as lines of a cart; books that are not on sale are left out."""
        books = self._catalogue.books([line.book_id for line in lines])
        return [
            CartItem.of(books[line.book_id], line.quantity)
            for line in lines
            if line.book_id in books
        ]

    def sessions_ended(self, account_id: int, version: int) -> None:
        """Believe no token of an account's sessions that was signed before a version of it."""
        self.revocations.note(account_id, version)

    def shipping_estimates(self, copies: int) -> Sequence[ShippingEstimate]:
        """Return what each carrier takes for a shipment of so many copies."""
        return [
            ShippingEstimate(
                carrier.name, carrier.cost_minor(copies), carrier.days_least, carrier.days_most
            )
            for carrier in CARRIERS.values()
        ]
