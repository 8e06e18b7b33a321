"""The mail that the shop has sent into its outbox."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from flask import Flask
from itsdangerous import TimestampSigner

from bookstore.auth.links import HOUR_SECONDS
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service

GIVE_UP_SECONDS = 30


def text_of(mail: EmailMessage) -> str:
    """Return the plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def mails_in(folder: Path) -> list[EmailMessage]:
    """Return the mails in a folder, the oldest first."""
    files = sorted(folder.glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=default) for file in files]  # type: ignore[arg-type]


def let_links_expire(patch: pytest.MonkeyPatch, seconds: int = HOUR_SECONDS) -> None:
    """Put the clock that links are read by past the time that they work."""
    present = TimestampSigner.get_timestamp
    later = seconds + 2
    patch.setattr(TimestampSigner, "get_timestamp", lambda self: present(self) + later)


@dataclass(frozen=True)
class Mailbox:
    """Read what the shop has sent into a folder, once it has done so."""

    app: Flask
    folder: Path

    def __call__(self) -> list[EmailMessage]:
        """Return all mails, the oldest first."""
        service(Jobs, self.app).run_due()
        return mails_in(self.folder)

    def to(self, email: str) -> list[EmailMessage]:
        """Return the mails to an address, the oldest first."""
        return [mail for mail in self() if mail["To"] == email]
