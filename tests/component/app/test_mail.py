"""Mail: sent by a job over SMTP or into a folder, once, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from bookstore.auth.models import AuthJob
from bookstore.auth.password_reset import PasswordReset
from bookstore.auth.service import LocalAuth
from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database, now
from bookstore.core.jobs.kinds import Job
from bookstore.core.jobs.queue import Queue
from bookstore.core.jobs.registry import Jobs
from bookstore.core.mail.mailer import LEASE_SECONDS, Mailer, handle_mail
from bookstore.core.mail.mailer import mailer as mailer_of
from bookstore.core.mail.message import Button, Mail, Row
from bookstore.core.services import provide, service
from bookstore.core.web.i18n import in_language
from tests.component.app.databases import on_sqlite
from tests.component.app.mailbox import Mailbox, text_of
from tests.component.app.shopper import Shopper
from tests.support.certificates import Authority
from tests.support.mail_server import MailServer

pytestmark = on_sqlite
ANA = "ana@example.com"
DAY = timedelta(days=1)
SENT = Mail(
    ANA,
    "Vendiste «Ají & limón»",
    ["Hola, Ana <Gómez>.", "Se vendió un libro."],
    rows=[Row("Ají & limón", "$ 25.000"), Row("Total", "$ 25.000", is_sum=True)],
    buttons=[Button("Ver la venta", "https://books.example.com/orders/7")],
    closing=["Envíalo pronto."],
)


@pytest.fixture
def pem(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file of a server's key and certificate, whose authority clients trust."""
    folder, authority = tmp_path_factory.mktemp("mail"), Authority()
    pair = authority.sign("127.0.0.1")
    served, trusted = folder / "server.pem", folder / "ca.pem"
    served.write_text(pair.key + pair.certificate)
    trusted.write_text(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return served


@pytest.fixture
def start_server(pem: Path) -> Iterator[Callable[..., MailServer]]:
    """Give a way to start mail servers, which end with the test."""
    servers: list[MailServer] = []

    def start(at_once: bool = False, port: int = 0) -> MailServer:
        servers.append(MailServer(pem, at_once, ("127.0.0.1", port)).start())
        return servers[-1]

    yield start
    for server in servers:
        stop(server)


def stop(server: MailServer) -> None:
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(start_server: Callable[..., MailServer]) -> MailServer:
    """Give a mail server."""
    return start_server()


class Sender:
    """Adds jobs that send a mail by a server, and runs them."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.jobs = service(Jobs, app)
        (self.queue,) = [queue for queue in self.jobs.queues if queue.domain == "auth"]
        self.mail = SENT
        handle_mail(self.queue, "mail.test", self._run)

    def _run(self, job: Job) -> None:
        with in_language("es"):
            service(Mailer).send(self.mail, job)

    def use(self, server: MailServer, mode: str = "disabled", **changes: object) -> None:
        """Send by a server from now on."""
        update = {
            "smtp_host": "127.0.0.1",
            "smtp_port": server.port,
            "smtp_tls": mode,
            "smtp_from": "BookStore <books@example.com>",
            **changes,
        }
        settings = Settings.model_validate({**service(Settings, self.app).model_dump(), **update})
        provide(self.app, Mailer, mailer_of(settings))

    def add(self) -> None:
        add(self.queue, "mail.test")

    def job(self) -> AuthJob:
        """Return the newest job's row."""
        with self.queue.database.reading() as db:
            newest = select(AuthJob).order_by(AuthJob.id.desc()).limit(1)
            return db.scalars(newest).one()

    def run_later(self) -> None:
        """Run the job when it is due again."""
        self.jobs.run_due(self.job().run_at + timedelta(seconds=1))


def add(queue: Queue, kind: str) -> None:
    queue.database.transaction(lambda db: queue.add(db, kind, {}))


@pytest.fixture
def sender(app: Flask) -> Sender:
    """Give a sender of mail."""
    return Sender(app)


def html_of(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize("mode", ["starttls", "tls", "disabled"])
def test_mail_is_sent_by_smtp(
    sender: Sender, start_server: Callable[..., MailServer], mode: str
) -> None:
    server = start_server(mode == "tls")
    login = {} if mode == "disabled" else {"smtp_user": "shop", "smtp_password": "hunter2"}
    sender.use(server, mode, **login)
    sender.add()
    assert sender.jobs.run_due() == 1
    (mail,) = server.mails
    assert mail["From"] == "BookStore <books@example.com>"
    assert mail["To"] == ANA
    assert mail["Subject"] == "Vendiste «Ají & limón»"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "es"
    assert mail["Date"].datetime.utcoffset() == timedelta(0)
    assert mail["Message-ID"].endswith("@example.com>")
    assert mail.get_content_type() == "multipart/alternative"
    assert "STARTTLS" in server.said if mode == "starttls" else "STARTTLS" not in server.said
    assert any(line.startswith("AUTH") for line in server.said) == bool(login)
    assert sender.job().done_at is not None


def test_html_and_plain_text_say_the_same(sender: Sender, server: MailServer) -> None:
    sender.use(server)
    sender.add()
    sender.jobs.run_due()
    (mail,) = server.mails
    text, html = text_of(mail), html_of(mail)
    for said in ("Se vendió un libro.", "Envíalo pronto.", "$ 25.000", "Ver la venta"):
        assert said in text
        assert said in html
    assert "https://books.example.com/orders/7" in text.split()
    assert 'href="https://books.example.com/orders/7"' in html
    assert "Hola, Ana <Gómez>." in text
    assert "Hola, Ana &lt;Gómez&gt;." in html
    assert "Ají &amp; limón" in html
    assert '<html lang="es">' in html
    assert "nadie lee las respuestas" in text


def test_a_line_that_begins_with_a_dot_arrives_whole(sender: Sender, server: MailServer) -> None:
    lines = [".", "..", ".a line of its own", "a dot. Within."]
    sender.use(server)
    sender.mail = replace(SENT, paragraphs=["\n".join(lines)])
    sender.add()
    sender.jobs.run_due()
    (mail,) = server.mails
    assert set(lines) <= set(text_of(mail).splitlines())


def test_a_mail_asks_nothing_of_other_computers(sender: Sender, server: MailServer) -> None:
    sender.use(server)
    sender.add()
    sender.jobs.run_due()
    html = html_of(server.mails[0])
    assert "<img" not in html
    assert "url(" not in html
    assert "<link" not in html
    assert "<script" not in html


@pytest.mark.parametrize("mode", ["starttls", "tls"])
def test_a_server_that_cannot_show_who_it_is_gets_neither_password_nor_mail(
    sender: Sender,
    start_server: Callable[..., MailServer],
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    server = start_server(mode == "tls")
    sender.use(server, mode, smtp_user="shop", smtp_password="hunter2")
    sender.add()
    sender.jobs.run_due()
    assert server.received == []
    assert not any(line.startswith("AUTH") for line in server.said)
    error = "The mail server cannot be reached (SSLCertVerificationError)."
    assert sender.job().error == error


def test_mail_waits_while_the_server_is_down(
    sender: Sender, start_server: Callable[..., MailServer]
) -> None:
    gone = start_server()
    sender.use(gone)
    port = gone.port
    stop(gone)
    sender.add()
    sender.jobs.run_due()
    sender.run_later()
    waiting = sender.job()
    assert waiting.attempts == 2
    assert waiting.error == "The mail server cannot be reached (ConnectionRefusedError)."
    assert waiting.failed_at is None
    back = start_server(port=port)
    sender.run_later()
    sender.run_later()
    assert len(back.mails) == 1
    assert sender.job().done_at is not None


@pytest.mark.parametrize("verb", ["RCPT", "DATA"])
def test_what_is_refused_for_good_fails_at_once(
    sender: Sender, server: MailServer, verb: str
) -> None:
    server.answers = {verb: f"550 5.1.1 no such person as {ANA}"}
    sender.use(server)
    sender.add()
    sender.jobs.run_due()
    failed = sender.job()
    what = {"RCPT": "recipient", "DATA": "message"}[verb]
    assert failed.error == f"The mail server refuses the {what} (550)."
    assert failed.failed_at is not None
    assert failed.attempts == 1


@pytest.mark.parametrize(
    ("verb", "answer", "error"),
    [
        ("RCPT", f"450 greylisted {ANA}", "The mail server refuses the recipient (450)."),
        ("DATA", "451 later", "The mail server refuses the message (451)."),
        ("MAIL", "553 no", "The mail server refuses the sender (553); check SMTP_FROM."),
        (
            "AUTH",
            "535 hunter2 is wrong",
            "The mail server refuses the login (535); check SMTP_USER and SMTP_PASSWORD.",
        ),
        ("EHLO", "421 busy", "The mail server cannot be reached (SMTPHeloError)."),
    ],
)
def test_what_may_be_taken_later_is_tried_again(
    sender: Sender, server: MailServer, verb: str, answer: str, error: str
) -> None:
    server.answers = {verb: answer}
    if verb == "EHLO":
        server.answers["HELO"] = answer
    sender.use(server, smtp_user="shop", smtp_password="hunter2")
    sender.add()
    sender.jobs.run_due()
    waiting = sender.job()
    assert (waiting.error, waiting.failed_at) == (error, None)
    server.answers = {}
    sender.run_later()
    assert len(server.mails) == 1


def test_a_mail_that_the_server_has_taken_is_sent_whatever_it_says_for_goodbye(
    sender: Sender, server: MailServer
) -> None:
    server.answers = {"QUIT": "500 what?"}
    sender.use(server)
    sender.add()
    sender.jobs.run_due()
    assert sender.job().done_at is not None
    assert len(server.mails) == 1


def test_a_connection_that_is_cut_after_the_data_may_bring_a_mail_twice_under_one_id(
    sender: Sender, server: MailServer
) -> None:
    server.cuts = 1
    sender.use(server)
    sender.add()
    sender.jobs.run_due()
    broken = "The connection to the mail server broke (SMTPServerDisconnected)."
    assert sender.job().error == broken
    sender.run_later()
    first, again = server.mails
    assert first["Message-ID"] == again["Message-ID"]
    assert sender.job().done_at is not None


def test_two_mails_have_two_ids(sender: Sender, server: MailServer) -> None:
    sender.use(server)
    sender.add()
    sender.add()
    sender.jobs.run_due()
    first, second = server.mails
    assert first["Message-ID"] != second["Message-ID"]


def test_the_mail_of_a_killed_process_is_sent_by_another(
    app: Flask, sender: Sender, server: MailServer, settings: Settings
) -> None:
    service(LocalAuth, app).register(ANA, "Ana", "a long password")
    service(PasswordReset, app).ask(ANA, "192.0.2.1")
    server.stalls = True
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SQLALCHEMY_DATABASE_URI": settings.database_url.render_as_string(hide_password=False),
        "INSTANCE_DIR": str(settings.instance_dir),
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(server.port),
        "SMTP_TLS": "disabled",
        "SMTP_FROM": "books@example.com",
        "PUBLIC_URL": "https://books.example.com",
    }
    process = subprocess.Popen([sys.executable, "-m", "bookstore", "jobs", "run"], env=environment)
    assert server.stalled.wait(60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server.stalls = False
    sender.use(server)
    soon = now() + timedelta(seconds=LEASE_SECONDS / 2)
    sender.jobs.run_due(soon)
    assert server.received == []
    sender.jobs.run_due(soon + timedelta(seconds=LEASE_SECONDS))
    (mail,) = server.mails
    assert mail["To"] == ANA
    assert sender.job().attempts == 2


@pytest.mark.parametrize("to", ["ana@example.com\r\nBcc: eve@example.com", "a,eve@example.com"])
def test_no_address_adds_a_line_or_a_person_to_a_mail(
    sender: Sender, server: MailServer, to: str
) -> None:
    sender.use(server)
    sender.mail = Mail(to, "Hola", ["Hola."])
    sender.add()
    sender.jobs.run_due()
    assert server.received == []
    assert "eve@example.com" not in (sender.job().error or "")


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("ana@ñandú.example.com", "The mail server takes no address with such letters."),
        ("añá@example.com", "The address is none that a mail can be sent to."),
        ("ana gómez@example.com", "The address is none that a mail can be sent to."),
        ("", "The address is none that a mail can be sent to."),
    ],
)
def test_an_address_that_no_mail_can_go_to_fails_at_once(
    sender: Sender, server: MailServer, to: str, told: str
) -> None:
    sender.use(server)
    sender.mail = replace(SENT, to=to)
    sender.add()
    sender.jobs.run_due()
    failed = sender.job()
    assert (failed.error, failed.attempts) == (told, 1)
    assert failed.failed_at is not None
    assert server.received == []


def test_mail_waits_while_its_folder_cannot_be_written(
    app: Flask, sender: Sender, settings: Settings
) -> None:
    settings.outbox.write_text("a file where the folder should be")
    sender.add()
    sender.jobs.run_due()
    assert sender.job().error == "OUTBOX_DIR cannot be written (FileExistsError)."
    settings.outbox.unlink()
    sender.run_later()
    assert sender.job().done_at is not None
    assert len(list(settings.outbox.glob("*.eml"))) == 1


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("mail.registration", {"registration": 404, "nonce": 1}),
        ("mail.password_reset", {"account": 404}),
        ("mail.email_change", {"change": 404}),
        ("mail.email_change_notice", {"change": 404}),
        ("mail.invitation", {"invitation": 404, "nonce": 1}),
        ("account.renamed:catalogue", {"account": 404}),
    ],
)
def test_a_job_about_what_is_gone_is_done_without_a_mail(
    sender: Sender, settings: Settings, kind: str, payload: dict[str, int]
) -> None:
    sender.queue.database.transaction(lambda db: sender.queue.add(db, kind, payload))
    sender.jobs.run_due()
    assert sender.job().kind == kind
    assert sender.job().done_at is not None
    assert not settings.outbox.exists()


def test_a_subject_is_one_line(sender: Sender, server: MailServer) -> None:
    sender.use(server)
    sender.mail = Mail(ANA, "Vendiste «Ají\r\nBcc: eve@example.com»", ["Hola."])
    sender.add()
    sender.jobs.run_due()
    (mail,) = server.mails
    assert mail["Subject"] == "Vendiste «Ají Bcc: eve@example.com»"
    assert mail["Bcc"] is None


def test_a_mail_is_written_into_the_folder_once(
    app: Flask, sender: Sender, mailbox: Mailbox
) -> None:
    sender.add()
    killed: list[BaseException] = []

    def die(job: Job) -> None:
        Sender._run(sender, job)
        if not killed:
            killed.append(SystemExit())
            raise killed[0]

    kinds = sender.queue.kinds
    kinds["mail.test"] = replace(kinds["mail.test"], run=die)
    with pytest.raises(SystemExit):
        sender.jobs.run_due()
    sender.jobs.run_due(now() + DAY)
    assert sender.job().done_at is not None
    assert [mail["To"] for mail in mailbox()] == [ANA]


def test_no_job_of_a_mail_holds_an_address(
    app: Flask, seller: Shopper, mailbox: Mailbox, database: Database
) -> None:
    seller.post("/auth/reset", {"email": seller.email})
    mailbox()
    with database.reading() as db:
        rows = db.execute(select(AuthJob.kind, AuthJob.key, AuthJob.payload, AuthJob.error)).all()
    assert "mail.password_reset" in {row.kind for row in rows}
    assert "@" not in str(rows)
