"""Payments: the gateway's interface, and a simulated one that decides by the card's number."""

import secrets
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.core.db import Database
from bookstore.orders.models import SimulatedCharge

APPROVED, DECLINED, CLOSED, REFUNDED = "approved", "declined", "closed", "refunded"
CARD_APPROVED = "4242424242424242"
CARD_DECLINED = "4000000000000002"
CARD_TIMEOUT = "4000000000000119"
CARD_LOST = "4000000000000259"
TEST_CARDS = (CARD_APPROVED, CARD_DECLINED, CARD_TIMEOUT, CARD_LOST)


class PaymentDeclined(Exception):
    """The card's bank refuses the payment."""


class PaymentTimeout(Exception):
    """The gateway did not answer; whether the card is charged is not known."""


class RefundRefused(Exception):
    """There is no payment to give back from."""


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

    def refund(self, key: str, charge_key: str, amount_minor: int, currency: str) -> str:
        """Give back a part of a payment, or all of it.

        :param key: names the refund: it is made once at most, however often asked.
        :param charge_key: names the payment.
        :return: the gateway's reference of the refund, the same for the same key.
        :raise RefundRefused: when nothing was charged under the payment's key.
        :raise PaymentTimeout: whether it was made is not known; ask again.
        """


class SimulatedGateway:
    """Stand for a payment company. Its ledger is a table that no other code looks at.

    4242 4242 4242 4242 approves and 4000 0000 0000 0002 declines. Two do not answer: 4000 0000 0000
    0119 charges nothing, and 4000 0000 0000 0259 is charged all the same. It does not know amounts
    that a bank would refuse, nor that a refund could be larger than its payment.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def charge(self, key: str, amount_minor: int, currency: str, card_number: str) -> str:
        """Charge a test card; see ``PaymentGateway.charge``."""
        if card_number == CARD_TIMEOUT:
            raise PaymentTimeout(key)
        approves = card_number in {CARD_APPROVED, CARD_LOST}
        entry = self._enter(
            SimulatedCharge(
                key=key,
                outcome=APPROVED if approves else DECLINED,
                reference=f"sim_{secrets.token_hex(8)}" if approves else None,
                amount_minor=amount_minor,
                currency=currency,
            )
        )
        if card_number == CARD_LOST:
            raise PaymentTimeout(key)
        if entry.reference is None:
            raise PaymentDeclined(key)
        return entry.reference

    def close(self, key: str) -> str | None:
        """End a payment; see ``PaymentGateway.close``."""
        entry = SimulatedCharge(key=key, outcome=CLOSED, amount_minor=0, currency="")
        return self._enter(entry).reference

    def refund(self, key: str, charge_key: str, amount_minor: int, currency: str) -> str:
        """Give money back; see ``PaymentGateway.refund``."""
        if self.close(charge_key) is None:
            raise RefundRefused(charge_key)
        entry = self._enter(
            SimulatedCharge(
                key=key,
                outcome=REFUNDED,
                reference=f"sim_{secrets.token_hex(8)}",
                amount_minor=-amount_minor,
                currency=currency,
            )
        )
        return str(entry.reference)

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
