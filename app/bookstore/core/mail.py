"""Mail: by SMTP where it is configured, else into an outbox folder; never in a reader's way."""

import logging
import os
import secrets
import smtplib
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Protocol

from flask import Response, after_this_request, has_request_context

from bookstore.core.config import Settings

SMTP_SECONDS = 10
SENDERS = 2
MOST_WAITING = 50
MOST_KEPT = 1000

log = logging.getLogger("bookstore.mail")


@dataclass(frozen=True)
class Mail:
    """Hold a message in plain text for one person."""

    to: str
    subject: str
    text: str


class Transport(Protocol):
    """Take a message to where it is sent from."""

    def send(self, message: EmailMessage) -> None:
        """Send a message.

        :raise OSError: when it cannot be sent now; ``smtplib``'s errors are such.
        """


class SmtpTransport:
    """Send by the SMTP server of the settings, over TLS unless they say otherwise (RFC 8314)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, message: EmailMessage) -> None:
        """Send a message; every step is given up after ten seconds of silence."""
        with self._connect() as server:
            if self._settings.smtp_user is not None and self._settings.smtp_password is not None:
                password = self._settings.smtp_password.get_secret_value()
                server.login(self._settings.smtp_user, password)
            server.send_message(message)

    def _connect(self) -> smtplib.SMTP:
        host, port = str(self._settings.smtp_host), self._settings.smtp_port
        if self._settings.smtp_tls == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, port, timeout=SMTP_SECONDS, context=context)
        server = smtplib.SMTP(host, port, timeout=SMTP_SECONDS)
        if self._settings.smtp_tls == "starttls":
            try:
                server.starttls(context=ssl.create_default_context())
            except Exception:
                server.close()
                raise
        return server


class Outbox:
    """Keep the newest messages as files that only the shop's own user can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage) -> None:
        """Write a message; its file appears whole, under a name that sorts by time."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        path = self._folder / f"{moment}-{secrets.token_hex(4)}.eml"
        unfinished = path.with_suffix(".part")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.as_bytes())
        unfinished.replace(path)
        for old in sorted(self._folder.glob("*.eml"))[:-MOST_KEPT]:
            old.unlink(missing_ok=True)


class Mailer:
    """Send mail from threads of its own, so that no request waits for it or can tell its fate.

    What a process has not sent when it is killed is lost; people ask again.
    """

    def __init__(self, transport: Transport, sender: str) -> None:
        self._transport = transport
        self._sender = sender
        self._senders: ThreadPoolExecutor | None = None
        self._waiting: set[Future[None]] = set()
        self._lock = threading.Lock()

    def hand_over(self, compose: Callable[[], Mail | None]) -> None:
        """Compose and send a message soon; in a request, once its answer has been sent.

        :param compose: returns the message, or None for nobody to write to. Begun any sooner, it
            would slow the answer down, and so tell that there is somebody.
        """
        if not has_request_context():
            self._begin(compose)
            return

        @after_this_request
        def begin_later(response: Response) -> Response:
            response.call_on_close(lambda: self._begin(compose))
            return response

    def send(self, mail: Mail) -> None:
        """Send a message now.

        :raise OSError: when it cannot be sent now.
        """
        self._transport.send(self._message(mail))

    def _begin(self, compose: Callable[[], Mail | None]) -> None:
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                log.error("mail not sent", extra={"error": "too many are waiting"})
                return
            # Not before the first message: threads do not come along into a forked worker.
            if self._senders is None:
                self._senders = ThreadPoolExecutor(SENDERS, "mail")
            job = self._senders.submit(self._send, compose)
            self._waiting.add(job)
        job.add_done_callback(self._done)

    def settle(self, seconds: float) -> None:
        """Wait until what was handed over is sent or given up, or the seconds have passed."""
        with self._lock:
            waiting = set(self._waiting)
        wait(waiting, seconds)

    def _done(self, job: Future[None]) -> None:
        with self._lock:
            self._waiting.discard(job)

    def _send(self, compose: Callable[[], Mail | None]) -> None:
        try:
            mail = compose()
            if mail is not None:
                self._transport.send(self._message(mail))
        except Exception as error:  # noqa: BLE001 - nobody waits for this thread's result
            # Only the kind: the words of mail servers name people, and a message holds links.
            log.error("mail not sent", extra={"error": type(error).__name__})  # noqa: TRY400

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = Address(addr_spec=mail.to)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2].rstrip(">"))
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        return message


def mailer(settings: Settings) -> Mailer:
    """Return the mailer that the settings ask for; it neither connects nor writes yet."""
    transport = SmtpTransport(settings) if settings.smtp_host else Outbox(settings.outbox)
    return Mailer(transport, settings.smtp_from or "BookStore <no-reply@localhost>")
