"""A mail server that counts what arrives: whom a mail is for, what it tells of, and its id."""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from email import message_from_bytes
from email.policy import default

from tests.support.mail_server import MailServer

# The page that a mail leads to, such as /orders/7, names the event among those of its recipient.
PAGE = re.compile(r"^https?://[^/]+(/(?:purchases|orders)/\d+)\s", re.MULTILINE)

Event = tuple[str, str]


class Arrivals(MailServer):
    """Counts, of each recipient and page, how often a mail came under which Message-ID.

    :ivar cut: how many mails were taken without an answer, so that they come again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[Event, Counter[str]] = defaultdict(Counter)
        self.cut = 0
        self._counting = threading.Lock()

    def keep(self, message: bytes) -> None:
        """Count a message; they are too many to be kept."""
        mail = message_from_bytes(message, policy=default)
        body = mail.get_body(("plain",))
        page = PAGE.search(body.get_content()) if body else None
        with self._counting:
            self.ids[mail["To"], page[1] if page else ""][mail["Message-ID"]] += 1
            self.said.clear()

    def hangs_up(self) -> bool:
        """Tell whether a message gets no answer, and count it then."""
        hangs_up = super().hangs_up()
        with self._counting:
            self.cut += hangs_up
        return hangs_up
