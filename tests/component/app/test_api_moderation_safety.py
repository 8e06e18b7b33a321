"""The API of moderators opens for nobody else, and tells nobody else what is there."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import update

from bookstore.auth.models import User
from bookstore.auth.moderation_api import api
from bookstore.core.db import Database
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper
from tests.component.app.test_api_moderation import WHY, id_of, told

# Every operation, with a body that it takes.
ROUTES = (
    ("GET", "/admin/people", None),
    ("GET", "/admin/people/{account_id}", None),
    ("POST", "/admin/people/{account_id}/suspend", WHY),
    ("POST", "/admin/people/{account_id}/restore", WHY),
    ("GET", "/admin/books/{book_id}", None),
    ("POST", "/admin/books/{book_id}/hide", WHY),
    ("POST", "/admin/books/{book_id}/unhide", WHY),
    ("GET", "/admin/audit", None),
)


def place_of(path: str, account_id: int, book_id: int) -> str:
    return path.format(account_id=account_id, book_id=book_id)


@on_sqlite
@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_for_others_there_is_nothing_and_strangers_are_asked_for_a_token(
    app: Flask,
    moderator: Client,
    client: Client,
    other: Client,
    stranger: Client,
    method: str,
    path: str,
    body: object,
) -> None:
    place = place_of(path, id_of(client), client.publish())
    entries = moderator.get("/admin/audit").json
    anonymous = stranger.send(method, place, body)
    assert anonymous.status_code == 401
    assert anonymous.headers["WWW-Authenticate"].startswith("Bearer")
    session = Shopper(app, email=moderator.email, password=moderator.password)
    session.log_in()
    by_cookie = session.client.open(f"/api/v1{place}", method=method, json=body)
    assert by_cookie.status_code == 401
    # Neither a bad request nor one for what is not there is told apart.
    nowhere = place_of(path, 999, 999)
    for person in (client, other):
        nothing = person.get("/nothing").json
        for sent in ((place, body), (place, {}), (f"{place}?colour=red", body), (nowhere, body)):
            answer = person.send(method, *sent)
            assert (answer.status_code, answer.json) == (404, nothing)
    assert moderator.get("/admin/audit").json == entries
    assert client.get("/account").status_code == 200
    assert stranger.get("/books").json["items"]


@on_sqlite
def test_each_operation_is_tried_here_and_what_is_not_there_is_not_found(
    moderator: Client,
) -> None:
    tried = {(method, f"/api/v1{path}") for method, path, _ in ROUTES}
    assert tried == {
        (operation.method.upper(), re.sub(r"<int:(\w+)>", r"{\1}", operation.path))
        for operation in api.operations
    }
    for method, path, body in ROUTES:
        if "{" in path:
            answer = moderator.send(method, place_of(path, 999, 999), body)
            assert told(answer) == (404, "blank")


@on_sqlite
def test_a_token_does_what_its_account_may_do_now(
    app: Flask, client: Client, moderator: Client, database: Database
) -> None:
    def promote(is_admin: bool) -> None:
        changed = update(User).where(User.email == client.email).values(is_admin=is_admin)
        database.transaction(lambda db: db.execute(changed))

    for is_admin, status in ((True, 200), (False, 404), (True, 200)):
        promote(is_admin)
        assert client.get("/admin/people").status_code == status
        assert client.get("/account").json["is_admin"] is is_admin
    # A moderator may suspend another one, who is out of everything then.
    moderator.post(f"/admin/people/{id_of(client)}/suspend", WHY)
    assert client.get("/admin/people").status_code == 401
