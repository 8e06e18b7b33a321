"""What is asked for in a purchase, and why it may be refused."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bookstore.orders.forms import Destination, Wanted
from bookstore.orders.shipping import CARRIERS, Carrier, CarrierCode


class Refused(Exception):
    """A book cannot be bought.

    :param book_id: the book.
    """

    def __init__(self, book_id: int) -> None:
        super().__init__(f"book {book_id}")
        self.book_id = book_id


class NotForSale(Refused):
    """There is no such book on sale."""


class OwnBook(Refused):
    """A seller does not buy from themselves."""


class PriceChanged(Refused):
    """The book's price is not the one that the buyer saw."""


class NoCarrier(Exception):
    """A parcel has no carrier.

    :param seller_id: whose parcel it is.
    """

    def __init__(self, seller_id: int) -> None:
        super().__init__(f"the parcel of {seller_id} has no carrier")
        self.seller_id = seller_id


class KeyReused(Exception):
    """The idempotency key belongs to another purchase of this buyer."""


@dataclass(frozen=True)
class Basket:
    """Ask to buy books of any number of sellers at once.

    :param key: names the purchase: however often it is asked for, it is made once.
    :param lines: what is bought, a book in one line only.
    :param carriers: who brings the parcel of each seller.
    :param carrier: who brings the parcels of all others.
    """

    key: str
    lines: Sequence[Wanted]
    destination: Destination
    card_number: str = field(repr=False)
    carriers: Mapping[int, CarrierCode] = field(default_factory=dict)
    carrier: CarrierCode | None = None

    @property
    def hash(self) -> str:
        """Return what tells this request from others; without prices, which a replay outlives."""
        # Nor the card: the hash of a card's number gives the number away.
        asked = [
            sorted((line.book_id, line.quantity) for line in self.lines),
            self.destination.model_dump(mode="json"),
            sorted(self.carriers.items()),
            self.carrier,
        ]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def carrier_of(self, seller_id: int) -> Carrier:
        """Return who brings a seller's parcel.

        :raise NoCarrier: when nobody was chosen.
        """
        code = self.carriers.get(seller_id, self.carrier)
        if code is None:
            raise NoCarrier(seller_id)
        return CARRIERS[code]
