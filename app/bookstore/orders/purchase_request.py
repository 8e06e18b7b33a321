"""What a purchase asks for, and why it may be refused."""

import hashlib
import json
from collections.abc import Collection, Sequence
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
    """A shipment has no carrier.

    :param seller_id: who sends it.
    """

    def __init__(self, seller_id: int) -> None:
        super().__init__(f"the shipment of {seller_id} has no carrier")
        self.seller_id = seller_id


class CarriersRefused(Exception):
    """The carriers do not fit the sellers.

    :param seller_id: the seller who is named wrongly.
    """

    def __init__(self, seller_id: int) -> None:
        super().__init__(f"seller {seller_id}")
        self.seller_id = seller_id


class NamedTwice(CarriersRefused):
    """Two carriers are chosen for one seller."""


class NoShipment(CarriersRefused):
    """A carrier is chosen for who sells nothing in the purchase."""


class KeyReused(Exception):
    """The idempotency key belongs to another purchase of this buyer."""


@dataclass(frozen=True)
class PurchaseRequest:
    """What a buyer asks for: books of any number of sellers, paid at once.

    :param key: names the purchase: however often it is asked for, it is made once.
    :param lines: what is bought, a book in one line only.
    :param carriers: who brings the shipment of each seller, a seller once.
    :param carrier: who brings the shipments of all others.
    """

    key: str
    lines: Sequence[Wanted]
    destination: Destination
    card_number: str = field(repr=False)
    carriers: Sequence[tuple[int, CarrierCode]] = ()
    carrier: CarrierCode | None = None

    @property
    def hash(self) -> str:
        """Return what tells this request from others; without prices, which a replay outlives."""
        # Nor the card: the hash of a card's number gives the number away.
        asked = [
            sorted((line.book_id, line.quantity) for line in self.lines),
            self.destination.model_dump(mode="json"),
            # Of two for one seller the last counts.
            sorted(dict(self.carriers).items()),
            self.carrier,
        ]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def carriers_of(self, sellers: Collection[int]) -> dict[int, Carrier]:
        """Return who brings the shipment of each of the purchase's sellers.

        :raise NamedTwice: when one of ``carriers`` is for a seller who has one.
        :raise NoCarrier: when nobody was chosen.
        :raise NoShipment: when one of ``carriers`` is for none of the sellers.
        """
        chosen: dict[int, CarrierCode] = {}
        for seller_id, code in self.carriers:
            if seller_id in chosen:
                raise NamedTwice(seller_id)
            chosen[seller_id] = code
        found = {}
        for seller_id in sellers:
            brought_by = chosen.get(seller_id, self.carrier)
            if brought_by is None:
                raise NoCarrier(seller_id)
            found[seller_id] = CARRIERS[brought_by]
        for seller_id in chosen:
            if seller_id not in found:
                raise NoShipment(seller_id)
        return found
