"""Jobs of a real server: its processes run them, and end none half-way when they are told to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from bookstore.auth.models import AuthJob
from bookstore.auth.service import LocalAuth
from bookstore.core.config.settings import load_settings
from bookstore.core.db.database import Database
from bookstore.core.db.migrate import migrate
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.support.keys import SECRET_KEY
from tests.support.mail_server import MailServer
from tests.support.newdatabase import new_database
from tests.support.poll import eventually
from tests.support.replicas import GIVE_UP_SECONDS, LOOK_SECONDS, Replica
from tests.support.shopper import Shopper

ANA = "ana@example.com"


@pytest.fixture
def uri(mysql_url: str) -> Iterator[str]:
    with new_database(mysql_url) as uri:
        migrate(load_settings(sqlalchemy_database_uri=uri, secret_key=SECRET_KEY))
        yield uri


@pytest.fixture
def app(uri: str, tmp_path: Path) -> Iterator[Flask]:
    """Give the shop in this process, on the servers' database; it has an account."""
    settings = load_settings(
        sqlalchemy_database_uri=uri, secret_key=SECRET_KEY, instance_dir=tmp_path
    )
    app = create_app(settings)
    service(LocalAuth, app).register(ANA, "Ana", "a long password")
    yield app
    service(Database, app).engine.dispose()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer().start()
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def replica(uri: str, app: Flask, mail_server: MailServer, tmp_path: Path) -> Iterator[Replica]:
    """Give a server that sends its mail by the mail server."""
    replica = Replica(
        uri,
        tmp_path,
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=str(mail_server.port),
        SMTP_TLS="disabled",
        SMTP_FROM="BookStore <books@example.com>",
        PUBLIC_URL="https://books.example.com",
    )
    replica.start()
    replica.wait_ready()
    yield replica
    replica.kill()


def ask_for_a_password(replica: Replica) -> None:
    Shopper(replica.url).submit("/auth/reset", email=ANA)


def mails_done(app: Flask) -> list[bool]:
    with service(Database, app).reading() as db:
        jobs = db.scalars(select(AuthJob).where(AuthJob.kind == "mail.password_reset"))
        return [job.done_at is not None for job in jobs]


def test_a_server_sends_the_mail_of_a_request(
    app: Flask, replica: Replica, mail_server: MailServer
) -> None:
    ask_for_a_password(replica)

    def is_sent() -> None:
        assert mails_done(app) == [True]

    eventually(is_sent, within=GIVE_UP_SECONDS, every=LOOK_SECONDS)
    assert [mail["To"] for mail in mail_server.mails] == [ANA]


def test_a_server_that_ends_waits_for_the_mail_that_it_sends(
    app: Flask, replica: Replica, mail_server: MailServer
) -> None:
    mail_server.go_on.clear()
    ask_for_a_password(replica)
    assert mail_server.held.wait(GIVE_UP_SECONDS)
    with ThreadPoolExecutor(1) as pool:
        code = pool.submit(replica.stop)

        def refuses_requests() -> None:
            assert replica.state() == ""

        eventually(refuses_requests, within=GIVE_UP_SECONDS, every=LOOK_SECONDS)
        assert mails_done(app) == [False]
        mail_server.go_on.set()
        assert code.result() == 0
    assert mails_done(app) == [True]
    assert len(mail_server.mails) == 1
