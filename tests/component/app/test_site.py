"""What programs read of the shop: robots, sitemap, icon, canonical addresses, cards."""

from __future__ import annotations

import re
from datetime import date
from xml.etree import ElementTree

import pytest
from flask import Flask

from bookstore.core.config.settings import Settings
from bookstore.core.web import site
from bookstore.factory import create_app
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def places(xml: bytes) -> list[str]:
    return [str(found.text) for found in ElementTree.fromstring(xml).iter(f"{SITEMAP}loc")]


def links(page: str) -> dict[str, str]:
    found = dict(re.findall(r'<link rel="alternate" hreflang="([\w-]+)" href="([^"]+)"', page))
    (found["canonical"],) = re.findall(r'<link rel="canonical" href="([^"]+)"', page)
    return found


def test_crawlers_are_told_where_the_sitemap_is(visitor: Shopper) -> None:
    answer = visitor.get("/robots.txt")
    assert answer.mimetype == "text/plain"
    assert "Disallow: /account/" in answer.text
    assert "Sitemap: http://localhost/sitemap.xml" in answer.text


def test_the_sitemap_has_every_book_on_sale_once(
    visitor: Shopper, seller: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "BOOKS_IN_SITEMAP", 2)
    books = [seller.publish(title=f"Book {number}") for number in range(5)]
    seller.post(f"/books/{books[1]}/withdraw", {})
    index = visitor.get("/sitemap.xml")
    assert index.mimetype == "application/xml"
    parts = places(index.data)
    assert len(parts) > 1
    listed = [place for part in parts for place in places(visitor.get(part).data)]
    on_sale = [f"http://localhost/books/{book}" for book in books if book != books[1]]
    assert listed == ["http://localhost/", *on_sale]
    last = visitor.get(parts[-1])
    assert last.headers["Cache-Control"].startswith("public")
    assert f"<lastmod>{date.today().year}" in last.text  # noqa: DTZ011


@on_sqlite
def test_a_sitemap_without_books_is_there_only_for_an_empty_shop(visitor: Shopper) -> None:
    assert places(visitor.get("/sitemap-0.xml").data) == ["http://localhost/"]
    assert visitor.get("/sitemap-7.xml").status_code == 404


@on_sqlite
def test_a_page_has_one_address_for_each_language(visitor: Shopper, seller: Shopper) -> None:
    path = f"/books/{seller.publish()}"
    plain = f"http://localhost{path}"
    spanish, english = f"{plain}?lang=es", f"{plain}?lang=en"
    for asked, shown in (("?x=1", plain), ("?x=1&lang=es", spanish), ("?lang=en", english)):
        found = links(visitor.get(f"{path}{asked}").text)
        assert found == {"es": spanish, "en": english, "x-default": plain, "canonical": shown}


@on_sqlite
def test_no_host_that_somebody_made_up_is_told(visitor: Shopper) -> None:
    page = visitor.client.get("/", headers={"Host": "evil.example"}).text
    assert "evil.example" not in page
    assert "canonical" not in page
    assert visitor.client.get("/sitemap.xml", headers={"Host": "evil.example"}).status_code == 404
    robots = visitor.client.get("/robots.txt", headers={"Host": "evil.example"}).text
    assert "Disallow: /account/" in robots
    assert "Sitemap" not in robots


@on_sqlite
def test_the_configured_address_is_the_one_told(app: Flask, settings: Settings) -> None:
    public = settings.model_copy(update={"public_url": "https://books.example.com"})
    page = Shopper(create_app(public)).get("/time-zone").text
    assert links(page)["canonical"].startswith("https://books.example.com/time-zone")
    assert 'property="og:image" content="https://books.example.com/static/' in page


@on_sqlite
def test_pages_tell_what_a_card_of_them_shows(visitor: Shopper) -> None:
    page = visitor.get("/?lang=es").text
    for told in ("og:title", "og:description", "og:url", "og:image", "og:locale"):
        assert re.search(rf'<meta property="{told}" content="[^"]+">', page), told
    assert re.search(r'<meta name="description" content="[^"]{50,160}">', page)


@on_sqlite
def test_searches_and_errors_are_not_for_crawlers(visitor: Shopper) -> None:
    assert 'name="robots"' not in visitor.get("/").text
    assert '<meta name="robots" content="noindex' in visitor.get("/?q=rulfo").text
    assert '<meta name="robots" content="noindex' in visitor.get("/nothing").text


@on_sqlite
def test_the_icon_is_where_old_programs_look(visitor: Shopper) -> None:
    answer = visitor.get("/favicon.ico")
    assert answer.status_code == 200
    assert answer.data[:4] == b"\0\0\1\0"
