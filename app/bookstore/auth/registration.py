"""Registration: an account is opened by a link to its email address, where the shop sends mail.

Until then there is no account, so that nobody takes another's address, and nobody is told who is
known here: each registration is one row and one job, and who reads the mail is told the rest.
The link alone opens nothing either. It wants the password that was typed with the address, else
a stranger's registration would become the account of whoever is curious about the mail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bookstore.auth import models
from bookstore.auth.attempts import MAIL_LIMITS
from bookstore.auth.links import DAY_SECONDS, LinkInvalid, Links
from bookstore.auth.passwords import hash_password, verify_password
from bookstore.auth.service import LocalAuth, NewAccount, WrongCredentials
from bookstore.core.db.database import Database, now
from bookstore.core.interfaces.auth import Account
from bookstore.core.jobs.queue import Queue

KEPT = timedelta(days=2)
MAIL = "mail.registration"


@dataclass(frozen=True)
class Applicant:
    """Who wants an account: what they typed, and what their browser tells."""

    email: str
    name: str
    password: str
    language: str
    time_zone: str | None
    address: str
    """The IP address that they ask from."""


@dataclass(frozen=True)
class RegistrationMail:
    """What the mail of a registration is made of; without a token, the address has an account."""

    email: str
    name: str
    language: str
    token: str | None


class Registrations:
    """The registrations that wait for their link to be opened."""

    def __init__(
        self,
        database: Database,
        auth: LocalAuth,
        queue: Queue,
        keys: Sequence[str],
        *,
        confirms: bool,
    ) -> None:
        """Make it.

        :param keys: the keys that links are accepted from; the last one signs.
        :param confirms: whether the shop sends mail; without it an account is open at once.
        """
        self._database = database
        self._auth = auth
        self._queue = queue
        self._links = Links(keys, "registration", DAY_SECONDS)
        self.confirms = confirms

    def open(self, applicant: Applicant) -> tuple[Account, int]:
        """Open an account at once, where the shop sends no mail.

        :return: the account, and the epoch for its session.
        :raise TooManyAttempts: before it is looked whether the address has an account.
        :raise EmailTaken: when it has; that counts too, for it tells who is known here.
        """
        self._auth.attempts.begin_registration(applicant.address)
        new = _new(applicant)
        return self._database.transaction(lambda db: self._auth.open(db, new))

    def ask(self, applicant: Applicant) -> int:
        """Send a link to the address, or word that it has an account, to whoever reads its mail.

        :return: the registration's id, for ``send_again``.
        :raise TooManyAttempts: for known and unknown addresses alike.
        """
        self._auth.attempts.begin_registration(applicant.address)
        self._count_mail(applicant.email, applicant.address)
        new = _new(applicant)

        def work(db: Session) -> int:
            old = models.Registration.created_at < now() - KEPT
            db.execute(delete(models.Registration).where(old))
            row = models.Registration(**vars(new))
            db.add(row)
            db.flush()
            self._queue.add(db, MAIL, {"registration": row.id, "nonce": row.nonce})
            return row.id

        return self._database.transaction(work)

    def send_again(self, registration_id: int, address: str) -> None:
        """Send the mail of a registration once more; of one that is gone there is none.

        :param address: the IP address that the request comes from.
        :raise TooManyAttempts: after some mails to the address.
        """
        row = self._row(registration_id)
        if row is None:
            return
        self._count_mail(row.email, address)
        about = {"registration": registration_id, "nonce": row.nonce}
        self._database.transaction(lambda db: self._queue.add(db, MAIL, about))

    def email(self, registration_id: int) -> str | None:
        """Return the address of a registration, for who has made it."""
        row = self._row(registration_id)
        return row.email if row is not None else None

    def mail(self, registration_id: int, nonce: int) -> RegistrationMail | None:
        """Return what the mail of a registration says; None once the registration is gone.

        :param nonce: the registration's own, for an id may come again.
        """
        row = self._row(registration_id)
        if row is None or row.nonce != nonce:
            return None
        is_known = self._auth.find(row.email) is not None
        token = None if is_known else self._links.token(row.id, row.nonce)
        return RegistrationMail(row.email, row.name, row.language, token)

    def pending(self, token: str) -> str:
        """Return the address that a link confirms; it changes nothing.

        :raise LinkInvalid: when the link does not work.
        """
        return self._open(token).email

    def confirm(self, token: str, password: str, address: str) -> tuple[Account, int]:
        """Open the account of a registration; then all registrations of its address are gone.

        :param password: the one that was typed at the registration.
        :param address: the IP address that the request comes from.
        :return: the account, and the epoch for its session.
        :raise LinkInvalid: when the link does not work.
        :raise TooManyAttempts: to guess the password.
        :raise WrongCredentials: when it is wrong.
        :raise EmailTaken: when the address has got an account meanwhile.
        """
        row = self._open(token)
        self._auth.attempts.begin(f"registration {row.nonce}", address)
        if not verify_password(password, row.password_hash):
            raise WrongCredentials
        new = NewAccount(row.email, row.name, row.password_hash, row.language, row.time_zone)

        def work(db: Session) -> tuple[Account, int]:
            opened = self._auth.open(db, new)
            db.execute(delete(models.Registration).where(models.Registration.email == new.email))
            return opened

        return self._database.transaction(work)

    def _count_mail(self, email: str, address: str) -> None:
        self._auth.attempts.begin(f"registration of {email}", address, MAIL_LIMITS)

    def _row(self, registration_id: int) -> models.Registration | None:
        with self._database.reading() as db:
            query = select(models.Registration).where(models.Registration.id == registration_id)
            return db.scalar(query)

    def _open(self, token: str) -> models.Registration:
        registration_id, nonce = self._links.open(token)
        row = self._row(registration_id)
        if row is None or row.nonce != nonce:
            raise LinkInvalid
        return row


def _new(applicant: Applicant) -> NewAccount:
    return NewAccount(
        applicant.email,
        applicant.name,
        hash_password(applicant.password),
        applicant.language,
        applicant.time_zone,
    )
