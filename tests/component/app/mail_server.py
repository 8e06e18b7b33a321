"""A mail server that takes what it is sent, in clear, by STARTTLS or by TLS, and keeps it."""

from __future__ import annotations

import datetime
import ipaddress
import socketserver
import ssl
import threading
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail of the tests")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(encoding))
    return path


class MailServer(socketserver.ThreadingTCPServer):
    """Keep messages in ``received`` and what was said before each in ``said``.

    :ivar answers: what it says to a verb in the place of its usual answer.
    :ivar cuts: after the end of a message it hangs up without a word, but keeps the message.
    :ivar go_on: until it is set, messages wait for their answer; ``held`` tells that one does.
    :ivar stalls: when set, it takes a message's lines for ever and answers nothing.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, pem: Path, at_once: bool = False, port: int = 0) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem)
        self.at_once = at_once
        self.received: list[str] = []
        self.said: list[str] = []
        self.answers: dict[str, str] = {}
        self.cuts = False
        self.stalls = False
        self.stalled = threading.Event()
        self.held = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        super().__init__(("127.0.0.1", port), Conversation)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def mails(self) -> list[EmailMessage]:
        """Return what was received, as messages."""
        raw = [text.encode() for text in self.received]
        return [message_from_bytes(text, policy=default) for text in raw]  # type: ignore[misc,arg-type]

    def handle_error(self, *_: object) -> None:
        """Say nothing: that a client hangs up is what some tests are about."""


class Conversation(socketserver.StreamRequestHandler):
    """Talk as much SMTP as a client needs (RFC 5321)."""

    server: MailServer

    def handle(self) -> None:
        if self.server.at_once:
            self._encrypt()
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            self.server.said.append(line)
            verb = line.split()[0].upper()
            if verb in self.server.answers:
                self._say(self.server.answers[verb])
            elif verb == "EHLO":
                self._say("250-hello\r\n250-AUTH PLAIN\r\n250 STARTTLS")
            elif verb == "STARTTLS":
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
            else:
                self._say("250 fine")

    def _take_message(self) -> bool:
        lines = list(iter(lambda: self.rfile.readline().decode(), ".\r\n"))
        if self.server.stalls:
            self.server.stalled.set()
            self.rfile.readline()
            return False
        self.server.held.set()
        self.server.go_on.wait()
        self.server.received.append("".join(lines))
        if self.server.cuts:
            return False
        self._say("250 kept")
        return True

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _encrypt(self) -> None:
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb", buffering=0)
