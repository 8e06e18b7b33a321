"""A mail server that keeps what it is sent, in clear, by STARTTLS or by TLS (RFC 5321).

It needs nothing but the standard library, for it is also a program on machines that have no more:
``python3 mail_server.py FOLDER`` keeps messages and the newest login as files.
"""

from __future__ import annotations

import socketserver
import ssl
import sys
import threading
import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

SUBMISSION_PORT = 587
LOOPBACK = ("127.0.0.1", 0)
LAST_LINE = b".\r\n"


class MailServer(socketserver.ThreadingTCPServer):
    """Keeps messages in ``received`` and the clients' commands in ``said``.

    :ivar answers: what it says to a verb in the place of its usual answer.
    :ivar cuts: after the end of so many messages it hangs up without a word, but keeps them.
    :ivar go_on: until it is set, messages wait for their answer; ``held`` tells that one does.
    :ivar stalls: when set, it takes a message's lines for ever and answers nothing.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, pem: Path | None = None, at_once: bool = False, address: tuple[str, int] = LOOPBACK
    ) -> None:
        """Listen.

        :param pem: its certificate and key; without them it offers no encryption.
        :param at_once: whether it encrypts before it says a word, in the place of STARTTLS.
        """
        self.context: ssl.SSLContext | None = None
        if pem is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pem)
        self.at_once = at_once
        self.received: list[bytes] = []
        self.said: list[str] = []
        self.answers: dict[str, str] = {}
        self.cuts = 0
        self._cutting = threading.Lock()
        self.stalls = False
        self.stalled = threading.Event()
        self.held = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        super().__init__(address, Conversation)

    def start(self) -> MailServer:
        """Serve in a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def keep(self, message: bytes) -> None:
        """Keep a message as it was before it was sent."""
        self.received.append(message)

    def hangs_up(self) -> bool:
        """Tell whether a message that was kept gets no answer."""
        with self._cutting:
            hangs_up = self.cuts > 0
            self.cuts -= hangs_up
        return hangs_up

    @property
    def port(self) -> int:
        """Return the port that it listens at."""
        return int(self.server_address[1])

    @property
    def mails(self) -> list[EmailMessage]:
        """Return what was received, as messages."""
        return [message_from_bytes(raw, policy=default) for raw in self.received]  # type: ignore[misc,arg-type]

    def handle_error(self, *_: object) -> None:
        """Print nothing: that a client hangs up is what some tests are about."""


class Conversation(socketserver.StreamRequestHandler):
    """Talks with one client."""

    server: MailServer
    is_encrypted = False

    def handle(self) -> None:
        """Answer command after command until the client leaves."""
        if self.server.at_once:
            self._encrypt()
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            self.server.said.append(line)
            verb = line.split()[0].upper()
            if verb in self.server.answers:
                self._say(self.server.answers[verb])
            elif verb == "EHLO":
                self._say(self._greeting())
            elif verb == "STARTTLS" and self._may_encrypt():
                self._say("220 go on")
                self._encrypt()
            elif verb == "AUTH":
                self._say("235 welcome")
            elif verb == "DATA":
                self._say("354 go on")
                if not self._take_message():
                    return
            elif verb == "QUIT":
                self._say("221 bye")
                return
            elif verb in {"HELO", "MAIL", "RCPT", "RSET", "NOOP"}:
                self._say("250 fine")
            else:
                self._say("502 no such command here")

    def _greeting(self) -> str:
        offers = ["hello", "8BITMIME", "AUTH PLAIN"]
        if self._may_encrypt():
            offers.append("STARTTLS")
        return "\r\n".join([*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"])

    def _may_encrypt(self) -> bool:
        return self.server.context is not None and not self.is_encrypted

    def _take_message(self) -> bool:
        lines = []
        while (line := self.rfile.readline()) != LAST_LINE:
            if not line:
                return False
            lines.append(line)
        if self.server.stalls:
            self.server.stalled.set()
            self.rfile.readline()
            return False
        self.server.held.set()
        self.server.go_on.wait()
        # RFC 5321, 4.5.2: the client put a dot before each line that begins with one.
        self.server.keep(b"".join(line.removeprefix(b".") for line in lines))
        if self.server.hangs_up():
            return False
        self._say("250 kept")
        return True

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _encrypt(self) -> None:
        assert self.server.context is not None
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb", buffering=0)
        self.is_encrypted = True


class FolderServer(MailServer):
    """Keeps messages and the newest login as files, for who is on another machine."""

    def __init__(self, folder: Path) -> None:
        """Listen on all addresses."""
        self._folder = folder
        super().__init__(address=("0.0.0.0", SUBMISSION_PORT))

    def keep(self, message: bytes) -> None:
        """Keep a message under a name that sorts by time."""
        super().keep(message)
        logins = [line.split()[-1] for line in self.said if line.upper().startswith("AUTH ")]
        self._folder.mkdir(exist_ok=True)
        (self._folder / "login").write_text(logins[-1] if logins else "")
        # In one step, so that no reader finds half of it.
        unfinished = self._folder / f"{time.time_ns()}.part"
        unfinished.write_bytes(message)
        unfinished.replace(unfinished.with_suffix(".eml"))


if __name__ == "__main__":
    FolderServer(Path(sys.argv[1])).serve_forever()
