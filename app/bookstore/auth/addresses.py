"""The verbs of shipping addresses; each person sees and changes their own alone."""

from typing import Any, cast

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from bookstore.auth.forms import AddressInput
from bookstore.auth.models import Account, Address
from bookstore.core.db.database import Database, changed_rows
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.auth import ShippingAddress

MOST_ADDRESSES = 20

_SHOWN = (
    Address.id,
    Address.recipient,
    Address.line1,
    Address.line2,
    Address.city,
    Address.region,
    Address.postal_code,
    Address.country,
    Address.phone,
    Address.is_default,
)


class TooManyAddresses(Exception):
    """The person has as many addresses as can be kept."""


class AddressBook:
    """People's shipping addresses; where there are any, exactly one is the default.

    A person's changes queue at their row of accounts, so that two at once leave one default.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, account_id: int) -> list[ShippingAddress]:
        """Return a person's addresses, the default first, then the newest."""
        query = (
            select(*_SHOWN)
            .where(Address.account_id == account_id)
            .order_by(Address.is_default.desc(), Address.id.desc())
        )
        with self._database.reading() as db:
            return [ShippingAddress(*cast("Any", row)) for row in db.execute(query)]

    def get(self, account_id: int, address_id: int) -> ShippingAddress:
        """Return one of a person's addresses.

        :raise NotFound: when there is none or it is another's.
        """
        query = select(*_SHOWN).where(Address.id == address_id, Address.account_id == account_id)
        with self._database.reading() as db:
            row = db.execute(query).one_or_none()
        if row is None:
            raise NotFound(address_id)
        return ShippingAddress(*cast("Any", row))

    def add(self, account_id: int, data: AddressInput) -> int:
        """Keep an address; the first one becomes the default.

        The same address again, as from a double click, is the one that is there.

        :return: the address's id.
        :raise TooManyAddresses: when the person has ``MOST_ADDRESSES`` already.
        """
        fields = data.model_dump()

        def work(db: Session) -> int:
            _queue(db, account_id)
            same = [getattr(Address, name) == value for name, value in fields.items()]
            own = Address.account_id == account_id
            known = db.scalar(select(Address.id).where(own, *same).limit(1))
            if known is not None:
                return known
            count = db.scalar(select(func.count()).where(own)) or 0
            if count >= MOST_ADDRESSES:
                raise TooManyAddresses(account_id)
            address = Address(account_id=account_id, is_default=count == 0, **fields)
            db.add(address)
            db.flush()
            return address.id

        return self._database.transaction(work)

    def change(self, account_id: int, address_id: int, data: AddressInput) -> None:
        """Change an address; orders keep the one of their moment.

        :raise NotFound: when there is none or it is another's.
        """
        statement = (
            update(Address)
            .where(Address.id == address_id, Address.account_id == account_id)
            .values(**data.model_dump())
        )
        if self._database.transaction(lambda db: changed_rows(db, statement)) != 1:
            raise NotFound(address_id)

    def make_default(self, account_id: int, address_id: int) -> None:
        """Make an address the one that a checkout begins with.

        :raise NotFound: when there is none or it is another's.
        """

        def work(db: Session) -> None:
            _queue(db, account_id)
            if not _mark(db, account_id, address_id):
                raise NotFound(address_id)
            others = (Address.account_id == account_id, Address.id != address_id)
            changed_rows(db, update(Address).where(*others).values(is_default=False))

        self._database.transaction(work)

    def remove(self, account_id: int, address_id: int) -> None:
        """Forget an address; without its default the person's newest one becomes it.

        :raise NotFound: when there is none or it is another's.
        """

        def work(db: Session) -> None:
            _queue(db, account_id)
            own = Address.account_id == account_id
            gone = delete(Address).where(Address.id == address_id, own)
            if changed_rows(db, gone) != 1:
                raise NotFound(address_id)
            default = select(Address.id).where(own, Address.is_default).limit(1)
            newest = select(Address.id).where(own).order_by(Address.id.desc()).limit(1)
            if db.scalar(default) is None and (next_id := db.scalar(newest)) is not None:
                _mark(db, account_id, next_id)

        self._database.transaction(work)


def _queue(db: Session, account_id: int) -> None:
    db.execute(select(Account.id).where(Account.id == account_id).with_for_update())


def _mark(db: Session, account_id: int, address_id: int) -> bool:
    marked = update(Address).where(Address.id == address_id, Address.account_id == account_id)
    return changed_rows(db, marked.values(is_default=True)) == 1
