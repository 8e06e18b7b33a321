"""Parcels: the lines of a cart or a checkout by their seller, who sends them together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bookstore.core.interfaces.auth import auth_service
from bookstore.orders.cart import CartItem
from bookstore.orders.shipping import CARRIERS, CarrierCode

CARRIER_FIELD = "carrier_"


@dataclass(frozen=True)
class Parcel:
    """Hold what one seller would send."""

    seller_id: int
    seller: str | None
    lines: Sequence[CartItem]

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
    def currency(self) -> str:
        """Return the currency of all its prices."""
        return self.lines[0].currency

    def shipping_minor(self, typed: Mapping[str, str]) -> int:
        """Return the cost of the carrier that a form chooses, or of the first one of all."""
        code = typed.get(self.field, "")
        chosen = CARRIERS[CarrierCode(code)] if code in CARRIERS else next(iter(CARRIERS.values()))
        return chosen.cost_minor(self.copies)


def parcels_of(lines: Sequence[CartItem]) -> list[Parcel]:
    """Return lines by their seller, in the order of each seller's first line."""
    by_seller: dict[int, list[CartItem]] = {}
    for line in lines:
        by_seller.setdefault(line.seller_id, []).append(line)
    names = sellers_named(by_seller)
    return [Parcel(seller, names.get(seller), kept) for seller, kept in by_seller.items()]


def sellers_named(seller_ids: Collection[int]) -> Mapping[int, str]:
    """Return the shown names of sellers, asked for all at once; unknown ids are left out."""
    return auth_service().names({*seller_ids}) if seller_ids else {}
