"""`bookstore check`: everything that is wrong, each with its fix, and no secrets."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import make_url

from bookstore.cli.check import check
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.migrate import migrate
from bookstore.core.db.schema import head_revision
from bookstore.core.rpc.keys import create
from tests.component.app.databases import on_sqlite
from tests.support.keys import SECRET_KEY


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTANCE_DIR", str(tmp_path))


def checked(**environment: str) -> Result:
    return CliRunner().invoke(check, env=environment)


def test_a_good_configuration_is_told(settings: Settings, database_uri: str) -> None:
    migrate(settings)
    done = checked(SQLALCHEMY_DATABASE_URI=database_uri, SECRET_KEY="a good long secret key")
    assert done.output == "The configuration is good and the database is up to date.\n"
    assert done.exit_code == 0


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = checked(
        PORT="http",
        METRICS_PORT="70000",
        LOG_LEVEL="LOUD",
        SECRET_KEY="hunter2",
        SECRET_KEY_FALLBACKS="another good long secret key,abababababababababab,short",
        DB_HOST="db.example.com",
        DB_TLS="verify-identity",
        UPLOADS_DIR=str(tmp_path / "file"),
        BACKUPS_DIR=str(tmp_path / "file" / "below"),
    )
    lines = [line.removeprefix("bookstore: ") for line in done.stderr.splitlines()]
    variables = [line.split()[0] for line in lines]
    assert variables == [
        *("PORT", "METRICS_PORT", "LOG_LEVEL"),
        *("DB_NAME", "DB_USER", "DB_PASSWORD"),
        *("DB_TLS", "SECRET_KEY", "SECRET_KEY_FALLBACKS"),
        *("SECRET_KEY_FALLBACKS", "BACKUPS_DIR"),
        *("UPLOADS_DIR", "BACKUPS_DIR"),
    ]
    assert all("; " in line and line.endswith(".") for line in lines), lines
    assert "hunter2" not in done.stderr
    assert "abab" not in done.stderr
    assert done.exit_code == 1


def test_a_database_that_cannot_be_reached_is_told_beside_the_rest() -> None:
    done = checked(
        SQLALCHEMY_DATABASE_URI="mysql+pymysql://shop:hunter2@127.0.0.1:9/shop",
        UPLOADS_DIR="/proc/uploads",
    )
    assert "SECRET_KEY is not set" in done.stderr
    assert "UPLOADS_DIR is /proc/uploads, where the shop cannot write" in done.stderr
    assert "The database at 127.0.0.1:9 does not answer" in done.stderr
    assert "hunter2" not in done.stderr
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"PORT": "5001", "METRICS_PORT": "5001"}, "METRICS_PORT and PORT are both 5001"),
        ({"UPLOADS_DIR": "/srv/x", "BACKUPS_DIR": "/srv/x/b"}, "lies in UPLOADS_DIR"),
        ({"DB_TLS_CA": "/nowhere/ca.pem"}, "DB_TLS_CA is /nowhere/ca.pem, which is no file"),
        ({"DB_TLS_CA": __file__}, "which holds no certificate"),
        ({"SQLALCHEMY_DATABASE_URI": "mysql+pymysql://u:p@h"}, "names no database"),
        ({"SQLALCHEMY_DATABASE_URI": "postgresql://u:p@h/b"}, "begins with postgresql; begin it"),
        ({"OUTBOX_DIR": "/proc/outbox"}, "OUTBOX_DIR is /proc/outbox, where the shop cannot write"),
        ({"FLASK_ENV": "production"}, "Neither PUBLIC_URL nor TRUSTED_HOSTS is set"),
        ({"SMTP_HOST": "mail"}, "SMTP_FROM is no address to send from"),
        (
            {"SMTP_HOST": "mail.example.com", "TRUSTED_HOSTS": "books.example.com"},
            (
                "SMTP_HOST is mail.example.com and PUBLIC_URL is not set, so that links in mail "
                "would begin with https://books.example.com; set PUBLIC_URL to the address that "
                "readers open"
            ),
        ),
        ({"SMTP_USER": "shop"}, "set SMTP_PASSWORD too"),
        ({}, "bookstore.sqlite3 is not there yet; run bookstore migrate"),
    ],
)
def test_settings_that_do_not_fit_together_are_told(given: dict[str, str], sentence: str) -> None:
    done = checked(**given)
    assert sentence in done.stderr
    assert done.exit_code == 1


@on_sqlite
def test_a_domain_that_was_not_migrated_yet_is_told(settings: Settings, database_uri: str) -> None:
    migrate(settings, domains=["auth", "orders"])
    done = checked(SQLALCHEMY_DATABASE_URI=database_uri, SECRET_KEY=SECRET_KEY)
    newest = head_revision("catalogue")
    told = f"The database is at no revision of catalogue, not {newest}; run bookstore migrate."
    assert done.stderr == f"bookstore: {told}\n"
    assert done.exit_code == 1


@on_sqlite
def test_links_in_mail_that_only_this_machine_can_open_are_told_and_allowed(
    settings: Settings, database_uri: str
) -> None:
    migrate(settings)
    done = checked(
        SQLALCHEMY_DATABASE_URI=database_uri,
        SECRET_KEY=SECRET_KEY,
        SMTP_HOST="mail.example.com",
        SMTP_FROM="books@example.com",
        PUBLIC_URL="http://localhost:5000",
    )
    assert "warning: PUBLIC_URL is http://localhost:5000, which readers of mail" in done.stderr
    assert done.exit_code == 0


@pytest.mark.parametrize("wanted", ["verify-identity", "required"])
def test_a_server_that_another_authority_vouches_for_is_not_connected_to(
    empty_mysql: str, wanted: str
) -> None:
    tls = {"DB_TLS": wanted, "DB_TLS_CA": certifi.where()}
    done = checked(SQLALCHEMY_DATABASE_URI=empty_mysql, SECRET_KEY=SECRET_KEY, **tls)
    assert "does not answer" in done.stderr
    assert "certificate verify failed" in done.stderr
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"DB_TLS": "required"}, "nothing checks who the server is; set DB_TLS_CA"),
        ({"DB_TLS_CA": certifi.where()}, "DB_TLS is preferred, which checks no certificate"),
    ],
)
def test_what_an_encrypted_connection_does_not_check_is_told(
    empty_mysql: str, given: dict[str, str], sentence: str
) -> None:
    migrate(load_settings(sqlalchemy_database_uri=empty_mysql, secret_key=SECRET_KEY))
    done = checked(SQLALCHEMY_DATABASE_URI=empty_mysql, SECRET_KEY=SECRET_KEY, **given)
    assert sentence in done.stderr
    assert "The configuration is good" in done.stdout
    assert done.exit_code == 0


def test_a_database_without_the_schema_or_with_too_few_connections(
    empty_mysql: str,
) -> None:
    done = checked(
        SQLALCHEMY_DATABASE_URI=empty_mysql,
        SECRET_KEY="a good long secret key",
        WEB_CONCURRENCY="64",
        DB_POOL_SIZE="100",
    )
    assert "The database has no schema; run bookstore migrate." in done.stderr
    assert "may open 12800 connections" in done.stderr
    assert done.exit_code == 1


def test_a_reader_is_tried_and_its_connections_count(empty_mysql: str) -> None:
    migrate(load_settings(sqlalchemy_database_uri=empty_mysql, secret_key=SECRET_KEY))
    given = {"SQLALCHEMY_DATABASE_URI": empty_mysql, "SECRET_KEY": SECRET_KEY}
    host = make_url(empty_mysql).host or ""
    assert checked(**given, DB_READER_HOST=host).exit_code == 0
    away = checked(**given, DB_READER_HOST="127.0.0.2", WEB_CONCURRENCY="64")
    assert "DB_READER_HOST is 127.0.0.2, which does not answer: " in away.stderr
    assert "may open 1024 connections, with the reader's four times that many each" in away.stderr
    assert away.exit_code == 1


def test_a_service_is_told_what_it_lacks(tmp_path: Path) -> None:
    done = checked(SERVICE="orders", SERVICE_KEY_FILE=str(tmp_path / "none.pem"), PORT="5001")
    for sentence in (
        "AUTH_INTERNAL_URL is not set, and orders asks auth; set it to the address of ",
        "the internal port of auth, such as http://auth:5001.",
        "CATALOGUE_INTERNAL_URL is not set, and orders asks catalogue; set it to ",
        f"make it by bookstore keys create {tmp_path / 'none.pem'}.",
        "INTERNAL_PORT and PORT are both 5001; set INTERNAL_PORT to another one.",
    ):
        assert sentence in done.stderr
    assert "ORDERS_INTERNAL_URL" not in done.stderr
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("name", "told"), [("auth", False), ("orders", False), ("catalogue", True)]
)
def test_only_who_has_the_books_wants_a_folder_for_their_covers(name: str, told: bool) -> None:
    done = checked(SERVICE=name, UPLOADS_DIR="/proc/uploads")
    assert ("UPLOADS_DIR" in done.stderr) == told


@on_sqlite
def test_a_service_has_a_schema_of_its_own(settings: Settings, tmp_path: Path) -> None:
    migrate(settings, domains=["orders"])
    assert create(tmp_path / "orders.pem")
    environment = {
        "SQLALCHEMY_DATABASE_URI": settings.database_url.render_as_string(hide_password=False),
        "SECRET_KEY": "a good long secret key",
        "SERVICE_KEY_FILE": str(tmp_path / "orders.pem"),
        "AUTH_INTERNAL_URL": "http://auth:5001",
        "CATALOGUE_INTERNAL_URL": "http://catalogue:5001",
    }
    done = CliRunner().invoke(check, ["--service", "orders"], env=environment)
    assert done.output == "The configuration is good and the database is up to date.\n"
    assert "of auth, not" in checked(**environment).stderr
