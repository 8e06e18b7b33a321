"""Every refusal under /api is a problem document, whoever refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from bookstore.auth.service import LocalAuth
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.config.settings import Settings
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from bookstore.core.web.security import LARGEST_REQUEST_BYTES
from bookstore.factory import Elsewhere, create_app
from bookstore.orders.service import LocalOrders
from tests.component.app.client import NEW_BOOK, Client

JSON = "application/json"


@pytest.fixture
def database_uri(tmp_path: Path) -> str:
    """Give SQLite alone: what is asked here is not the database's."""
    return f"sqlite:///{tmp_path / 'shop.sqlite3'}"


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "headers"),
    [
        (400, "POST", "/account/books", "{not json", {"Content_Type": JSON}),
        (400, "POST", "/account/books", b'{"title": "\xff"}', {"Content_Type": JSON}),
        (400, "POST", "/account/books", '{"title": "\\ud800"}', {"Content_Type": JSON}),
        (401, "GET", "/account", None, {"Authorization": None}),
        (404, "GET", "/nothing", None, {}),
        (404, "GET", "/api", None, {}),
        (404, "POST", "/nothing", "{}", {"Content_Type": JSON}),
        (404, "GET", "/books/0", None, {}),
        (404, "GET", f"/books/{2**63}", None, {}),
        (405, "DELETE", "/books", None, {}),
        (406, "GET", "/books", None, {"Accept": "text/html"}),
        (413, "POST", "/account/books", "x" * (LARGEST_REQUEST_BYTES + 1), {"Content_Type": JSON}),
        (415, "POST", "/account/books", "title=Rayuela", {"Content_Type": "text/plain"}),
        (415, "POST", "/account/books", "{}", {"Content_Type": None}),
        (422, "POST", "/account/books", "[]", {"Content_Type": JSON}),
        (422, "GET", "/books?colour=red", None, {}),
        (422, "GET", "/books?q=a&q=b", None, {}),
        (422, "GET", "/books?price_from_minor=1&price_from_minor=2", None, {}),
        (422, "GET", "/books?q=&=", None, {}),
    ],
)
def test_a_refusal_is_a_problem_document(
    client: Client,
    status: int,
    method: str,
    path: str,
    body: str | bytes | None,
    headers: dict[str, str | None],
) -> None:
    answer = client.send(method, path, body, **headers)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    told = json.loads(answer.text)
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert answer.headers["Content-Language"] == "en"
    assert "Set-Cookie" not in answer.headers
    assert ("Allow" in answer.headers) == (status == 405)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert ("errors" in told) == (status == 422)


def test_a_body_that_is_no_object_is_told_so(client: Client) -> None:
    answer = client.send("POST", "/account/books", "[]", Content_Type=JSON)
    told = json.loads(answer.text)["errors"]
    assert told == [{"field": "", "message": "Send an object with fields."}]


def test_a_fault_of_ours_is_told_without_its_inside(
    app: Flask, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = service(LocalCatalogue, app)
    for error, status in (
        (RuntimeError("secret inside"), 500),
        (OperationalError("SELECT secret", {}, Exception("secret inside")), 503),
    ):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(catalogue.browsing, "browse", fail)
        answer = client.get("/books")
        assert answer.status_code == status
        assert answer.content_type == "application/problem+json"
        assert "secret" not in answer.text


def test_only_accept_language_chooses_the_language(client: Client) -> None:
    browser = client.app.test_client()
    browser.set_cookie("lang", "es")
    answer = browser.get("/api/v1/nothing?lang=es", headers={"Accept-Language": "en"})
    assert answer.headers["Content-Language"] == "en"
    assert "Set-Cookie" not in answer.headers


def test_the_document_is_served_as_json(app: Flask) -> None:
    document = Client(app).get("/openapi.json")
    assert document.content_type == JSON
    assert document.json["openapi"].startswith("3.1")


def test_a_service_answers_its_own_operations_alone(app: Flask, settings: Settings) -> None:
    parts = {"auth": service(LocalAuth, app), "orders": service(LocalOrders, app)}
    elsewhere = {name: Elsewhere(it, service(Jobs, app).of(name)) for name, it in parts.items()}
    alone = Client(create_app(settings, {"catalogue"}, elsewhere))
    assert alone.get("/orders").status_code == 404
    client = Client(app).register().log_in()
    alone.token = client.token
    assert alone.get(f"/books/{client.publish()}").status_code == 200


def test_a_book_made_by_a_page_and_by_the_api_follow_the_same_rules(client: Client) -> None:
    longest = {**NEW_BOOK, "title": "x" * 201}
    assert client.post("/account/books", longest).status_code == 422
    schema = client.get("/openapi.json").json["components"]["schemas"]["NewBook"]
    assert schema["properties"]["title"]["maxLength"] == 200
    assert schema["additionalProperties"] is False
