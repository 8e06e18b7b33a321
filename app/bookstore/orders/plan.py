"""What a purchase comes to: its lines, its shipments and its total, at the prices of the moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bookstore.core.interfaces.catalogue import BookSnapshot, Line, OutOfStock
from bookstore.orders.purchase_request import NotForSale, OwnBook, PriceChanged, PurchaseRequest


@dataclass(frozen=True)
class PlannedLine:
    """Copies of one book; the price is that of a copy, in minor units."""

    book_id: int
    seller_id: int
    title: str
    author: str
    unit_minor: int
    quantity: int


@dataclass(frozen=True)
class PlannedShipment:
    """How one seller sends their lines, and what that costs in minor units."""

    seller_id: int
    seller_name: str
    carrier: str
    cost_minor: int
    days_least: int
    days_most: int


@dataclass(frozen=True)
class Plan:
    """The lines and shipments of a purchase, a shipment for each seller."""

    currency: str
    lines: Sequence[PlannedLine]
    shipments: Sequence[PlannedShipment]

    @property
    def total_minor(self) -> int:
        """Return what the buyer pays, goods and shipping, in minor units."""
        goods = sum(line.unit_minor * line.quantity for line in self.lines)
        return goods + sum(shipment.cost_minor for shipment in self.shipments)

    @property
    def wanted(self) -> list[Line]:
        """Return the copies that the catalogue is asked to hold."""
        return [Line(line.book_id, line.quantity) for line in self.lines]

    def goods_minor(self, seller_id: int) -> int:
        """Return the price of one seller's books, without shipping."""
        own = (line for line in self.lines if line.seller_id == seller_id)
        return sum(line.unit_minor * line.quantity for line in own)


def plan_purchase(
    buyer_id: int, request: PurchaseRequest, books: Mapping[int, BookSnapshot]
) -> Plan:
    """Return what a request comes to.

    :param books: those of its books that are on sale.
    :raise NotForSale: when one of them is not among ``books``.
    :raise OwnBook: when the buyer is the seller of one.
    :raise PriceChanged: when the price of one is not what the buyer saw.
    :raise OutOfStock: when too few copies of one are left.
    :raise NoCarrier: when a shipment has no carrier.
    :raise CarriersRefused: when the carriers do not fit the sellers.
    """
    lines, names = [], {}
    for wanted in sorted(request.lines, key=lambda line: line.book_id):
        book = books.get(wanted.book_id)
        if book is None:
            raise NotForSale(wanted.book_id)
        if book.seller_id == buyer_id:
            raise OwnBook(wanted.book_id)
        if wanted.price_seen not in (None, book.price_minor):
            raise PriceChanged(wanted.book_id)
        if book.stock < wanted.quantity:
            raise OutOfStock(wanted.book_id, book.stock)
        names[book.seller_id] = book.seller_name
        lines.append(
            PlannedLine(
                book.id,
                book.seller_id,
                book.title,
                book.author,
                book.price_minor,
                wanted.quantity,
            )
        )
    shipments = []
    for seller_id, carrier in request.carriers_of(names.keys()).items():
        copies = sum(line.quantity for line in lines if line.seller_id == seller_id)
        shipments.append(
            PlannedShipment(
                seller_id,
                names[seller_id],
                carrier.code,
                carrier.cost_minor(copies),
                carrier.days_least,
                carrier.days_most,
            )
        )
    return Plan(books[lines[0].book_id].currency, lines, shipments)
