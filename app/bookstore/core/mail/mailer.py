"""What handlers of jobs send mail by."""

import hashlib
from collections.abc import Callable

from flask import current_app

from bookstore.core.config.settings import Settings
from bookstore.core.jobs.kinds import Job, Lane
from bookstore.core.jobs.queue import Queue
from bookstore.core.mail.message import Mail, compose
from bookstore.core.mail.transports import FolderTransport, SmtpTransport, Transport
from bookstore.core.services import service

# From some seconds to an hour: about a day, as long as mail servers may be away.
ATTEMPTS = 32
FIRST_PAUSE_SECONDS = 10
# More than the ten seconds of each step of SMTP together.
LEASE_SECONDS = 240


class Mailer:
    """Sends mail in the handlers of jobs."""

    def __init__(self, transport: Transport, sender: str) -> None:
        self._transport = transport
        self._sender = sender

    def send(self, mail: Mail, job: Job) -> None:
        """Send the mail of a job, at each of its attempts under the same Message-ID.

        :raise TryLater: when it cannot be sent now.
        :raise GiveUp: when its address or its content is refused for good.
        """
        self._transport.send(compose(mail, self._sender, self._message_id(job)))

    def _message_id(self, job: Job) -> str:
        # With its moment: in a database that was emptied or restored, ids come again.
        named = f"{job.id} {job.kind} {job.key} {job.created_at.isoformat()}"
        digest = hashlib.sha256(named.encode()).hexdigest()[:32]
        return f"<{digest}@{self._sender.rpartition('@')[2].rstrip('> ')}>"


def mailer(settings: Settings) -> Mailer:
    """Return the mailer that the settings ask for; it neither connects nor writes yet."""
    by_smtp = settings.smtp_host is not None
    transport = SmtpTransport(settings) if by_smtp else FolderTransport(settings.outbox)
    return Mailer(transport, settings.smtp_from or "BookStore <no-reply@localhost>")


def handle_mail(queue: Queue, kind: str, run: Callable[[Job], object]) -> None:
    """Register what sends the mails of a kind; see ``Queue.handle``."""
    queue.handle(
        kind,
        run,
        attempts=ATTEMPTS,
        first_pause_seconds=FIRST_PAUSE_SECONDS,
        lease_seconds=LEASE_SECONDS,
        lane=Lane.MAIL,
    )


def link(endpoint: str, **values: object) -> str:
    """Return the address of a page, for a mail: outside of a request, on the shop's own host."""
    path = current_app.url_map.bind("").build(endpoint, values)
    return f"{service(Settings).link_base}{path}"
