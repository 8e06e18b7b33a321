"""The verbs of accounts: register, authenticate, change, resolve a session."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.auth.addresses import AddressBook
from bookstore.auth.attempts import Attempts
from bookstore.auth.epochs import new_epoch
from bookstore.auth.models import User
from bookstore.auth.passwords import hash_password, needs_rehash, verify_password
from bookstore.core.db import Database, changed_rows
from bookstore.core.interfaces.auth import Account, ShippingAddress
from bookstore.core.services import service


class EmailTaken(Exception):
    """Another account has this email address."""


class WrongCredentials(Exception):
    """The email address or the password is wrong; which of them is not told."""


class Suspended(Exception):
    """The password is right, but a moderator has suspended the account."""


# What every page asks for a reader who is logged in is built once.
_OF_SESSION = select(User.id, User.name, User.email, User.is_admin).where(
    User.id == bindparam("id"),
    User.session_epoch == bindparam("epoch"),
    User.suspended_at.is_(None),
)


class LocalAuth:
    """Keep accounts in the shop's own database.

    ``address_book`` keeps their shipping addresses, ``attempts`` counts the guesses at secrets.
    """

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self.attempts = Attempts(database, key)
        self.address_book = AddressBook(database)

    def register(self, email: str, name: str, password: str) -> tuple[Account, int]:
        """Open an account.

        :param email: an address in lower case.
        :return: the account, and the epoch for its session.
        :raise EmailTaken: when the address has an account already.
        """
        hashed = hash_password(password)

        def work(db: Session) -> User:
            user = User(email=email, name=name, password_hash=hashed)
            db.add(user)
            return user

        try:
            user = self._database.transaction(work)
        except IntegrityError:
            raise EmailTaken(email) from None
        return _account(user), user.session_epoch

    def sign_up(self, email: str, name: str, password: str, address: str) -> tuple[Account, int]:
        """Open an account for somebody who asks for it, as ``register`` does.

        :param address: the IP address that they ask from.
        :raise TooManyAttempts: before it is looked whether the email address has an account.
        :raise EmailTaken: when it has; that counts too, for it tells who is known here.
        """
        self.attempts.begin_registration(address)
        return self.register(email, name, password)

    def find(self, email: str) -> Account | None:
        """Return the account with an email address."""
        user = self._user(email)
        return _account(user) if user else None

    def authenticate(self, email: str, password: str, address: str) -> tuple[Account, int]:
        """Check a password; failures count against the account and the address, see ``Attempts``.

        :param address: the IP address that the attempt comes from.
        :return: the account, and the epoch for its session.
        :raise TooManyAttempts: before the password is looked at.
        :raise WrongCredentials: after the same time for unknown people as for known ones.
        :raise Suspended: to who knows the password alone.
        """
        user = self.prove(email, password, address)
        if user.suspended_at is not None:
            raise Suspended(email)
        if needs_rehash(user.password_hash):
            self._renew_hash(user, password)
        return _account(user), user.session_epoch

    def prove(self, email: str, password: str, address: str) -> User:
        """Return a person who knows their password, and forget the guesses before.

        :param address: the IP address that the attempt comes from.
        :raise TooManyAttempts: before the password is looked at.
        :raise WrongCredentials: after the same time for unknown people as for known ones.
        """
        self.attempts.begin(email, address)
        user = self._user(email)
        if not verify_password(password, user.password_hash if user else None) or user is None:
            raise WrongCredentials(email)
        self.attempts.forget(email)
        return user

    def rename(self, account_id: int, name: str) -> None:
        """Change the name that others see."""
        statement = update(User).where(User.id == account_id).values(name=name)
        self._database.transaction(lambda db: changed_rows(db, statement))

    def change_password(self, email: str, old: str, new: str, address: str) -> int:
        """Change a person's password and end all of their sessions.

        :param address: the IP address that the attempt comes from.
        :return: the epoch for the session that goes on.
        :raise TooManyAttempts: before the old password is looked at.
        :raise WrongCredentials: when the old password is wrong, or was changed just now.
        """
        user = self.prove(email, old, address)
        epoch = self.replace_credentials(user, password_hash=hash_password(new))
        if epoch is None:
            raise WrongCredentials(email)
        return epoch

    def replace_credentials(self, user: User, **values: str) -> int | None:
        """Give a person another password hash or email address, and end their sessions.

        :param user: the person as read before; whatever changed since then wins.
        :param values: the columns that change, with what they get.
        :return: the new epoch; None when they have not that password and that epoch any more.
        :raise EmailTaken: when another account has the email address.
        """
        epoch = new_epoch()
        statement = (
            update(User)
            .where(
                User.id == user.id,
                User.password_hash == user.password_hash,
                User.session_epoch == user.session_epoch,
            )
            .values(session_epoch=epoch, **values)
        )
        try:
            changed = self._database.transaction(lambda db: changed_rows(db, statement))
        except IntegrityError:
            raise EmailTaken(values.get("email")) from None
        return epoch if changed == 1 else None

    def end_sessions(self, account_id: int) -> None:
        """End all sessions of a person, on all devices."""
        statement = update(User).where(User.id == account_id).values(session_epoch=new_epoch())
        self._database.transaction(lambda db: changed_rows(db, statement))

    def resolve(self, account_id: int, epoch: int) -> Account | None:
        """Return the account of a session, or None when it was revoked or they are suspended."""
        with self._database.reading() as db:
            row = db.execute(_OF_SESSION, {"id": account_id, "epoch": epoch}).one_or_none()
        return Account(*row) if row is not None else None

    def name(self, account_id: int) -> str | None:
        """Return the shown name of an account, or None when there is no such account."""
        return self.names([account_id]).get(account_id)

    def names(self, account_ids: Collection[int]) -> Mapping[int, str]:
        """Return the shown names of accounts; unknown ids are left out."""
        with self._database.reading() as db:
            rows = db.execute(select(User.id, User.name).where(User.id.in_(account_ids)))
            return {row.id: row.name for row in rows}

    def addresses(self, account_id: int) -> Sequence[ShippingAddress]:
        """Return a person's shipping addresses, the default first."""
        return self.address_book.list(account_id)

    def _user(self, email: str) -> User | None:
        with self._database.reading() as db:
            return db.scalar(select(User).where(User.email == email))

    def _renew_hash(self, user: User, password: str) -> None:
        # Only in place of the hash that was read: the password may have been changed meanwhile.
        statement = (
            update(User)
            .where(User.id == user.id, User.password_hash == user.password_hash)
            .values(password_hash=hash_password(password))
        )
        self._database.transaction(lambda db: changed_rows(db, statement))


def _account(user: User) -> Account:
    return Account(user.id, user.name, user.email, user.is_admin)


def local_auth() -> LocalAuth:
    """Return this process's own accounts, for the views of the auth domain."""
    return service(LocalAuth)
