"""The verbs of accounts: open, authenticate, change, resolve a session."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Update, bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.auth import models
from bookstore.auth.addresses import AddressBook
from bookstore.auth.attempts import Attempts
from bookstore.auth.epochs import new_epoch
from bookstore.auth.events import REGISTERED, RENAMED, AccountEvents
from bookstore.auth.passwords import hash_password, needs_rehash, verify_password
from bookstore.core.db.database import Database, changed_rows
from bookstore.core.identity import access
from bookstore.core.interfaces.auth import Account, ShippingAddress
from bookstore.core.jobs.queue import Queue
from bookstore.core.rpc.tokens import Signer
from bookstore.core.services import service
from bookstore.core.web.i18n import DEFAULT_LANGUAGE


class EmailTaken(Exception):
    """Another account has this email address."""


class WrongCredentials(Exception):
    """The email address or the password is wrong; which of them is not told."""


class Suspended(Exception):
    """The password is right, but a moderator has suspended the account."""


@dataclass(frozen=True)
class NewAccount:
    """What an account is opened with; the address is in lower case."""

    email: str
    name: str
    password_hash: str
    language: str = DEFAULT_LANGUAGE
    time_zone: str | None = None


_COLUMNS = (
    models.Account.id,
    models.Account.name,
    models.Account.email,
    models.Account.is_moderator,
    models.Account.language,
    models.Account.time_zone,
)
# What every page asks for a reader who is logged in is built once.
_OF_SESSION = select(*_COLUMNS).where(
    models.Account.id == bindparam("id"),
    models.Account.session_epoch == bindparam("epoch"),
    models.Account.suspended_at.is_(None),
)
_WITH_VERSION = _OF_SESSION.add_columns(models.Account.version)


class LocalAuth:
    """The accounts in the shop's own database.

    ``address_book`` keeps their shipping addresses, ``attempts`` counts the guesses at secrets,
    ``events`` tells other domains.
    """

    def __init__(self, database: Database, key: bytes, queue: Queue) -> None:
        self._database = database
        self.attempts = Attempts(database, key)
        self.address_book = AddressBook(database)
        self.events = AccountEvents(database, queue)

    def register(self, email: str, name: str, password: str) -> tuple[Account, int]:
        """Open an account at once; see ``Registrations`` for who asks for one.

        :param email: an address in lower case.
        :return: the account, and the epoch for its session.
        :raise EmailTaken: when the address has an account already.
        """
        new = NewAccount(email, name, hash_password(password))
        return self._database.transaction(lambda db: self.open(db, new))

    def open(self, db: Session, new: NewAccount) -> tuple[Account, int]:
        """Open an account in the caller's transaction.

        :return: the account, and the epoch for its session.
        :raise EmailTaken: when the address has an account already.
        """
        row = models.Account(**vars(new))
        db.add(row)
        try:
            db.flush()
        except IntegrityError:
            raise EmailTaken from None
        self.events.publish(db, REGISTERED, row.id)
        return account_of(row), row.session_epoch

    def find(self, email: str) -> Account | None:
        """Return the account with an email address."""
        row = self._row(email)
        return account_of(row) if row else None

    def authenticate(self, email: str, password: str, address: str) -> tuple[Account, int]:
        """Check a password; failures count against the account and the address, see ``Attempts``.

        :param address: the IP address that the attempt comes from.
        :return: the account, and the epoch for its session.
        :raise TooManyAttempts: before the password is looked at.
        :raise WrongCredentials: after the same time for unknown people as for known ones.
        :raise Suspended: to who knows the password alone.
        """
        row = self.prove(email, password, address)
        if row.suspended_at is not None:
            raise Suspended
        if needs_rehash(row.password_hash):
            self._renew_hash(row, password)
        return account_of(row), row.session_epoch

    def prove(self, email: str, password: str, address: str) -> models.Account:
        """Return the account of who knows its password, and forget the guesses before.

        :param address: the IP address that the attempt comes from.
        :raise TooManyAttempts: before the password is looked at.
        :raise WrongCredentials: after the same time for unknown people as for known ones.
        """
        self.attempts.begin(email, address)
        row = self._row(email)
        if not verify_password(password, row.password_hash if row else None) or row is None:
            raise WrongCredentials
        self.attempts.forget(email)
        return row

    def change_profile(self, account_id: int, **values: str) -> None:
        """Change the name that others see, the language of mails or the time zone.

        :param values: the columns that change, with what they get.
        """
        statement = update(models.Account).where(models.Account.id == account_id).values(**values)

        def work(db: Session) -> None:
            name = db.scalar(select(models.Account.name).where(models.Account.id == account_id))
            changed_rows(db, statement)
            if values.get("name", name) != name:
                self.events.publish(db, RENAMED, account_id)

        self._database.transaction(work)

    def change_password(self, email: str, old: str, new: str, address: str) -> int:
        """Change an account's password and end all of its sessions.

        :param address: the IP address that the attempt comes from.
        :return: the epoch for the session that goes on.
        :raise TooManyAttempts: before the old password is looked at.
        :raise WrongCredentials: when the old password is wrong, or was changed just now.
        """
        row = self.prove(email, old, address)
        epoch = self.replace_credentials(row, password_hash=hash_password(new))
        if epoch is None:
            raise WrongCredentials
        return epoch

    def replace_credentials(self, row: models.Account, **values: str) -> int | None:
        """Give an account another password hash or email address, and end its sessions.

        :param row: the account as read before; whatever changed since then wins.
        :param values: the columns that change, with what they get.
        :return: the new epoch; None when it has not that password and that epoch any more.
        :raise EmailTaken: when another account has the email address.
        """
        epoch = new_epoch()
        statement = (
            update(models.Account)
            .where(
                models.Account.id == row.id,
                models.Account.password_hash == row.password_hash,
                models.Account.session_epoch == row.session_epoch,
            )
            .values(session_epoch=epoch, **values)
        )
        try:
            changed = self._database.transaction(
                lambda db: self._end_sessions(db, row.id, statement)
            )
        except IntegrityError:
            raise EmailTaken from None
        return epoch if changed == 1 else None

    def end_sessions(self, account_id: int) -> None:
        """End all sessions of an account, on all devices."""
        own = models.Account.id == account_id
        statement = update(models.Account).where(own).values(session_epoch=new_epoch())
        self._database.transaction(lambda db: self._end_sessions(db, account_id, statement))

    def _end_sessions(self, db: Session, account_id: int, change: Update) -> int:
        changed = changed_rows(db, change)
        if changed:
            self.events.publish_sessions_ended(db, account_id)
        return changed

    def resolve(self, account_id: int, epoch: int) -> Account | None:
        """Return the account of a session, or None when it was revoked or they are suspended."""
        with self._database.reading() as db:
            row = db.execute(_OF_SESSION, {"id": account_id, "epoch": epoch}).one_or_none()
        return Account(*row) if row is not None else None

    def session_token(self, account_id: int, epoch: int) -> str | None:
        """Return a token that says for some minutes whose a session is, or None as ``resolve``."""
        with self._database.reading() as db:
            row = db.execute(_WITH_VERSION, {"id": account_id, "epoch": epoch}).one_or_none()
        if row is None:
            return None
        *account, version = row
        return access.sign(service(Signer), Account(*account), epoch, version)

    def account(self, account_id: int) -> Account | None:
        """Return an account, as for a mail to it, or None when there is none."""
        with self._database.reading() as db:
            query = select(*_COLUMNS).where(models.Account.id == account_id)
            row = db.execute(query).one_or_none()
        return Account(*row) if row is not None else None

    def addresses(self, account_id: int) -> Sequence[ShippingAddress]:
        """Return an account's shipping addresses, the default first."""
        return self.address_book.list(account_id)

    def _row(self, email: str) -> models.Account | None:
        with self._database.reading() as db:
            return db.scalar(select(models.Account).where(models.Account.email == email))

    def _renew_hash(self, row: models.Account, password: str) -> None:
        # Only in place of the hash that was read: the password may have been changed meanwhile.
        same = (models.Account.id == row.id, models.Account.password_hash == row.password_hash)
        statement = update(models.Account).where(*same)
        renewed = statement.values(password_hash=hash_password(password))
        self._database.transaction(lambda db: changed_rows(db, renewed))


def account_of(row: models.Account) -> Account:
    """Return what other domains know of an account."""
    return Account(row.id, row.name, row.email, row.is_moderator, row.language, row.time_zone)
