"""The mail that the shop has sent into its outbox."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from itsdangerous import TimestampSigner

from bookstore.auth.links import LINK_SECONDS
from bookstore.core.mail import Mailer

GIVE_UP_SECONDS = 30


def text_of(mail: EmailMessage) -> str:
    """Return the text of a mail."""
    return str(mail.get_content())


def let_links_expire(patch: pytest.MonkeyPatch) -> None:
    """Put the clock that links are read by past the hour that they work."""
    present = TimestampSigner.get_timestamp
    later = LINK_SECONDS + 2
    patch.setattr(TimestampSigner, "get_timestamp", lambda self: present(self) + later)


@dataclass(frozen=True)
class Mailbox:
    """Read what a mailer has sent into a folder, once it has done so."""

    mailer: Mailer
    folder: Path

    def __call__(self) -> list[EmailMessage]:
        """Return all mails, the oldest first."""
        self.mailer.settle(GIVE_UP_SECONDS)
        files = sorted(self.folder.glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=default) for file in files]  # type: ignore[arg-type]

    def to(self, email: str) -> list[EmailMessage]:
        """Return the mails to an address, the oldest first."""
        return [mail for mail in self() if mail["To"] == email]
