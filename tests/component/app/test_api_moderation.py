"""Moderation over the API: the verbs of the moderators' pages, and for others nothing."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import insert

from bookstore.auth.models import AuditEntry
from bookstore.auth.service import LocalAuth
from bookstore.core.db.database import Database
from bookstore.core.services import service
from tests.component.app.client import Answer, Client
from tests.component.app.databases import on_sqlite
from tests.component.app.moderator import run_jobs
from tests.component.app.shopper import Shopper

WHY = {"reason": "Sells what is not theirs"}


def id_of(client: Client) -> int:
    return int(client.get("/account").json["id"])


def told(answer: Answer) -> tuple[int, str]:
    """Return the status of a refusal and the last part of its type."""
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.json["type"].rsplit(":", 1)[-1]


def test_a_suspended_person_is_out_at_once_until_they_are_restored(
    moderator: Client, client: Client, stranger: Client
) -> None:
    book, place = client.publish(), f"/admin/accounts/{id_of(client)}"
    active = moderator.get(place).json
    assert (active["email"], active["is_moderator"], active["suspended_at"]) == (
        client.email,
        False,
        None,
    )
    suspended = moderator.post(f"{place}/suspend", WHY)
    assert suspended.status_code == 200
    assert suspended.json == moderator.get(place).json
    assert suspended.json["suspended_at"].endswith("Z")
    assert client.get("/account").status_code == 401
    run_jobs(client.app)
    assert stranger.get(f"/books/{book}").status_code == 404
    assert moderator.get(f"/admin/books/{book}").json["state"] == "paused"
    assert told(moderator.post(f"{place}/suspend", WHY)) == (409, "nothing-to-do")
    assert moderator.post(f"{place}/restore", {"reason": "A mistake"}).json == active
    assert told(moderator.post(f"{place}/restore", WHY)) == (409, "nothing-to-do")
    assert client.get("/account").status_code == 401
    assert client.log_in().get("/account").status_code == 200
    run_jobs(client.app)
    assert stranger.get(f"/books/{book}").status_code == 200


@on_sqlite
@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "You cannot suspend yourself."), ("es", "No puedes suspender tu propia cuenta.")],
)
def test_a_moderator_does_not_suspend_themselves(
    moderator: Client, language: str, sentence: str
) -> None:
    moderator.language = language
    answer = moderator.post(f"/admin/accounts/{id_of(moderator)}/suspend", WHY)
    assert told(answer) == (409, "own-account")
    assert answer.json["detail"] == sentence
    assert moderator.get("/account").status_code == 200


@on_sqlite
def test_every_act_is_in_the_trail_once_with_who_did_it_and_why(
    app: Flask, moderator: Client, client: Client
) -> None:
    person = id_of(client)
    acts = [("suspend", person, client.email), ("restore", person, client.email)]
    for verb, *_ in acts:
        for status in (200, 409):
            answer = moderator.post(f"/admin/accounts/{person}/{verb}", {"reason": f"Why {verb}"})
            assert answer.status_code == status
    *entries, accepted, invited = moderator.get("/admin/audit").json["items"]
    actor = {"id": id_of(moderator), "name": "Eva Moderadora"}
    assert [
        (e["action"], e["target_id"], e["target_name"], e["reason"], e["actor"])
        for e in reversed(entries)
    ] == [(verb, *target, f"Why {verb}", actor) for verb, *target in acts]
    assert all(entry["done_at"].endswith("Z") for entry in entries)
    # From the command line, where nobody is logged in.
    assert (invited["action"], invited["actor"]) == ("invite", None)
    assert (accepted["action"], accepted["actor"]) == ("accept", actor)
    page = Shopper(app, email=moderator.email, password=moderator.password)
    page.log_in()
    assert page.get("/admin/audit").text.count(" · Eva Moderadora") == len(acts) + 1


@on_sqlite
@pytest.mark.parametrize(
    ("language", "body", "field", "message"),
    [
        ("en", {}, "reason", "Fill in this field."),
        ("es", {}, "reason", "Completa este campo."),
        ("en", {"reason": " no "}, "reason", "Write at least 3 characters."),
        ("es", {"reason": "no"}, "reason", "Escribe al menos 3 caracteres."),
        ("en", {"reason": "x" * 501}, "reason", "Write at most 500 characters."),
        ("en", {"reason": 7}, "reason", "Write text."),
        ("en", {**WHY, "action": "hide"}, "action", "There is no such field; leave it out."),
    ],
)
def test_no_act_goes_without_a_reason(
    moderator: Client, client: Client, language: str, body: object, field: str, message: str
) -> None:
    moderator.language = language
    account_id = id_of(client)
    for path in (
        f"accounts/{account_id}/suspend",
        f"accounts/{account_id}/restore",
    ):
        answer = moderator.post(f"/admin/{path}", body)
        assert answer.status_code == 422
        assert answer.json["errors"] == [{"field": field, "message": message}]
        assert answer.headers["Content-Language"] == language
    assert client.get("/account").status_code == 200


@on_sqlite
def test_a_person_is_found_by_their_address(moderator: Client, client: Client) -> None:
    def found(email: str) -> list[str]:
        items = moderator.get(f"/admin/accounts?email={quote(email)}").json["items"]
        return [item["email"] for item in items]

    assert found(f" {client.email.upper()} ") == [client.email]
    assert found("nobody@example.com") == []
    assert found("") == [client.email, moderator.email]
    for language, message in (
        ("en", "Write an email address, such as ana@example.com."),
        ("es", "Escribe un correo, por ejemplo ana@example.com."),
    ):
        moderator.language = language
        answer = moderator.get("/admin/accounts?email=ana&after=!")
        assert answer.status_code == 422
        errors = {error["field"]: error["message"] for error in answer.json["errors"]}
        assert errors.keys() == {"email", "after"}
        assert errors["email"] == message


def test_people_and_trail_come_in_pages_without_gap_or_double(
    app: Flask, moderator: Client, database: Database
) -> None:
    auth = service(LocalAuth, app)
    for number in range(26):
        auth.register(f"{number}@example.com", "Ana", "a password")
    target = {"target_id": 1, "target_name": "Ana"}
    rows = [{**target, "action": "suspend", "reason": f"Reason {n}"} for n in range(30)]
    database.transaction(lambda db: db.execute(insert(AuditEntry), rows))
    for path, count in (("/admin/accounts", 27), ("/admin/audit", 32)):
        first = moderator.get(path)
        assert first.headers["Link"] == f'<{first.json["next"]}>; rel="next"'
        second = moderator.get(first.json["next"]).json
        assert second["next"] is None
        ids = [item["id"] for item in first.json["items"] + second["items"]]
        assert len(ids) == count
        assert ids == sorted(set(ids), reverse=True)
