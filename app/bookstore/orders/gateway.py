"""Payments: the gateway's interface, and a simulated one that decides by the card's number."""

import secrets
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.core.db import Database
from bookstore.orders.models import SimulatedCharge

APPROVED, DECLINED, CLOSED = "approved", "declined", "closed"
CARD_APPROVED = "4242424242424242"
CARD_DECLINED = "4000000000000002"
CARD_TIMEOUT = "4000000000000119"
TEST_CARDS = frozenset({CARD_APPROVED, CARD_DECLINED, CARD_TIMEOUT})


class PaymentDeclined(Exception):
    """The card's bank refuses the payment."""


class PaymentTimeout(Exception):
    """The gateway did not answer; whether the card is charged is not known."""


class PaymentGateway(Protocol):
    """Charge cards. A key names one payment: it is charged once at most, however often asked."""

    def charge(self, key: str, amount_minor: int, currency: str, card_number: str) -> str:
        """Charge a card.

        :return: the gateway's reference of the payment, the same for the same key.
        :raise PaymentDeclined: the key stays declined.
        :raise PaymentTimeout: ``close`` tells what became of it.
        """

    def close(self, key: str) -> str | None:
        """Make sure that a key is not charged from now on.

        :return: the reference if it was charged before, else None, and then it never will be.
        :raise PaymentTimeout: nothing is known yet.
        """


class SimulatedGateway:
    """Stand for a payment company. Its ledger is a table that no other code looks at.

    4242 4242 4242 4242 approves, 4000 0000 0000 0002 declines, and 4000 0000 0000 0119 does not
    answer and charges nothing. It does not know amounts that a bank would refuse, nor refunds.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def charge(self, key: str, amount_minor: int, currency: str, card_number: str) -> str:
        """Charge a test card; see ``PaymentGateway.charge``."""
        if card_number == CARD_TIMEOUT:
            raise PaymentTimeout(key)
        approves = card_number == CARD_APPROVED
        entry = self._enter(
            SimulatedCharge(
                key=key,
                outcome=APPROVED if approves else DECLINED,
                reference=f"sim_{secrets.token_hex(8)}" if approves else None,
                amount_minor=amount_minor,
                currency=currency,
            )
        )
        if entry.reference is None:
            raise PaymentDeclined(key)
        return entry.reference

    def close(self, key: str) -> str | None:
        """End a payment; see ``PaymentGateway.close``."""
        entry = SimulatedCharge(key=key, outcome=CLOSED, amount_minor=0, currency="")
        return self._enter(entry).reference

    def _enter(self, entry: SimulatedCharge) -> SimulatedCharge:
        key = entry.key

        def work(db: Session) -> None:
            db.add(entry)

        try:
            self._database.transaction(work)
        except IntegrityError:
            with self._database.reading() as db:
                return db.scalars(select(SimulatedCharge).where(SimulatedCharge.key == key)).one()
        return entry
