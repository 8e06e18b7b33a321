"""The shop's tables in one schema or three: moved, backed up, restored, told in sentences."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import create_engine, select, table, text
from sqlalchemy.engine import make_url

from bookstore.catalogue.models import CatalogueRevocation
from bookstore.cli import bookstore
from bookstore.core.config.settings import load_settings
from bookstore.core.db import moving
from bookstore.core.db.database import Database
from bookstore.core.db.lock import LOCK_TABLE
from bookstore.core.db.places import Places, schemas_of
from bookstore.core.db.schema import DOMAINS
from bookstore.core.identity.revocations import Revocations, believe_none_of_before
from bookstore.core.observability.health import Readiness
from bookstore.core.rpc import keys
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.component.app.conftest import migrated
from tests.component.app.databases import on_mysql
from tests.component.app.shopper import Shopper
from tests.support.keys import SECRET_KEY
from tests.support.newdatabase import new_database
from tests.support.wholeshop import WholeShop

TO_SERVICES, TO_WHOLE = ("--to", "Microservices"), ("--to", "Monolith")
# What a restore writes itself: epochs of sessions, and since when tokens are believed.
WRITTEN = {"accounts", "catalogue_revocations", "orders_revocations"}


class Shop(WholeShop):
    """A whole shop on a MySQL, and the schemas beside its own."""

    def run(self, *arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(bookstore, arguments, env={**self.environment, **environment})

    def told(self, *arguments: str, **environment: str) -> Any:
        """Run a command that ends well, and return what it prints."""
        done = self.run(*arguments, **environment)
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    def refused(self, *arguments: str, **environment: str) -> str:
        """Run a command that fails, and return its sentence."""
        done = self.run(*arguments, **environment)
        assert done.exit_code == 1, done.output
        return str(json.loads(done.output)["message"])

    def of(self, domain: str) -> Mapping[str, str]:
        """Return the settings of one service, in a schema of its own."""
        key = self.folder / f"{domain}.pem"
        keys.create(key)
        uri = make_url(self.uri).set(database=f"{self.name}_{domain}")
        return {
            "SERVICE": domain,
            "SQLALCHEMY_DATABASE_URI": uri.render_as_string(hide_password=False),
            "SERVICE_KEY_FILE": str(key),
            **{f"{name.upper()}_INTERNAL_URL": "http://127.0.0.1:1" for name in DOMAINS},
        }

    @contextmanager
    def app(self) -> Iterator[Flask]:
        """Open the whole shop."""
        app = create_app(
            load_settings(
                sqlalchemy_database_uri=self.uri,
                secret_key=SECRET_KEY,
                instance_dir=self.folder,
                page_cache_seconds=0,
            )
        )
        yield app
        service(Database, app).engine.dispose()
        service(Readiness, app).engine.dispose()

    def rows(self) -> dict[str, list[Any]]:
        """Return the rows of all tables, wherever they are."""
        found: dict[str, list[Any]] = {}
        with self.root.connect() as connection:
            for schema, names in Places.read(connection, self.name).found.items():
                for name, is_table in names.items():
                    if is_table and name != LOCK_TABLE:
                        assert name not in found
                        every = select(text("*")).select_from(table(name, schema=schema))
                        found[name] = sorted(map(repr, connection.execute(every)))
        return found

    def changed(self, kept: Mapping[str, list[Any]]) -> set[str]:
        """Return the tables that do not hold what they held."""
        rows = self.rows()
        return {name for name in kept if rows[name] != kept[name]}


@contextmanager
def new_shop(server: str, folder: Path) -> Iterator[Shop]:
    with new_database(server) as uri:
        root = create_engine(server, isolation_level="AUTOCOMMIT")
        shop = Shop(uri, folder, root)
        yield shop
        with root.connect() as connection:
            for name in schemas_of(shop.name)[1:]:
                connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        root.dispose()


@pytest.fixture
def shop(mysql_url: str, tmp_path: Path) -> Iterator[Shop]:
    """Give a whole shop with its tables."""
    with new_shop(mysql_url, tmp_path) as shop:
        shop.told("migrate")
        yield shop


def bought(app: Flask) -> tuple[Shopper, int]:
    """Sell a book, and return its buyer and the book."""
    seller, buyer = Shopper(app).register(), Shopper(app).register()
    book = seller.publish()
    assert buyer.buy(book).status_code == 303
    return buyer, book


def test_a_shop_serves_through_views_and_is_backed_up_and_restored_wherever_its_tables_are(
    shop: Shop, mysql_url: str, tmp_path: Path
) -> None:
    with shop.app() as app:
        buyer, book = bought(app)
        whole = shop.rows()
        assert shop.told("schemas", "expand", *TO_SERVICES)["orders"] == {
            "schema": shop.name,
            "views": f"{shop.name}_orders",
        }
        shop.told("schemas", "cutover", *TO_SERVICES)
        assert shop.rows() == whole
        # All of the shop's pages and purchases work on views now.
        for path in ("/", "/?q=rayuela&sort=cheapest", "/sellers/1", "/sitemap-0.xml", "/cart"):
            assert buyer.get(path).status_code == 200
        assert buyer.buy(book).status_code == 303
        assert shop.told("migrate")["schemaRevision"]
        taken = shop.told("backup")
        kept = shop.rows()
        assert taken["rows"] == sum(
            len(rows) for name, rows in kept.items() if "alembic" not in name
        )
        assert buyer.buy(book).status_code == 303
    shop.told("schemas", "contract")
    assert "are in" in shop.refused("migrate")
    shop.told("restore", "--replace")
    assert shop.changed(kept) == WRITTEN
    with new_shop(mysql_url, tmp_path / "other") as other:
        backups = {"BACKUPS_DIR": str(shop.folder / "backups")}
        other.told("restore", **backups)
        assert other.changed(kept) == WRITTEN
        assert set(other.told("schemas", "status")) == {"auth", "catalogue", "orders"}
        away = other.refused("restore", "--replace", "--topology", "Microservices", **backups)
        assert "Leave --topology out" in away
    with new_shop(mysql_url, tmp_path / "three") as three:
        three.told("restore", "--topology", "Microservices", **backups)
        assert three.changed(kept) == WRITTEN
        assert three.told("schemas", "status")["auth"]["schema"] == f"{three.name}_auth"


def test_views_stay_while_an_old_process_is_connected_to_their_schema(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "LEAVING_SECONDS", 0)
    login = f"{shop.name}_whole"
    with shop.root.connect() as connection:
        connection.execute(text(f"CREATE USER {login}@'%' IDENTIFIED BY 'whole'"))
        for name in schemas_of(shop.name):
            connection.execute(text(f"GRANT ALL ON {name}.* TO {login}@'%'"))
    whole = make_url(shop.uri).set(username=login, password="whole")
    as_whole = {"SQLALCHEMY_DATABASE_URI": whole.render_as_string(hide_password=False)}
    old_process = create_engine(whole)
    try:
        shop.told("schemas", "cutover", *TO_SERVICES, **as_whole)
        with old_process.connect() as connection:
            number = connection.scalar(text("SELECT CONNECTION_ID()"))
            told = shop.refused("schemas", "contract", **as_whole)
            assert f"to {shop.name} by {login} from" in told
            assert told.endswith(f"KILL {number}.")
            views = {one["views"] for one in shop.told("schemas", "status").values()}
            assert views == {shop.name}
        old_process.dispose()
        shop.told("schemas", "contract", **as_whole)
        with old_process.connect():
            shop.told("schemas", "contract", **as_whole)
    finally:
        old_process.dispose()
        with shop.root.connect() as connection:
            connection.execute(text(f"DROP USER {login}@'%'"))


def test_a_backup_of_three_schemas_is_of_one_moment(shop: Shop) -> None:
    with shop.app() as app:
        buyer, book = bought(app)
        shop.told("schemas", "cutover", *TO_SERVICES)
        ended = threading.Event()

        def buy() -> None:
            while not ended.is_set():
                buyer.buy(book)
                Shopper(app).register()

        buying = threading.Thread(target=buy)
        buying.start()
        try:
            shop.told("backup")
        finally:
            ended.set()
            buying.join()
    shop.told("restore", "--replace")
    # What was read later than the rest would have paid purchases of copies that nobody sold.
    report = shop.told("reconcile")
    assert report["purchases"] > 1
    assert report["differences"] == []


def test_what_a_login_may_not_is_told_in_a_sentence(shop: Shop) -> None:
    login = f"{shop.name}_own"
    with shop.root.connect() as connection:
        connection.execute(text(f"CREATE USER {login}@'%' IDENTIFIED BY 'own'"))
        connection.execute(text(f"GRANT ALL ON {shop.name}.* TO {login}@'%'"))
    own = make_url(shop.uri).set(username=login, password="own")
    as_own = {"SQLALCHEMY_DATABASE_URI": own.render_as_string(hide_password=False)}
    rights = f"GRANT ALL ON `{shop.name}_auth`.*"
    try:
        assert rights in shop.refused("schemas", "expand", *TO_SERVICES, **as_own)
        shop.told("schemas", "cutover", *TO_SERVICES)
        for command in (("backup",), ("schemas", "cutover", *TO_WHOLE)):
            assert rights in shop.refused(*command, **as_own), command
    finally:
        with shop.root.connect() as connection:
            connection.execute(text(f"DROP USER {login}@'%'"))


def test_rights_to_the_shops_schemas_suffice_for_a_backup_and_a_restore(shop: Shop) -> None:
    login = f"{shop.name}_whole"
    with shop.app() as app:
        bought(app)
    shop.told("schemas", "cutover", *TO_SERVICES)
    shop.told("schemas", "contract")
    with shop.root.connect() as connection:
        connection.execute(text(f"CREATE USER {login}@'%' IDENTIFIED BY 'whole'"))
        for name in schemas_of(shop.name):
            # As the operator grants them: _ would stand for any character.
            schema = name.replace("_", r"\_")
            connection.exec_driver_sql(f"GRANT ALL ON `{schema}`.* TO {login}@'%%'", ())
    whole = make_url(shop.uri).set(username=login, password="whole")
    as_whole = {"SQLALCHEMY_DATABASE_URI": whole.render_as_string(hide_password=False)}
    try:
        shop.told("backup", **as_whole)
        kept = shop.rows()
        restored = ("restore", "--replace", "--topology", "Microservices")
        shop.told(*restored, "--dry-run", **as_whole)
        shop.told(*restored, **as_whole)
        assert shop.changed(kept) == WRITTEN
    finally:
        with shop.root.connect() as connection:
            connection.execute(text(f"DROP USER {login}@'%'"))


def test_tables_that_are_there_twice_are_refused(shop: Shop) -> None:
    with shop.root.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {shop.name}_auth"))
    shop.told("migrate", **shop.of("auth"))
    for command in (("backup",), ("schemas", "expand", *TO_SERVICES)):
        assert shop.refused(*command).startswith(f"Both {shop.name} and {shop.name}_auth hold")


def test_a_move_that_cannot_begin_can_be_given_up(shop: Shop, mariadb_url: str) -> None:
    shop.told("schemas", "expand", *TO_SERVICES)
    version = f"UPDATE {shop.name}.orders_alembic_version SET version_num = "
    with shop.root.connect() as connection:
        connection.execute(text(f"{version}'orders_0001_baseline'"))
    assert "run bookstore migrate" in shop.refused("schemas", "expand", *TO_SERVICES)
    left = shop.told("schemas", "contract")
    assert left == {name: {"schema": shop.name, "views": None} for name in DOMAINS}
    with migrated(mariadb_url) as engine:
        uri = engine.url.render_as_string(hide_password=False)
        elsewhere = {"SQLALCHEMY_DATABASE_URI": uri}
        assert "MariaDB" in shop.refused("schemas", "expand", *TO_SERVICES, **elsewhere)
        assert set(shop.told("schemas", "contract", **elsewhere)) == set(DOMAINS)


def test_views_are_not_migrated(shop: Shop) -> None:
    shop.told("schemas", "expand", *TO_SERVICES)
    with shop.root.connect() as connection:
        version = f"UPDATE {shop.name}.orders_alembic_version SET version_num = "
        connection.execute(text(f"{version}'orders_0001_baseline'"))
    assert "views of them here" in shop.refused("migrate", **shop.of("orders"))
    assert "run bookstore migrate" in shop.refused("schemas", "cutover", *TO_SERVICES)


def test_sqlite_has_no_schemas(shop: Shop, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'shop.sqlite3'}"
    assert "SQLite" in shop.refused("schemas", "status", SQLALCHEMY_DATABASE_URI=uri)


@on_mysql
def test_after_a_restore_no_token_of_before_is_believed(database: Database) -> None:
    revocations = Revocations(database, CatalogueRevocation)
    revocations.note(7, 5)
    before = datetime.now(UTC)
    assert revocations.belief(7).admits(5, before)
    with database.engine.begin() as connection:
        for _ in range(2):
            believe_none_of_before(connection, CatalogueRevocation)
    for account in (7, 8):
        assert not revocations.belief(account).admits(9, before)
        assert revocations.belief(account).admits(9, before + timedelta(minutes=1))
    assert not revocations.belief(7).admits(4, before + timedelta(minutes=1))
