"""Rate limits on guesses, registrations and mails, counted in the database over all replicas.

Why this is our own code. Flask-Limiter counts in the memory of one process, or in Redis,
Memcached, MongoDB or etcd: the shop has none of them, and in memory a limit is multiplied by
processes and replicas. It has no storage in SQL, and counts requests before a view has run, where
what is counted here depends on the form: an account, apart from the address that asks, and
forgotten once the owner has shown who they are.
"""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, delete, func, select
from sqlalchemy.orm import Session

from bookstore.auth.models import LoginAttempt
from bookstore.core.db.database import Database, now
from bookstore.core.web.i18n import lazy_gettext

WINDOW = timedelta(minutes=15)
KEPT = timedelta(days=1)
LONGEST_ADDRESS = 45
HELD_UP = lazy_gettext("Too many attempts. Wait fifteen minutes and try again.")


@dataclass(frozen=True)
class Limits:
    """How many attempts the window allows, of each kind."""

    on_account_from_address: int
    on_account: int
    from_address: int


# Many people may share an address, as at a university, or behind a load balancer that does not
# pass theirs on, so it takes more than anybody opens alone.
REGISTRATION_LIMITS = Limits(on_account_from_address=100, on_account=100, from_address=100)
MAIL_LIMITS = Limits(on_account_from_address=3, on_account=6, from_address=100)
PASSWORD_LIMITS = Limits(on_account_from_address=10, on_account=50, from_address=100)


class TooManyAttempts(Exception):
    """Too many attempts were made on this account or from this address in the last minutes."""


class Attempts:
    """Count attempts before they are let through.

    Each is written down and committed first and counted after, itself included: of any number
    that race, no more than the limit see a count within it.
    """

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = key

    def begin(self, account: str, address: str, limits: Limits = PASSWORD_LIMITS) -> None:
        """Count an attempt on an account.

        :param account: what the attempts are for: an email address, whether anyone has it or not.
        :param address: the IP address that the attempt comes from.
        :raise TooManyAttempts: when it is over a limit; then it does not count.
        """
        self._begin(self._hash(account), network_of(address), limits)

    def begin_registration(self, address: str) -> None:
        """Count an attempt to open an account, whatever becomes of it.

        They are counted apart from what counts as guesses: many who open an account shall hold
        up nobody who logs in.

        :param address: the IP address that the attempt comes from.
        :raise TooManyAttempts: when it is over a limit; then it does not count.
        """
        origin = f"+{network_of(address)}"[:LONGEST_ADDRESS]
        self._begin(self._hash(f"registration {origin}"), origin, REGISTRATION_LIMITS)

    def _begin(self, account_hash: str, address: str, limits: Limits) -> None:
        attempt_id = self._database.transaction(lambda db: self._write(db, account_hash, address))
        with self._database.reading() as db:
            blocked = self._is_over(db, account_hash, address, limits)
        if blocked:
            # Who goes on trying shall not lock the account's owner out for ever.
            self._database.transaction(
                lambda db: db.execute(delete(LoginAttempt).where(LoginAttempt.id == attempt_id))
            )
            raise TooManyAttempts(address)

    def forget(self, account: str) -> None:
        """Drop what was counted on an account, for its owner has shown who they are."""
        account_hash = self._hash(account)
        self._database.transaction(
            lambda db: db.execute(
                delete(LoginAttempt).where(LoginAttempt.account_hash == account_hash)
            )
        )

    def _hash(self, account: str) -> str:
        return hmac.new(self._key, account.encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _write(db: Session, account_hash: str, address: str) -> int:
        attempt = LoginAttempt(account_hash=account_hash, address=address)
        db.add(attempt)
        db.flush()
        db.execute(delete(LoginAttempt).where(LoginAttempt.attempted_at < now() - KEPT))
        return attempt.id

    @staticmethod
    def _is_over(db: Session, account_hash: str, address: str, limits: Limits) -> bool:
        recent = LoginAttempt.attempted_at > now() - WINDOW
        on_account, both = db.execute(
            select(
                func.count(),
                func.coalesce(func.sum(case((LoginAttempt.address == address, 1), else_=0)), 0),
            ).where(LoginAttempt.account_hash == account_hash, recent)
        ).one()
        if both > limits.on_account_from_address or on_account > limits.on_account:
            return True
        from_address = db.scalar(
            select(func.count()).where(LoginAttempt.address == address, recent)
        )
        return (from_address or 0) > limits.from_address


def network_of(address: str) -> str:
    """Return what attempts from an IP address are counted under.

    Who has one IPv6 address usually has the 2**64 of its network (RFC 6177), so these count as
    one. What a proxy passes on that is no address is cut to what the column holds.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:LONGEST_ADDRESS]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))
