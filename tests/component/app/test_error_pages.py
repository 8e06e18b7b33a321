"""Error pages: what went wrong, and the shop around it as on any page."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper


@on_sqlite
def test_a_page_that_is_not_there_has_the_whole_header(visitor: Shopper, seller: Shopper) -> None:
    book = seller.publish()
    missing = visitor.get(f"/books/{book + 1}")
    assert missing.status_code == 404
    for part in ('name="q"', 'href="/auth/login"', 'href="/auth/register"', "?lang=es"):
        assert part in missing.text
    own = seller.get("/nothing")
    for part in ('name="q"', 'href="/cart"', 'action="/auth/logout"', "?lang=es", seller.email):
        assert part in own.text


@on_sqlite
def test_a_fault_of_ours_leaves_the_header_whole(
    app: Flask, seller: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = seller.publish()

    def fail(*_arguments: object, **_named: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setitem(app.view_functions, "catalogue.book", fail)
    answer = seller.get(f"/books/{book}")
    assert answer.status_code == 500
    assert seller.email in answer.text
    assert "a secret" not in answer.text


@on_sqlite
def test_what_breaks_the_header_too_leaves_a_page_that_says_so(
    app: Flask, seller: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> int:
        raise ZeroDivisionError("a secret")

    monkeypatch.setitem(app.jinja_env.globals, "cart_count", fail)
    answer = seller.get("/nothing")
    assert answer.status_code == 404
    assert 'name="q"' in answer.text
    assert "a secret" not in answer.text


@on_sqlite
def test_while_the_database_is_away_the_page_asks_it_nothing(
    app: Flask, seller: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = seller.publish()

    def away(*_arguments: object, **_named: object) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setitem(app.view_functions, "catalogue.book", away)
    answer = seller.get(f"/books/{book}")
    assert answer.status_code == 503
    assert 'name="q"' in answer.text
    assert seller.email not in answer.text
