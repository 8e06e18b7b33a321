"""Moderation of books over the API: the verbs of the moderators' pages, and for others nothing."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper
from tests.component.app.test_api_moderation import WHY, id_of, told


def test_a_hidden_book_is_gone_for_all_but_moderators_and_its_seller(
    moderator: Client, client: Client, stranger: Client
) -> None:
    book = client.publish(title="Rayuela escondida")
    place = f"/admin/books/{book}"
    listed = moderator.get(place).json
    assert listed["state"] == "listed"
    assert listed["description"] == client.get(f"/account/books/{book}").json["description"]
    assert listed["seller"] == {"id": id_of(client), "name": "Ana Gómez"}
    hidden = moderator.post(f"{place}/hide", WHY)
    assert hidden.status_code == 200
    assert hidden.json == moderator.get(place).json == {**listed, "state": "hidden"}
    for reader in (stranger, moderator):
        assert reader.get(f"/books/{book}").status_code == 404
    assert client.get(f"/account/books/{book}").json["state"] == "hidden"
    assert told(client.post(f"/account/books/{book}/republish")) == (409, "hidden")
    assert told(moderator.post(f"{place}/hide", WHY)) == (409, "nothing-to-do")
    assert moderator.post(f"{place}/unhide", {"reason": "All is well"}).json == listed
    assert told(moderator.post(f"{place}/unhide", WHY)) == (409, "nothing-to-do")
    assert stranger.get(f"/books/{book}").status_code == 200


@on_sqlite
def test_a_withdrawn_book_is_seen_but_not_brought_back(moderator: Client, client: Client) -> None:
    book = client.publish()
    client.post(f"/account/books/{book}/withdraw")
    assert moderator.get(f"/admin/books/{book}").json["state"] == "withdrawn"
    for verb in ("hide", "unhide"):
        answer = moderator.post(f"/admin/books/{book}/{verb}", WHY)
        assert told(answer) == (409, "nothing-to-do")
    assert client.get(f"/account/books/{book}").json["state"] == "withdrawn"


@on_sqlite
def test_every_act_on_a_book_is_in_the_trail_once_with_who_did_it_and_why(
    app: Flask, moderator: Client, client: Client
) -> None:
    book = client.publish(title="Rayuela")
    for verb in ("hide", "unhide"):
        for status in (200, 409):
            answer = moderator.post(f"/admin/books/{book}/{verb}", {"reason": f"Why {verb}"})
            assert answer.status_code == status
    entries = moderator.get("/admin/books/audit").json["items"]
    actor = {"id": id_of(moderator), "name": "Eva Moderadora"}
    assert [
        (e["action"], e["book_id"], e["title"], e["reason"], e["actor"]) for e in reversed(entries)
    ] == [(verb, book, "Rayuela", f"Why {verb}", actor) for verb in ("hide", "unhide")]
    assert all(entry["done_at"].endswith("Z") for entry in entries)
    page = Shopper(app, email=moderator.email, password=moderator.password)
    page.log_in()
    assert page.get("/admin/books/audit").text.count(" · Eva Moderadora") == 2


@on_sqlite
@pytest.mark.parametrize(
    ("language", "body", "field", "message"),
    [
        ("en", {}, "reason", "Fill in this field."),
        ("es", {"reason": "no"}, "reason", "Escribe al menos 3 caracteres."),
        ("en", {"reason": 7}, "reason", "Write text."),
        ("en", {**WHY, "action": "hide"}, "action", "There is no such field; leave it out."),
    ],
)
def test_no_act_on_a_book_goes_without_a_reason(
    moderator: Client, client: Client, language: str, body: object, field: str, message: str
) -> None:
    moderator.language = language
    book = client.publish()
    for verb in ("hide", "unhide"):
        answer = moderator.post(f"/admin/books/{book}/{verb}", body)
        assert answer.status_code == 422
        assert answer.json["errors"] == [{"field": field, "message": message}]
    assert client.get(f"/account/books/{book}").json["state"] == "listed"


def test_the_trail_of_books_comes_in_pages_without_gap_or_double(
    moderator: Client, client: Client
) -> None:
    book = client.publish()
    for number in range(26):
        verb = "unhide" if number % 2 else "hide"
        assert moderator.post(f"/admin/books/{book}/{verb}", WHY).status_code == 200
    first = moderator.get("/admin/books/audit")
    assert first.headers["Link"] == f'<{first.json["next"]}>; rel="next"'
    second = moderator.get(first.json["next"]).json
    assert second["next"] is None
    ids = [item["id"] for item in first.json["items"] + second["items"]]
    assert len(ids) == 26
    assert ids == sorted(set(ids), reverse=True)
