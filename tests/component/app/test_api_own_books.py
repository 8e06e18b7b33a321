"""The API of the catalogue: what everybody reads, and what a seller does with their books."""

from __future__ import annotations

from io import BytesIO

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import update

from bookstore.catalogue.coverfiles import Covers
from bookstore.catalogue.models import Book
from bookstore.catalogue.pictures import read_picture
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.db.database import Database
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service
from tests.component.app.client import NEW_BOOK, Client
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper, purchase

MODERATOR = Account(99, "Eva", "eva@example.com")


def test_a_book_is_published_and_everybody_can_read_it(client: Client, stranger: Client) -> None:
    answer = client.post("/account/books", {**NEW_BOOK, "isbn": "84-376-0494-X"})
    assert answer.status_code == 201
    book = answer.json["id"]
    assert answer.headers["Location"] == f"/api/v1/account/books/{book}"
    shown = stranger.get(f"/books/{book}").json
    assert shown["isbn"] == "9788437604947"
    assert (shown["price_minor"], shown["currency"], shown["stock"]) == (2_500_000, "COP", 3)
    assert shown["seller"]["name"] == "Ana Gómez"
    assert [item["id"] for item in stranger.get("/books?q=cortazar").json["items"]] == [book]
    assert stranger.get("/books?q=nadie").json == {"items": [], "next": None}


def test_pages_of_books_follow_by_their_links(client: Client, stranger: Client) -> None:
    published = [client.publish() for _ in range(26)]
    first = stranger.get("/books?q=rayuela")
    assert first.headers["Link"] == f'<{first.json["next"]}>; rel="next"'
    second = stranger.get(first.json["next"])
    shown = [item["id"] for item in first.json["items"] + second.json["items"]]
    assert shown == published[::-1]
    assert second.json["next"] is None
    assert "Link" not in second.headers
    assert stranger.get("/books?after=made-up!").status_code == 422


def test_a_seller_sees_what_is_on_sale_altogether(client: Client, other: Client) -> None:
    client.publish(stock=3)
    client.post(f"/account/books/{client.publish(stock=5)}/withdraw")
    offered = {"titles": 1, "copies": 3, "value_minor": 7_500_000, "currency": "COP"}
    assert client.get("/account/books").json["on_sale"] == offered
    nothing = {"titles": 0, "copies": 0, "value_minor": 0, "currency": "COP"}
    assert other.get("/account/books").json["on_sale"] == nothing


@on_sqlite
def test_a_filter_that_is_left_empty_is_left_out(client: Client, stranger: Client) -> None:
    book = client.publish()
    told = stranger.get("/openapi.json").json["paths"]["/api/v1/books"]["get"]["parameters"]
    names = [each["name"] for each in told if each.get("allowEmptyValue")]
    assert "price_from_minor" in names
    for name in names:
        answer = stranger.get(f"/books?{name}=")
        assert answer.status_code == 200, name
        assert [item["id"] for item in answer.json["items"]] == [book]


def test_a_seller_revises_withdraws_and_republishes(client: Client, stranger: Client) -> None:
    book = client.publish()
    changed = {**NEW_BOOK, "title": "Another title", "stock": 7}
    assert client.put(f"/account/books/{book}", changed).json["stock"] == 7
    assert stranger.get(f"/books/{book}").json["title"] == "Another title"
    assert client.post(f"/account/books/{book}/withdraw").json["state"] == "withdrawn"
    assert stranger.get(f"/books/{book}").status_code == 404
    assert client.get(f"/books/{book}").status_code == 200
    assert client.post(f"/account/books/{book}/republish").json["state"] == "listed"
    assert stranger.get(f"/books/{book}").status_code == 200


def test_a_revision_of_what_has_changed_meanwhile_is_refused(
    client: Client, buyer: Shopper
) -> None:
    book = client.publish()
    seen = client.get(f"/account/books/{book}").headers["ETag"]
    assert buyer.buy(book).status_code == 303
    changed = {**NEW_BOOK, "title": "Another title"}
    answer = client.put(f"/account/books/{book}", changed, If_Match=seen)
    assert answer.status_code == 412
    shown = client.get(f"/account/books/{book}")
    assert (shown.json["title"], shown.json["stock"], shown.json["sold"]) == (
        *("Rayuela", 2),
        1,
    )
    answer = client.put(f"/account/books/{book}", changed, If_Match=shown.headers["ETag"])
    assert answer.status_code == 200
    assert answer.headers["ETag"] != shown.headers["ETag"]
    assert client.put(f"/account/books/{book}", changed, If_Match="*").status_code == 200


def test_what_a_moderator_has_hidden_is_neither_listed_nor_withdrawn(
    app: Flask, client: Client, stranger: Client
) -> None:
    book = client.publish()
    service(LocalCatalogue, app).moderation.hide(MODERATOR, book, "Spam")
    assert stranger.get(f"/books/{book}").status_code == 404
    assert client.get(f"/account/books/{book}").json["state"] == "hidden"
    for verb in ("withdraw", "republish"):
        answer = client.post(f"/account/books/{book}/{verb}")
        assert answer.status_code == 409
        assert answer.json["type"] == "urn:problem-type:bookstore:hidden"
    assert client.get(f"/account/books/{book}").json["state"] == "hidden"


def test_sold_since_the_stock_was_seen_do_not_come_back(client: Client, buyer: Shopper) -> None:
    book = client.publish(stock=3)
    buyer.buy(book, purchase(quantity=2))
    answer = client.put(f"/account/books/{book}", {**NEW_BOOK, "stock": 4, "stock_seen": 3})
    assert answer.json["stock"] == 2


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "en",
            {
                "title": "Fill in this field.",
                "isbn": "This is no ISBN: it has 10 or 13 digits and the last one checks them.",
                "description": "Write at least 10 characters.",
                "condition": "Choose one of the options.",
                "price_minor": "Write a price from 1 to 100,000,000 pesos.",
                "stock": "Write a whole number.",
                "currency": "Choose one of the options.",
                "colour": "There is no such field; leave it out.",
            },
        ),
        (
            "es",
            {
                "title": "Completa este campo.",
                "isbn": "Esto no es un ISBN: tiene 10 o 13 dígitos y el último los comprueba.",
                "description": "Escribe al menos 10 caracteres.",
                "condition": "Elige una de las opciones.",
                "price_minor": "Escribe un precio de 1 a 100.000.000 de pesos.",
                "stock": "Escribe un número entero.",
                "currency": "Elige una de las opciones.",
                "colour": "No existe ese campo; quítalo.",
            },
        ),
    ],
)
def test_bad_fields_are_named_in_the_readers_language(
    client: Client, language: str, sentences: dict[str, str]
) -> None:
    client.language = language
    bad = {
        **NEW_BOOK,
        "title": "  ",
        "isbn": "123",
        "description": "short",
        "condition": "burnt",
        "price_minor": 0,
        "stock": "3",
        "currency": "USD",
        "colour": "red",
    }
    answer = client.post("/account/books", bad)
    assert answer.status_code == 422
    assert answer.headers["Content-Language"] == language
    assert {error["field"]: error["message"] for error in answer.json["errors"]} == sentences


def test_a_cover_is_at_the_addresses_that_a_book_tells(
    app: Flask, client: Client, stranger: Client
) -> None:
    book = client.publish()
    assert stranger.get(f"/books/{book}").json["cover"] == []
    drawn = BytesIO()
    Image.new("RGB", (400, 600), "teal").save(drawn, "PNG")
    drawn.seek(0)
    with service(Covers, app).keeping(read_picture(drawn, "cover.png")) as name:
        named = update(Book).where(Book.id == book).values(cover=name)
        service(Database, app).transaction(lambda db: db.execute(named))
    for shown in (stranger.get(f"/books/{book}").json, stranger.get("/books").json["items"][0]):
        assert [picture["width"] for picture in shown["cover"]] == [320, 640]
        for picture in shown["cover"]:
            assert app.test_client().get(picture["address"]).content_type == "image/webp"


def jpeg(color: str) -> bytes:
    written = BytesIO()
    Image.new("RGB", (300, 450), color).save(written, "JPEG")
    return written.getvalue()


def test_a_book_is_given_another_picture_and_none(client: Client, stranger: Client) -> None:
    book = client.publish()
    seen = set()
    for color in ("teal", "maroon"):
        answer = client.put(f"/account/books/{book}/cover", jpeg(color), Content_Type="image/jpeg")
        assert answer.status_code == 200, answer.text
        (small, _) = answer.json["cover"]
        seen.add(small["address"])
        assert small["width"] == 320
        assert client.app.test_client().get(small["address"]).mimetype == "image/webp"
    assert len(seen) == 2
    gone = [client.app.test_client().get(address).status_code for address in seen]
    assert sorted(gone) == [200, 404], "the first picture was replaced"
    assert client.send("DELETE", f"/account/books/{book}/cover").json["cover"] == []
    assert stranger.get(f"/books/{book}").json["cover"] == []


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"GIF89a not a picture of ours", "image/jpeg", 422),
        (b"\0" * (10 * 1024 * 1024 + 1), "image/png", 413),
        (b"{}", "application/json", 415),
    ],
)
def test_a_bad_picture_is_refused(client: Client, content: bytes, kind: str, status: int) -> None:
    book = client.publish()
    answer = client.put(f"/account/books/{book}/cover", content, Content_Type=kind)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    if status == 422:
        (error,) = answer.json["errors"]
        assert error["field"] == "cover"
        assert "JPEG, PNG or WebP" in error["message"]
    assert client.get(f"/books/{book}").json["cover"] == []
