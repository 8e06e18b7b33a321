"""Payments: the gateway's interface, and a simulated one that decides by the card's number."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from bookstore.core.db.database import Database
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


@dataclass(frozen=True)
class Payment:
    """What a gateway's own books say of a key; what was given back is less than nothing."""

    key: str
    outcome: str
    amount_minor: int
    currency: str
    made_at: datetime


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

    def payments(self, keys: Collection[str]) -> Mapping[str, Payment]:
        """Return what is known of some keys, of payments and refunds.

        :raise PaymentTimeout: when the gateway does not answer.
        """

    def payments_since(self, since: datetime, after: str, limit: int) -> Sequence[Payment]:
        """Return what was entered since a moment, in the order of the keys, after one of them.

        :raise PaymentTimeout: when the gateway does not answer.
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
    """A payment company that is simulated. Its ledger is a table that no other code looks at.

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
        if card_number in {CARD_APPROVED, CARD_LOST}:
            reference = self._enter(key, APPROVED, amount_minor, currency, _reference())
        else:
            reference = self._enter(key, DECLINED, amount_minor, currency)
        if card_number == CARD_LOST:
            raise PaymentTimeout(key)
        if reference is None:
            raise PaymentDeclined(key)
        return reference

    def close(self, key: str) -> str | None:
        """End a payment; see ``PaymentGateway.close``."""
        return self._enter(key, CLOSED)

    def payments(self, keys: Collection[str]) -> Mapping[str, Payment]:
        """Return what is known of some keys; see ``PaymentGateway.payments``."""
        with self._database.reading() as db:
            found = db.execute(_ENTRIES.where(SimulatedCharge.key.in_(keys)))
            return {row.key: Payment(*row) for row in found}

    def payments_since(self, since: datetime, after: str, limit: int) -> Sequence[Payment]:
        """Return what was entered since a moment; see ``PaymentGateway.payments_since``."""
        entered = (SimulatedCharge.created_at >= since, SimulatedCharge.key > after)
        page = _ENTRIES.where(*entered).order_by(SimulatedCharge.key).limit(limit)
        with self._database.reading() as db:
            return [Payment(*row) for row in db.execute(page)]

    def refund(self, key: str, charge_key: str, amount_minor: int, currency: str) -> str:
        """Give money back; see ``PaymentGateway.refund``."""
        if self.close(charge_key) is None:
            raise RefundRefused(charge_key)
        return str(self._enter(key, REFUNDED, -amount_minor, currency, _reference()))

    def _enter(
        self,
        key: str,
        outcome: str,
        amount_minor: int = 0,
        currency: str = "",
        reference: str | None = None,
    ) -> str | None:
        """Write down what becomes of a key, unless that is known; return its reference."""
        entry = insert(SimulatedCharge).values(
            key=key,
            outcome=outcome,
            reference=reference,
            amount_minor=amount_minor,
            currency=currency,
        )
        try:
            self._database.transaction(lambda db: db.connection().execute(entry).close())
        except IntegrityError:
            known = select(SimulatedCharge.reference).where(SimulatedCharge.key == key)
            with self._database.reading() as db:
                return db.scalars(known).one()
        return reference


_ENTRIES = select(
    SimulatedCharge.key,
    SimulatedCharge.outcome,
    SimulatedCharge.amount_minor,
    SimulatedCharge.currency,
    SimulatedCharge.created_at,
)


def _reference() -> str:
    return f"sim_{secrets.token_hex(8)}"
