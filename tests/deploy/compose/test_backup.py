"""A backup of a shop under compose, restored there and on a machine that has nothing but it."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.deploy.compose.conftest import Make
from tests.deploy.compose.guide import commands
from tests.deploy.compose.people import possessions, publish_with_cover
from tests.deploy.compose.project import Project
from tests.support.shopper import Shopper


@pytest.fixture(scope="module")
def buyer(shop: Project) -> Shopper:
    person = shop.shopper()
    person.register()
    return person


@pytest.fixture(scope="module")
def book(shop: Project, buyer: Shopper) -> str:
    seller = shop.shopper()
    seller.register()
    book = publish_with_cover(seller)
    buyer.buy(book)
    return book


def log_in_again(person: Shopper) -> None:
    """Log in where a restore has ended the session, as it ends all."""
    assert person.http.get("/orders").url.path == "/auth/login"
    person.log_in(person.email)


def test_what_a_backup_holds_comes_back(shop: Project, buyer: Shopper, book: str) -> None:
    take, _, restore, _ = commands("Back up and restore")
    before = possessions(buyer, book)
    taken = json.loads(shop.type(take))
    assert taken["uploads"] == len(before.covers)
    buyer.buy(book, quantity=2)
    assert possessions(buyer, book) != before
    shop.type(restore)
    log_in_again(buyer)
    assert possessions(buyer, book) == before


def test_a_new_machine_gets_all_from_the_copy(
    shop: Project, buyer: Shopper, book: str, make: Make
) -> None:
    take, copy, restore, unpack = commands("Back up and restore")
    before = possessions(buyer, book)
    shop.type(take + copy)
    lost = shop.folder
    shop.remove()
    other = make("backup-elsewhere")
    shutil.copy2(lost / ".env", other.folder)
    shutil.copy2(lost / "backups.tar", other.folder)
    other.type(unpack + restore)
    buyer.http.base_url = other.url
    log_in_again(buyer)
    assert possessions(buyer, book) == before
