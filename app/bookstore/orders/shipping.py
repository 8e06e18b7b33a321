"""Simulated carriers, with what they cost and how long they take."""

from dataclasses import dataclass
from enum import StrEnum

from bookstore.core.money import MINOR_UNITS


class CarrierCode(StrEnum):
    """A carrier that the buyer can choose."""

    STANDARD = "standard"
    EXPRESS = "express"


@dataclass(frozen=True)
class Carrier:
    """A carrier: its prices in minor units, and its least and most working days."""

    code: CarrierCode
    name: str
    first_copy_minor: int
    other_copy_minor: int
    days_least: int
    days_most: int

    def cost_minor(self, copies: int) -> int:
        """Return the cost of sending a number of copies in one shipment."""
        return self.first_copy_minor + (copies - 1) * self.other_copy_minor


CARRIERS = {
    carrier.code: carrier
    for carrier in (
        Carrier(
            CarrierCode.STANDARD, "Correo Páramo", 9_000 * MINOR_UNITS, 2_000 * MINOR_UNITS, 4, 6
        ),
        Carrier(
            CarrierCode.EXPRESS, "Cóndor Exprés", 18_000 * MINOR_UNITS, 3_500 * MINOR_UNITS, 1, 2
        ),
    )
}
