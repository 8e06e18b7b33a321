"""What keeps the shop from its database is told in fixed words, by probe and migration alike."""

from __future__ import annotations

import json
import secrets
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import OperationalError

from bookstore.cli.migrate import migrate as migrate_command
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.migrate import DatabaseRefused, migrate
from bookstore.core.db.obstacles import Obstacle, obstacle_of
from bookstore.core.observability import health
from bookstore.factory import create_app
from tests.support import mysql
from tests.support.certificates import Authority
from tests.support.keys import SECRET_KEY
from tests.support.newdatabase import new_database

PASSWORD = "hunter2-hunter2"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Give the URL of a server that this file alone uses, and may make read-only."""
    with mysql.running("--secure-file-priv=") as url:
        yield url


@pytest.fixture
def root(server: str) -> Iterator[Engine]:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture
def shop(server: str, root: Engine, tmp_path: Path) -> Iterator[Settings]:
    """Give the settings of a shop with a user and a migrated schema of its own."""
    user = f"shop{secrets.token_hex(4)}"
    with new_database(server) as url, root.connect() as connection:
        schema = make_url(url).database
        connection.execute(text(f"CREATE USER {user} IDENTIFIED BY '{PASSWORD}'"))
        connection.execute(text(f"GRANT ALL ON {schema}.* TO {user}"))
        settings = load_settings(
            sqlalchemy_database_uri=make_url(url)
            .set(username=user, password=PASSWORD)
            .render_as_string(hide_password=False),
            secret_key=SECRET_KEY,
            instance_dir=tmp_path,
        )
        migrate(settings)
        yield settings
        connection.execute(text(f"CREATE DATABASE IF NOT EXISTS {schema}"))
        connection.execute(text(f"DROP USER {user}"))


@contextmanager
def configured(root: Engine, name: str) -> Iterator[None]:
    """Switch something of the server on for a while."""
    with root.connect() as connection:
        connection.execute(text(f"SET GLOBAL {name} = ON"))
        try:
            yield
        finally:
            # It comes with super_read_only, and does not go with it.
            for one in {name, name.removeprefix("super_")}:
                connection.execute(text(f"SET GLOBAL {one} = OFF"))


def asked(settings: Settings) -> tuple[int, str]:
    """Return what a shop that starts with these settings says of its readiness."""
    answer = create_app(settings).test_client().get("/readyz")
    return answer.status_code, answer.text.strip()


def refused(settings: Settings) -> DatabaseRefused:
    with pytest.raises(DatabaseRefused) as told:
        migrate(settings, wait_seconds=3600)
    assert PASSWORD not in str(told.value)
    return told.value


def at(settings: Settings, **parts: Any) -> Settings:
    """Return settings with other parts of the database's URI."""
    uri = settings.database_url.set(**parts).render_as_string(hide_password=False)
    return settings.model_copy(update={"sqlalchemy_database_uri": SecretStr(uri)})


def test_a_wrong_password_is_an_access_that_is_denied(shop: Settings) -> None:
    wrong = at(shop, password="hunter3")
    assert asked(wrong) == (503, "database access denied")
    assert refused(wrong).obstacle is Obstacle.ACCESS_DENIED
    assert asked(shop) == (200, "ready")


def test_a_schema_that_the_user_has_no_right_to_is_an_access_that_is_denied(
    shop: Settings,
) -> None:
    other = at(shop, database="somebody_elses")
    assert asked(other) == (503, "database access denied")
    assert refused(other).obstacle is Obstacle.ACCESS_DENIED


def test_a_schema_that_was_dropped_is_unknown(shop: Settings, root: Engine) -> None:
    with root.connect() as connection:
        connection.execute(text(f"DROP DATABASE {shop.database_url.database}"))
    assert asked(shop) == (503, "database schema unknown")
    assert refused(shop).obstacle is Obstacle.SCHEMA_UNKNOWN
    assert "make the schema, or correct DB_NAME" in str(refused(shop))


@pytest.mark.parametrize("name", ["super_read_only", "read_only"])
def test_a_server_that_takes_no_writes_is_read_only_until_it_takes_them_again(
    shop: Settings, root: Engine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CACHED_SECONDS", 0.0)
    client = create_app(shop).test_client()
    assert client.get("/readyz").status_code == 200
    with configured(root, name):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.text.strip()) == (503, "database read-only")
        assert refused(shop).obstacle is Obstacle.READ_ONLY
    assert client.get("/readyz").status_code == 200


def test_a_certificate_of_another_authority_is_untrusted(shop: Settings, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(Authority().pem)
    other = shop.model_copy(update={"db_tls": "required", "db_tls_ca": authority})
    assert asked(other) == (503, "database certificate untrusted")
    assert refused(other).obstacle is Obstacle.CERTIFICATE_UNTRUSTED


def test_a_certificate_that_does_not_name_the_host_is_of_another_name(
    shop: Settings, root: Engine, tmp_path: Path
) -> None:
    authority = tmp_path / "ca.pem"
    with root.connect() as connection:
        found = connection.scalar(text("SELECT LOAD_FILE('/var/lib/mysql/ca.pem')"))
    authority.write_bytes(found)
    checked = {"db_tls_ca": authority}
    assert asked(shop.model_copy(update=checked | {"db_tls": "required"})) == (200, "ready")
    strict = shop.model_copy(update=checked | {"db_tls": "verify-identity"})
    assert asked(strict) == (503, "database certificate of another name")
    assert refused(strict).obstacle is Obstacle.CERTIFICATE_OF_ANOTHER


def test_a_server_that_wants_encryption_says_so(shop: Settings, root: Engine) -> None:
    plain = shop.model_copy(update={"db_tls": "disabled"})
    assert asked(plain) == (200, "ready")
    with configured(root, "require_secure_transport"):
        assert asked(plain) == (503, "database wants TLS")
        assert refused(plain).obstacle is Obstacle.TLS_WANTED


def test_a_server_that_is_away_is_unreachable(shop: Settings) -> None:
    away = at(shop, host="nowhere.invalid")
    assert asked(away) == (503, "database unreachable")


def test_a_mariadb_that_takes_no_writes_is_read_only(mariadb_url: str, tmp_path: Path) -> None:
    root = create_engine(mariadb_url, isolation_level="AUTOCOMMIT")
    with new_database(mariadb_url) as url:
        settings = load_settings(
            sqlalchemy_database_uri=url, secret_key=SECRET_KEY, instance_dir=tmp_path
        )
        migrate(settings)
        assert asked(settings) == (200, "ready")
        with configured(root, "read_only"):
            assert asked(settings) == (503, "database read-only")
        assert asked(settings) == (200, "ready")
    root.dispose()


def test_a_migration_s_last_word_names_the_obstacle(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = at(shop, password="hunter3").database_url.render_as_string(hide_password=False)
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", uri)
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    done = CliRunner().invoke(migrate_command)
    assert done.exit_code == 1
    outcome = json.loads(done.output.strip().splitlines()[-1])
    assert (outcome["error"], outcome["obstacle"]) == ("DatabaseRefused", "database access denied")


def of_certificate(code: int) -> ssl.SSLError:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("cause", "obstacle"),
    [
        (lambda: of_certificate(10), Obstacle.CERTIFICATE_EXPIRED),
        (lambda: of_certificate(9), Obstacle.CERTIFICATE_EXPIRED),
        (lambda: of_certificate(64), Obstacle.CERTIFICATE_OF_ANOTHER),
        (lambda: of_certificate(18), Obstacle.CERTIFICATE_UNTRUSTED),
        (lambda: ssl.SSLError(1, "tlsv1 alert protocol version"), Obstacle.TLS_FAILED),
        (lambda: TimeoutError("timed out"), Obstacle.UNREACHABLE),
    ],
)
def test_what_openssl_says_is_told_apart(
    cause: Callable[[], Exception], obstacle: Obstacle
) -> None:
    driver = pymysql.err.OperationalError(2003, "Can't connect to MySQL server")
    driver.original_exception = cause()  # type: ignore[attr-defined]
    assert obstacle_of(OperationalError("", {}, driver)) is obstacle
