"""Where mail goes: to the SMTP server of the settings, else into a folder."""

import os
import smtplib
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from bookstore.core.config.settings import Settings
from bookstore.core.jobs.kinds import GiveUp, TryLater

SMTP_SECONDS = 10
MOST_KEPT = 1000
FOR_GOOD = 500


class Transport(Protocol):
    """Takes a message to where it is sent from."""

    def send(self, message: EmailMessage) -> None:
        """Send a message.

        :raise TryLater: when it cannot be sent now.
        :raise GiveUp: when its address or its content is refused for good.
        """


class SmtpTransport:
    """Sends by the SMTP server of the settings, over TLS unless they say otherwise (RFC 8314)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, message: EmailMessage) -> None:
        """Send a message; every step is given up after ten seconds of silence.

        What a server says may hold the address, so that errors tell its code alone.
        """
        try:
            server = self._connect()
        except smtplib.SMTPAuthenticationError as error:
            raise TryLater(
                f"The mail server refuses the login ({error.smtp_code}); "
                "check SMTP_USER and SMTP_PASSWORD."
            ) from None
        except OSError as error:
            raise TryLater(f"The mail server cannot be reached ({type(error).__name__}).") from None
        try:
            self._hand_over(server, message)
        finally:
            # The message is sent by now or it is not: how the server says goodbye is no matter.
            with suppress(OSError):
                server.quit()
            server.close()

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _ in error.recipients.values())
            raise _refusal("recipient", code) from None
        except smtplib.SMTPSenderRefused as error:
            # That is a matter of settings, which may be corrected.
            raise TryLater(
                f"The mail server refuses the sender ({error.smtp_code}); check SMTP_FROM."
            ) from None
        except smtplib.SMTPDataError as error:
            raise _refusal("message", error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise GiveUp("The mail server takes no address with such letters.") from None
        except OSError as error:
            name = type(error).__name__
            raise TryLater(f"The connection to the mail server broke ({name}).") from None

    def _connect(self) -> smtplib.SMTP:
        host, port = str(self._settings.smtp_host), self._settings.smtp_port
        if self._settings.smtp_tls == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, timeout=SMTP_SECONDS, context=context
            )
        else:
            server = smtplib.SMTP(host, port, timeout=SMTP_SECONDS)
        try:
            if self._settings.smtp_tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self._settings.smtp_user is not None and self._settings.smtp_password is not None:
                password = self._settings.smtp_password.get_secret_value()
                server.login(self._settings.smtp_user, password)
        except Exception:
            server.close()
            raise
        return server


class FolderTransport:
    """Keeps the newest messages as files that only the shop's own user can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage) -> None:
        """Write a message; its file appears whole, once under its Message-ID."""
        identity = str(message["Message-ID"]).strip("<>").partition("@")[0]
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Sorted as names: there are many, and to compare paths costs more than all the rest.
            kept = sorted(path.name for path in self._folder.iterdir() if path.suffix == ".eml")
            if not any(name.endswith(f"-{identity}.eml") for name in kept):
                self._write(message, identity)
                for old in kept[: max(0, len(kept) + 1 - MOST_KEPT)]:
                    (self._folder / old).unlink(missing_ok=True)
        except OSError as error:
            name = type(error).__name__
            raise TryLater(f"OUTBOX_DIR cannot be written ({name}).") from None

    def _write(self, message: EmailMessage, identity: str) -> None:
        # The name sorts by time.
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        unfinished = self._folder / f"{identity}.part"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.as_bytes())
        unfinished.replace(self._folder / f"{moment}-{identity}.eml")


def _refusal(what: str, code: int) -> GiveUp | TryLater:
    sentence = f"The mail server refuses the {what} ({code})."
    return GiveUp(sentence) if code >= FOR_GOOD else TryLater(sentence)
