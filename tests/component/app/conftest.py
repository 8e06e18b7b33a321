"""The shop on a real database: SQLite, and MySQL in a container of the tests' own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Engine
from werkzeug.routing import Rule

from bookstore.auth import passwords
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.database import Database
from bookstore.core.db.lock import LOCK_TABLE
from bookstore.core.db.migrate import migrate
from bookstore.core.db.schema import VERSION_TABLE_SUFFIX
from bookstore.core.jobs.registry import Jobs
from bookstore.core.observability.health import Readiness
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.component.app.client import Client
from tests.component.app.mailbox import Mailbox
from tests.component.app.moderator import promote
from tests.component.app.shopper import Shopper
from tests.component.app.three import Three, three_services
from tests.support.keys import SECRET_KEY
from tests.support.newdatabase import new_database


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords as quickly as argon2 can; the tests' passwords are no secrets."""
    with pytest.MonkeyPatch.context() as patch:
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_hasher", quick)
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_routes() -> Iterator[None]:
    """Have a route compiled once: nine tenths of the time to make an app go into its routes.

    What Werkzeug compiles reads the rule only when it is called, so equal rules can share it.
    """
    compile_builder = Rule._compile_builder
    known: dict[object, Callable[..., tuple[str, str]]] = {}

    def once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        defaults = tuple((rule.defaults or {}).items())
        key = (rule.rule, tuple(rule._trace), defaults, append_unknown)
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", once)
        yield


@pytest.fixture
def empty_mysql(mysql_url: str) -> Iterator[str]:
    """Give the URL of a new database of MySQL without tables."""
    with new_database(mysql_url) as url:
        yield url


@contextmanager
def migrated(server: str) -> Iterator[Engine]:
    """Make a database with the schema, and give a way into it."""
    with new_database(server) as url:
        migrate(load_settings(sqlalchemy_database_uri=url, secret_key=SECRET_KEY))
        engine = create_engine(url)
        yield engine
        engine.dispose()


@contextmanager
def rowless(engine: Engine) -> Iterator[str]:
    """Give the URL of a database and leave it without rows, ten times as quick as a new one."""
    yield engine.url.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text("SET foreign_key_checks = 0"))
        for table in inspect(connection).get_table_names():
            if table.endswith(VERSION_TABLE_SUFFIX) or table == LOCK_TABLE:
                continue
            if connection.execute(text(f"DELETE FROM {table}")).rowcount:
                connection.execute(text(f"ALTER TABLE {table} AUTO_INCREMENT = 1"))


@pytest.fixture(scope="session")
def migrated_mysql(mysql_url: str) -> Iterator[Engine]:
    """Give a way into a database of MySQL with the schema."""
    with migrated(mysql_url) as engine:
        yield engine


@pytest.fixture(scope="session")
def migrated_mariadb(mariadb_url: str) -> Iterator[Engine]:
    """Give a way into a database of MariaDB with the schema."""
    with migrated(mariadb_url) as engine:
        yield engine


@pytest.fixture(params=["sqlite", "mysql"])
def database_uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URI of an empty database: SQLite or MySQL, and MariaDB where a test asks for it.

    On a server the schema is there already when the test wants the shop itself.
    """
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shop.sqlite3'}"
    elif "app" in request.fixturenames:
        with rowless(request.getfixturevalue(f"migrated_{request.param}")) as url:
            yield url
    else:
        with new_database(request.getfixturevalue(f"{request.param}_url")) as url:
            yield url


@pytest.fixture
def settings(database_uri: str, tmp_path: Path) -> Settings:
    """Give settings for the database, with all caching off."""
    return load_settings(
        sqlalchemy_database_uri=database_uri,
        secret_key=SECRET_KEY,
        instance_dir=tmp_path,
        page_cache_seconds=0,
        db_pool_size=16,
    )


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file with the schema, to be copied: that is quicker than to migrate again."""
    path = tmp_path_factory.mktemp("migrated") / "shop.sqlite3"
    migrate(load_settings(sqlalchemy_database_uri=f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Give the templates in Python's own code: to compile them is a third of a test's time."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(
    settings: Settings, migrated_sqlite: Path, compiled_templates: FileSystemBytecodeCache
) -> Iterator[Flask]:
    """Give the shop on a migrated database."""
    if settings.on_sqlite:
        shutil.copyfile(migrated_sqlite, str(settings.database_url.database))
    app = create_app(settings)
    app.jinja_env.bytecode_cache = compiled_templates
    yield app
    service(Database, app).dispose()
    service(Readiness, app).engine.dispose()


@pytest.fixture
def three(tmp_path: Path, compiled_templates: FileSystemBytecodeCache) -> Iterator[Three]:
    """Give the shop as three services."""
    with three_services(tmp_path, compiled_templates) as three:
        yield three


@pytest.fixture
def database(app: Flask) -> Database:
    """Give the app's database."""
    found: Database = service(Database, app)
    return found


@pytest.fixture
def run_jobs(app: Flask) -> Callable[..., int]:
    """Give a way to run all jobs that are due, or will be by a moment."""
    run: Callable[..., int] = service(Jobs, app).run_due
    return run


@pytest.fixture
def mailbox(app: Flask, settings: Settings) -> Mailbox:
    """Give the mail that the shop sends."""
    return Mailbox(app, settings.outbox)


@pytest.fixture
def visitor(app: Flask) -> Shopper:
    """Give a person without an account."""
    return Shopper(app)


@pytest.fixture
def newcomer(app: Flask) -> Callable[[], Shopper]:
    """Give a way to make people with accounts."""
    return lambda: Shopper(app).register()


@pytest.fixture
def seller(newcomer: Callable[[], Shopper]) -> Shopper:
    """Give a person who sells."""
    return newcomer()


@pytest.fixture
def buyer(newcomer: Callable[[], Shopper]) -> Shopper:
    """Give a person who buys."""
    return newcomer()


@pytest.fixture
def admin(app: Flask, newcomer: Callable[[], Shopper]) -> Shopper:
    """Give a person who moderates."""
    person = newcomer()
    promote(app, person.email)
    return person


@pytest.fixture
def moderator(app: Flask) -> Client:
    """Give a program that is logged in for a person who moderates."""
    program = Client(app).register("Eva Moderadora").log_in()
    promote(app, program.email)
    return program


@pytest.fixture
def stranger(app: Flask) -> Client:
    """Give a program without an account."""
    return Client(app)


@pytest.fixture
def client(app: Flask) -> Client:
    """Give a program that is logged in."""
    return Client(app).register().log_in()


@pytest.fixture
def other(app: Flask) -> Client:
    """Give a program that is logged in for another person."""
    return Client(app).register().log_in()


@pytest.fixture
def buyer_client(app: Flask) -> Client:
    """Give a program that is logged in for a third person."""
    return Client(app).register().log_in()
