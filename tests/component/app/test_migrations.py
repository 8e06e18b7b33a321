"""Migrations: two at once make one, a second changes nothing, models and schema agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from sqlalchemy import event, select
from sqlalchemy.engine import Engine, make_url

from bookstore.catalogue.models import Book
from bookstore.catalogue.samples import load_samples, publish_samples
from bookstore.catalogue.search import search_text
from bookstore.cli.migrate import migrate as migrate_command
from bookstore.cli.seed import seed as seed_command
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.database import Database
from bookstore.core.db.engine import build_engine
from bookstore.core.db.lock import LOCK_TABLE
from bookstore.core.db.migrate import (
    DatabaseRefused,
    DatabaseUnreachable,
    migrate,
)
from bookstore.core.db.schema import DOMAINS, head_revisions, version_table
from bookstore.core.rpc.keys import create
from tests.component.app.databases import METADATA, on_every_database
from tests.component.app.shopper import Shopper
from tests.support.keys import SECRET_KEY


class Killed(BaseException):
    """The process ended in the middle of a migration."""


def told() -> str:
    return ", ".join(head_revisions().values())


def differences(settings: Settings, domain: str) -> list[object]:
    """Return in what the models of a domain and the schema of its database differ."""
    engine = build_engine(settings)
    with engine.connect() as connection:
        options = {"version_table": version_table(domain)}
        context = MigrationContext.configure(
            connection, opts={**options, "include_name": lambda name, *_: name != LOCK_TABLE}
        )
        found = compare_metadata(context, METADATA[domain])
    engine.dispose()
    # The full-text index is of the servers alone, so the models do not have it.
    return [change for change in found if "search_text" not in str(change)]


def was_killed_at_creation(settings: Settings, domain: str, number: int) -> bool:
    """Migrate, and end before that CREATE statement; return False if there are fewer."""
    creations = 0

    def kill(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal creations
        if statement.lstrip().startswith("CREATE ") and LOCK_TABLE not in statement:
            creations += 1
            if creations == number:
                raise Killed

    event.listen(Engine, "before_cursor_execute", kill)
    try:
        migrate(settings, domains=[domain])
    except Killed:
        return True
    finally:
        event.remove(Engine, "before_cursor_execute", kill)
    return False


@on_every_database
def test_two_migrations_at_once_make_one(settings: Settings, database_uri: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SQLALCHEMY_DATABASE_URI": database_uri,
        "SECRET_KEY": SECRET_KEY,
    }
    command = [sys.executable, "-m", "bookstore", "migrate"]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert [json.loads(line) for line in said] == [{"schemaRevision": told()}] * 2
    assert migrate(settings) == head_revisions()


@on_every_database
@pytest.mark.parametrize("domain", DOMAINS)
def test_models_and_schema_of_a_domain_agree_in_a_database_of_its_own(
    settings: Settings, domain: str
) -> None:
    assert migrate(settings, domains=[domain]) == head_revisions([domain])
    assert differences(settings, domain) == []


@on_every_database
@pytest.mark.parametrize("domain", DOMAINS)
def test_a_migration_that_was_killed_half_way_goes_on(settings: Settings, domain: str) -> None:
    """MySQL keeps what was created before, SQLite nothing."""
    kills = 0
    while was_killed_at_creation(settings, domain, number=2 * kills + 1):
        kills += 1
    assert kills > 1
    assert migrate(settings, domains=[domain]) == head_revisions([domain])
    assert differences(settings, domain) == []


@on_every_database
def test_any_text_is_kept_and_found(seller: Shopper) -> None:
    book = seller.publish(title="El coronel 📚 Ñandú")
    assert "El coronel 📚 Ñandú" in seller.get(f"/books/{book}").text
    assert "El coronel 📚 Ñandú" in seller.get("/?q=coronel nandu").text


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    settings = load_settings(
        sqlalchemy_database_uri="mysql+pymysql://shop:hunter2@127.0.0.1:9/shop",
        secret_key=SECRET_KEY,
        instance_dir=tmp_path,
    )
    with pytest.raises(DatabaseUnreachable) as refused:
        migrate(settings, wait_seconds=0)
    assert "127.0.0.1:9" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_login_that_the_database_refuses_is_told_without_waiting(
    mysql_url: str, tmp_path: Path
) -> None:
    url = make_url(mysql_url).set(username="nobody", password="hunter2", database="shop")
    settings = load_settings(
        sqlalchemy_database_uri=url.render_as_string(hide_password=False),
        secret_key=SECRET_KEY,
        instance_dir=tmp_path,
    )
    with pytest.raises(DatabaseRefused) as refused:
        migrate(settings, wait_seconds=3600)
    assert f"{url.host}:{url.port} refuses the shop: Access denied for user" in str(refused.value)
    assert "check its user, password and name" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_command_tells_its_end_in_the_termination_log(
    database_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "termination-log"
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("TERMINATION_LOG", str(log))
    done = CliRunner().invoke(migrate_command)
    assert done.exit_code == 0
    assert json.loads(log.read_text()) == {"schemaRevision": told()}
    monkeypatch.setenv("PORT", "none")
    failed = CliRunner().invoke(migrate_command)
    assert failed.exit_code == 1
    assert json.loads(log.read_text())["error"] == "ConfigurationInvalid"


def test_sample_books_are_published_once(
    settings: Settings, database_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(settings)
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", database_uri)
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    said = [CliRunner().invoke(seed_command, ["--books", str(n)]).output for n in (20, 20, 60)]
    assert said[0].startswith("20 sample books published, 0")
    assert said[1].startswith("0 sample books published, 20")
    assert said[2].startswith("40 sample books published, 20")


@pytest.mark.parametrize(
    ("service", "options", "sentence"),
    [
        (None, ["--seller", "1=Ana"], "Only the catalogue as a service wants --seller"),
        ("auth", ["--seller", "1=Ana"], "Only the catalogue as a service wants --seller"),
        ("catalogue", [], "give each line that `bookstore seed` prints at auth as --seller"),
        ("catalogue", ["--seller", "Ana"], "'Ana' is no seller; write one as 7=Paper Ships."),
        ("catalogue", ["--seller", "0=Ana"], "'0=Ana' is no seller"),
        ("catalogue", ["--seller", "7= "], "'7= ' is no seller"),
        ("orders", [], "Orders has no books; run seed at auth, then at the catalogue."),
    ],
)
def test_who_sells_sample_books_is_said_to_the_catalogue_alone(
    service: str | None, options: list[str], sentence: str, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    create(key)
    elsewhere = {
        f"{name.upper()}_INTERNAL_URL": f"http://{name}:5001"
        for name in DOMAINS
        if service and name != service
    }
    environment = {
        "INSTANCE_DIR": str(tmp_path),
        "SECRET_KEY": SECRET_KEY,
        **({"SERVICE": service, "SERVICE_KEY_FILE": str(key), **elsewhere} if service else {}),
    }
    refused = CliRunner().invoke(seed_command, options, env=environment, terminal_width=400)
    assert refused.exit_code != 0
    assert sentence in " ".join(refused.output.split())
    assert not (tmp_path / "bookstore.sqlite3").exists()


def test_sample_books_are_multiplied_as_a_seller_would_write_them(
    visitor: Shopper, database: Database
) -> None:
    samples = load_samples()
    assert (
        publish_samples(database, 2 * len(samples) + 1, {7: "Ana", 8: "Eva"})
        == 2 * len(samples) + 1
    )
    with database.reading() as db:
        books = db.scalars(select(Book).order_by(Book.id)).all()
    for number, book in enumerate(books):
        edition, index = divmod(number, len(samples))
        title = samples[index].title + (f" ({edition + 1})" if edition else "")
        assert book.title == title
        assert book.seed_key == f"sample-{number}"
        assert book.seller_id == [7, 8][number % 2]
        assert book.search_text == search_text(title, book.author, book.isbn, book.description)
    assert f"{samples[0].title} (3)" in visitor.get("/").text
