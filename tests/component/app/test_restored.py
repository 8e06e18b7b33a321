"""After a restore nothing of before it opens what came later: no id and no session comes again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import delete, text

from bookstore.cli import bookstore
from bookstore.core.backups.backup import back_up
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.database import Database
from bookstore.core.db.engine import build_engine
from bookstore.core.db.migrate import migrate
from bookstore.core.db.schema import head_revisions
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.component.app.client import Client
from tests.component.app.databases import METADATA
from tests.component.app.mailbox import mails_in, text_of
from tests.component.app.moderator import id_of, run_jobs
from tests.component.app.shopper import Shopper
from tests.support.keys import SECRET_KEY


@pytest.fixture
def shop(settings: Settings) -> Iterator[Flask]:
    """Give the shop, from before a restore until after it."""
    migrate(settings)
    app = create_app(settings)
    yield app
    service(Database, app).engine.dispose()


def restored(settings: Settings) -> None:
    """Restore the latest backup, into a database that lost all that it had."""
    engine = build_engine(settings)
    with engine.begin() as connection:
        for metadata in METADATA.values():
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
                if settings.on_sqlite:
                    connection.execute(text("DELETE FROM sqlite_sequence"))
                else:
                    connection.execute(text(f"ALTER TABLE {table.name} AUTO_INCREMENT = 1"))
    engine.dispose()
    environment = {
        "SQLALCHEMY_DATABASE_URI": settings.database_url.render_as_string(hide_password=False),
        "SECRET_KEY": SECRET_KEY,
        "INSTANCE_DIR": str(settings.instance_dir),
    }
    done = CliRunner().invoke(bookstore, ["restore"], env=environment)
    assert done.exit_code == 0, done.output


def is_logged_in(person: Shopper) -> bool:
    return person.get("/account").status_code == 200


def test_a_cookie_of_after_the_backup_opens_nobodys_account(
    shop: Flask, settings: Settings
) -> None:
    back_up(settings)
    ana = Shopper(shop).register("Ana")
    lost = id_of(ana)
    restored(settings)
    berta = Shopper(shop).register("Berta")
    assert not is_logged_in(ana)
    assert is_logged_in(berta)
    assert id_of(berta) > lost + 1000


def test_a_cookie_of_before_the_backup_is_void_and_the_password_is_not(
    shop: Flask, settings: Settings
) -> None:
    ana = Shopper(shop).register("Ana")
    back_up(settings)
    restored(settings)
    assert not is_logged_in(ana)
    ana.log_in()
    assert is_logged_in(ana)


def test_a_token_of_before_opens_nothing(shop: Flask, settings: Settings) -> None:
    before = Client(shop).register().log_in()
    back_up(settings)
    after = Client(shop).register().log_in()
    restored(settings)
    assert before.get("/account").status_code == 401
    assert after.get("/account").status_code == 401
    assert before.log_in().get("/account").json["email"] == before.email


def test_a_reset_link_of_before_sets_no_password(shop: Flask, settings: Settings) -> None:
    ana = Shopper(shop).register("Ana")
    early = reset_link(ana, settings)
    back_up(settings)
    late = reset_link(ana, settings)
    lost = Shopper(shop).register("Berta")
    of_the_lost = reset_link(lost, settings)
    restored(settings)
    Shopper(shop).register("Carla")
    for link in (early, late, of_the_lost):
        assert Shopper(shop).get(link).status_code == 400
    assert ana.log_in().status_code == 303


def reset_link(person: Shopper, settings: Settings) -> str:
    person.post("/auth/reset", {"email": person.email})
    run_jobs(person.app)
    found = re.search(r"(/auth/reset/\S+)", text_of(mails_in(settings.outbox)[-1]))
    assert found is not None
    return found[1]


def test_no_id_of_before_is_given_again(shop: Flask, settings: Settings) -> None:
    seller, buyer = Shopper(shop).register(), Shopper(shop).register()
    seller.publish()
    back_up(settings)
    lost = seller.publish()
    assert buyer.buy(lost).status_code == 303
    lost_order = buyer.orders()[0][0]
    restored(settings)
    for person in (seller, buyer):
        person.log_in()
    book = seller.publish()
    assert buyer.buy(book).status_code == 303
    assert book > lost + 1000
    assert int(buyer.orders()[0][0]) > int(lost_order) + 1000


def test_a_backup_has_a_part_for_each_domain(shop: Flask, settings: Settings) -> None:
    Shopper(shop).register().publish()
    taken = back_up(settings)
    manifest = json.loads((settings.backups / taken.name / "manifest.json").read_text())
    assert taken.revisions == head_revisions()
    for domain, part in manifest["domains"].items():
        assert part["tables"].keys() == METADATA[domain].tables.keys()
        for table in part["tables"]:
            assert (settings.backups / taken.name / domain / f"{table}.jsonl.gz").is_file()


def test_a_domain_alone_is_restored_beside_the_others(
    shop: Flask, settings: Settings, tmp_path: Path
) -> None:
    alone = load_settings(
        sqlalchemy_database_uri=f"sqlite:///{tmp_path / 'alone.sqlite3'}",
        secret_key=SECRET_KEY,
        instance_dir=settings.instance_dir,
    )
    migrate(alone, domains=["catalogue"])
    assert back_up(alone).revisions == head_revisions(["catalogue"])
    ana = Shopper(shop).register()
    book = ana.publish()
    environment = {
        "SQLALCHEMY_DATABASE_URI": settings.database_url.render_as_string(hide_password=False),
        "SECRET_KEY": SECRET_KEY,
        "INSTANCE_DIR": str(settings.instance_dir),
    }
    done = CliRunner().invoke(bookstore, ["restore", "--replace"], env=environment)
    assert done.exit_code == 0, done.output
    ana.log_in()
    assert is_logged_in(ana)
    assert ana.get(f"/books/{book}").status_code == 404
