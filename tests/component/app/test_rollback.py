"""A version of the shop on the schema of a newer one: it works there, or says what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import inspect, text

from bookstore.cli import bookstore
from bookstore.core.backups.backup import back_up
from bookstore.core.backups.manifest import BackupFailed
from bookstore.core.backups.restore import restore
from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database
from bookstore.core.db.engine import build_engine
from bookstore.core.db.migrate import MigrationFailed, migrate
from bookstore.core.db.schema import DOMAINS, head_revision, head_revisions, version_table
from bookstore.core.observability.health import Readiness
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.component.app.databases import on_every_database, on_sqlite
from tests.component.app.newer import Change, newer_version
from tests.component.app.shopper import Shopper
from tests.support.keys import SECRET_KEY

HEAD = head_revision("catalogue")
HEADS = head_revisions()
EXPAND = Change("catalogue_9001_expand", 'add_column("books", sa.Column("shelf", sa.String(20)))')
CONTRACT = Change("catalogue_9002_contract", 'op.drop_table("reservations")')
FAIL = Change("catalogue_9002_fail", 'op.execute("SELECT 1 FROM nowhere")')
UNKNOWN_WITHOUT_RECORD = "catalogue_9000_unknown"


@pytest.fixture
def termination_log(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file that Kubernetes reads, and have commands run on the database of the test."""
    log = tmp_path / "termination-log"
    uri = settings.database_url.render_as_string(hide_password=False)
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", uri)
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("INSTANCE_DIR", str(tmp_path))
    monkeypatch.setenv("TERMINATION_LOG", str(log))
    return log


@pytest.fixture
def shop(settings: Settings) -> Iterator[Flask]:
    """Give this version of the shop, on whatever schema the database has."""
    app = create_app(settings)
    yield app
    service(Database, app).engine.dispose()
    service(Readiness, app).engine.dispose()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(bookstore, arguments)


def columns(settings: Settings) -> dict[str, list[str]]:
    """Return the columns of all tables, and the rows of the tables of revisions."""
    engine = build_engine(settings)
    with engine.connect() as connection:
        inspector = inspect(connection)
        found = {
            table: [column["name"] for column in inspector.get_columns(table)]
            for table in inspector.get_table_names()
        }
        revisions = [
            str(row)
            for domain in DOMAINS
            for row in connection.execute(text(f"SELECT * FROM {version_table(domain)}"))
        ]
    engine.dispose()
    return found | {"revisions": revisions}


def at(**moved: str) -> dict[str, str]:
    """Return the revisions of a database: this version's, but for domains that were moved."""
    return {**HEADS, **moved}


def told_at(**moved: str) -> str:
    return ", ".join(at(**moved).values())


def execute(settings: Settings, *statements: str) -> None:
    engine = build_engine(settings)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@on_every_database
def test_the_version_before_serves_on_the_newer_schema_and_changes_nothing(
    settings: Settings,
    termination_log: Path,
    shop: Flask,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    migrate(settings)
    with newer_version(tmp_path, EXPAND):
        assert migrate(settings) == at(catalogue=EXPAND.revision)
    had = columns(settings)
    done = run("migrate")
    assert done.exit_code == 0
    told = {"schemaRevision": told_at(catalogue=EXPAND.revision), "newer": True}
    assert json.loads(done.stdout) == told
    assert json.loads(termination_log.read_text()) == told
    assert f"{EXPAND.revision}, newer than {HEAD}" in caplog.text
    assert columns(settings) == had
    assert shop.test_client().get("/readyz").status_code == 200
    assert Shopper(shop).register().publish() == 1


@on_every_database
def test_a_version_that_is_too_old_for_the_schema_says_what_to_do_and_changes_nothing(
    settings: Settings, termination_log: Path, shop: Flask, tmp_path: Path
) -> None:
    migrate(settings)
    with newer_version(tmp_path, EXPAND, CONTRACT):
        migrate(settings)
    had = columns(settings)
    done = run("migrate")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told == json.loads(termination_log.read_text())
    assert told["error"] == "SchemaTooNew"
    for part in (CONTRACT.revision, HEAD, EXPAND.revision, "Roll the image forward", "restore"):
        assert part in told["message"]
    assert columns(settings) == had
    answer = shop.test_client().get("/readyz")
    assert (answer.status_code, answer.text) == (503, "schema too new\n")
    checked = run("check")
    assert checked.exit_code == 1
    assert told["message"] in checked.stderr


@on_sqlite
@pytest.mark.parametrize(
    ("changes", "works"),
    [
        pytest.param(
            (EXPAND, Change("catalogue_9002_wide", "pass", oldest_compatible=HEAD)),
            True,
            id="a release of two migrations that declares the head before it",
        ),
        pytest.param(
            (
                Change("catalogue_9001_strict", "pass", oldest_compatible="catalogue_9001_strict"),
                Change("catalogue_9002_wide", "pass", oldest_compatible=HEAD),
            ),
            False,
            id="a migration after one that no older version works with",
        ),
        pytest.param(
            (Change("catalogue_9001_strict", "pass", oldest_compatible="catalogue_9001_strict"),),
            False,
            id="a migration that no older version works with",
        ),
    ],
)
def test_how_far_back_a_schema_goes_is_what_all_its_migrations_allow(
    settings: Settings, tmp_path: Path, changes: tuple[Change, ...], works: bool
) -> None:
    migrate(settings)
    with newer_version(tmp_path, *changes):
        migrate(settings)
    if works:
        assert migrate(settings) == at(catalogue=changes[-1].revision)
    else:
        with pytest.raises(MigrationFailed, match=changes[0].revision):
            migrate(settings)


@on_every_database
def test_a_domain_is_migrated_while_another_is_beyond_this_version(
    settings: Settings, shop: Flask, tmp_path: Path
) -> None:
    with newer_version(tmp_path, EXPAND):
        migrate(settings, domains=["catalogue"])
    assert shop.test_client().get("/readyz").status_code == 503
    assert migrate(settings) == at(catalogue=EXPAND.revision)
    assert Shopper(shop).register().publish() == 1


@on_every_database
def test_no_domain_is_migrated_where_another_is_too_new(settings: Settings, tmp_path: Path) -> None:
    with newer_version(tmp_path, EXPAND, CONTRACT):
        migrate(settings, domains=["catalogue"])
    with pytest.raises(MigrationFailed, match=CONTRACT.revision):
        migrate(settings)
    engine = build_engine(settings)
    with engine.connect() as connection:
        assert not inspect(connection).has_table("accounts")
    engine.dispose()


@on_every_database
def test_versions_that_share_a_schema_follow_each_other_both_ways(
    settings: Settings, termination_log: Path, tmp_path: Path
) -> None:
    with newer_version(tmp_path, EXPAND):
        first = run("migrate")
        second = run("migrate")
    back = run("migrate")
    further_back = run("migrate")
    with newer_version(tmp_path, EXPAND):
        forward = run("migrate")
    said = [json.loads(done.stdout) for done in (first, second, back, further_back, forward)]
    at_its_own = {"schemaRevision": told_at(catalogue=EXPAND.revision)}
    newer = {**at_its_own, "newer": True}
    assert said == [at_its_own, at_its_own, newer, newer, at_its_own]


@on_every_database
def test_a_newer_version_that_failed_half_way_can_be_left_again(
    settings: Settings, shop: Flask, tmp_path: Path
) -> None:
    migrate(settings)
    with newer_version(tmp_path, EXPAND, FAIL), pytest.raises(MigrationFailed, match="nowhere"):
        migrate(settings)
    # SQLite takes both back.
    assert migrate(settings) == (HEADS if settings.on_sqlite else at(catalogue=EXPAND.revision))
    assert shop.test_client().get("/readyz").status_code == 200


@on_every_database
def test_a_database_that_does_not_say_whom_it_works_with_is_not_taken(
    settings: Settings, termination_log: Path, shop: Flask
) -> None:
    migrate(settings)
    execute(
        settings,
        "UPDATE catalogue_alembic_version SET oldest_compatible = NULL, "
        f"version_num = '{UNKNOWN_WITHOUT_RECORD}'",
    )
    had = columns(settings)
    told = json.loads(run("migrate").stdout)
    assert told["error"] == "SchemaTooNew"
    for part in (UNKNOWN_WITHOUT_RECORD, "does not say", "Roll the image forward", "restore"):
        assert part in told["message"]
    assert columns(settings) == had
    assert shop.test_client().get("/readyz").status_code == 503


@on_every_database
def test_the_backup_from_before_is_restored_over_a_schema_that_is_too_new(
    settings: Settings, shop: Flask, tmp_path: Path
) -> None:
    migrate(settings)
    book = Shopper(shop).register().publish()
    taken = back_up(settings)
    with newer_version(tmp_path, EXPAND, CONTRACT):
        migrate(settings)
    restore(settings, taken.name, replace=True)
    assert migrate(settings) == HEADS
    assert shop.test_client().get("/readyz").status_code == 200
    assert shop.test_client().get(f"/books/{book}").status_code == 200


@on_every_database
def test_a_backup_of_the_newer_schema_needs_a_version_that_knows_it(
    settings: Settings, shop: Flask, tmp_path: Path
) -> None:
    migrate(settings)
    with newer_version(tmp_path, EXPAND):
        migrate(settings)
    book = Shopper(shop).register().publish()
    taken = back_up(settings)
    assert taken.revisions == at(catalogue=EXPAND.revision)
    had = columns(settings)
    with pytest.raises(BackupFailed, match=f"{EXPAND.revision}.*does not know"):
        restore(settings, taken.name, replace=True)
    assert columns(settings) == had
    with newer_version(tmp_path, EXPAND):
        restore(settings, taken.name, replace=True)
    assert migrate(settings) == at(catalogue=EXPAND.revision)
    assert shop.test_client().get(f"/books/{book}").status_code == 200
