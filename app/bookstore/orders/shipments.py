"""The lines of a cart or a checkout by their seller, who sends them together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bookstore.orders.cart import CartItem
from bookstore.orders.shipping import CARRIERS, Carrier, CarrierCode

CARRIER_FIELD = "carrier_"
FIRST_CHOICE = next(iter(CARRIERS))


@dataclass(frozen=True)
class Choice:
    """A carrier that may bring a shipment, and what it costs for its copies."""

    carrier: Carrier
    cost_minor: int
    is_chosen: bool


@dataclass(frozen=True)
class CartShipment:
    """What one seller would send, and the carrier that is chosen for it."""

    seller_id: int
    seller_name: str
    lines: Sequence[CartItem]
    carrier: Carrier

    @property
    def field(self) -> str:
        """Return the name of the form's field that chooses its carrier."""
        return f"{CARRIER_FIELD}{self.seller_id}"

    @property
    def copies(self) -> int:
        """Return how many copies are in it."""
        return sum(line.quantity for line in self.lines)

    @property
    def goods_minor(self) -> int:
        """Return the price of its copies."""
        return sum(line.total_minor for line in self.lines)

    @property
    def shipping_minor(self) -> int:
        """Return what the chosen carrier takes."""
        return self.carrier.cost_minor(self.copies)

    @property
    def choices(self) -> list[Choice]:
        """Return the carriers to choose from."""
        return [
            Choice(each, each.cost_minor(self.copies), each == self.carrier)
            for each in CARRIERS.values()
        ]


@dataclass(frozen=True)
class Estimate:
    """What is to be bought by shipments, and what it comes to, in minor units."""

    shipments: Sequence[CartShipment]
    currency: str

    @property
    def goods_minor(self) -> int:
        """Return the price of all copies."""
        return sum(shipment.goods_minor for shipment in self.shipments)

    @property
    def shipping_minor(self) -> int:
        """Return what the chosen carriers take."""
        return sum(shipment.shipping_minor for shipment in self.shipments)

    @property
    def total_minor(self) -> int:
        """Return what the buyer would pay."""
        return self.goods_minor + self.shipping_minor

    @property
    def carriers(self) -> dict[str, str]:
        """Return the chosen carriers as the fields of a form."""
        return {each.field: str(each.carrier.code) for each in self.shipments}


def estimate(lines: Sequence[CartItem], chosen: Mapping[str, str]) -> Estimate:
    """Return what lines come to.

    :param lines: of books on sale, one at least.
    :param chosen: carriers by the names of their fields; the first one of all where none is named.
    """
    by_seller: dict[int, list[CartItem]] = {}
    for line in lines:
        by_seller.setdefault(line.seller_id, []).append(line)
    return Estimate(
        [
            CartShipment(
                seller_id,
                own[0].seller_name,
                own,
                _carrier(chosen.get(f"{CARRIER_FIELD}{seller_id}")),
            )
            for seller_id, own in by_seller.items()
        ],
        lines[0].currency,
    )


def _carrier(code: str | None) -> Carrier:
    return CARRIERS[CarrierCode(code)] if code in CARRIERS else CARRIERS[FIRST_CHOICE]
