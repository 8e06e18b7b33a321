"""Public pages: drawn once for all, kept for a while, and sent while they cannot be drawn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask, session
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from bookstore.core.services import provide
from bookstore.core.web import http, i18n, timezones
from bookstore.core.web.pagecache import (
    LARGEST_CACHE,
    STALE_SECONDS,
    PageCache,
    public_page,
    shared_part,
)

SECONDS = 60.0
PATIENCE = 30
OWN_HEADERS = {"X-Request-ID"}


class Shop:
    """An app of one public page, which counts how often it is drawn."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.drawn = self.stock = 0
        self.while_drawing: Callable[[], object] = lambda: None
        app = Flask("shop")
        app.secret_key = "for the tests alone"
        http.install(app, [], limit_seconds=60)
        i18n.install(app)
        timezones.install(app, "America/Bogota")
        provide(app, PageCache, PageCache(seconds))
        app.add_url_rule("/", view_func=public_page("q")(self.home))
        app.add_url_rule("/mine", view_func=public_page("q")(self.mine))
        app.register_error_handler(OperationalError, lambda _error: ("away", 503))
        app.register_error_handler(ZeroDivisionError, lambda _error: ("broken", 500))
        self.app = app

    def home(self) -> str:
        self.drawn += 1
        drawn = self.drawn
        self.while_drawing()
        return f"page {drawn}, {self.stock} left"

    def mine(self) -> str:
        return f"for you: {shared_part(['q'], self.home)}"

    def get(self, path: str = "/", **headers: str) -> TestResponse:
        return self.app.test_client(use_cookies=False).get(
            path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def get_at_once(self, readers: int) -> list[TestResponse]:
        with ThreadPoolExecutor(readers) as pool:
            asked = [pool.submit(self.get) for _ in range(readers)]
            return [one.result(PATIENCE) for one in asked]


class Gate:
    """Where drawing waits until the test lets it go on."""

    def __init__(self) -> None:
        self._came, self._open = threading.Semaphore(0), threading.Event()

    def __call__(self) -> None:
        self._came.release()
        assert self._open.wait(PATIENCE)

    def wait_for(self, drawers: int) -> None:
        for _ in range(drawers):
            assert self._came.acquire(timeout=PATIENCE)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Give a way to let seconds pass for the cache."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def passed(seconds: float) -> None:
        now[0] += seconds

    return passed


def database_away() -> None:
    raise OperationalError("SELECT", {}, Exception("away"))


def test_a_page_is_drawn_once_and_sent_as_it_was(shop: Shop) -> None:
    first, second = shop.get(), shop.get()
    assert (shop.drawn, second.text) == (1, "page 1, 0 left")
    assert [h for h in first.headers if h[0] not in OWN_HEADERS] == [
        h for h in second.headers if h[0] not in OWN_HEADERS
    ]
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert first.headers["Cache-Control"].startswith("public")


def test_a_reader_who_has_the_page_is_told_so(shop: Shop) -> None:
    etag = shop.get().headers["ETag"]
    again = shop.get(If_None_Match=etag)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert "Content-Type" not in again.headers
    assert shop.get(If_None_Match='"another"').status_code == 200
    assert shop.drawn == 1


def test_a_head_gets_the_headers_alone(shop: Shop) -> None:
    alone = shop.app.test_client().head("/")
    assert (alone.status_code, alone.data) == (200, b"")
    assert alone.headers["ETag"] == shop.get().headers["ETag"]


def test_what_a_page_depends_on_makes_another_page(shop: Shop) -> None:
    shop.get()
    for path, headers in (
        ("/?q=rulfo", {}),
        ("/", {"Accept_Language": "en"}),
        ("/", {"Host": "other.example"}),
    ):
        before = shop.drawn
        shop.get(path, **headers)
        assert shop.drawn == before + 1
    before = shop.drawn
    shop.get("/?utm_source=mail&q=")
    assert shop.drawn == before, "what the page does not depend on makes no other"


def test_who_has_a_session_gets_a_page_of_their_own(shop: Shop) -> None:
    shop.get()
    own = shop.get(Cookie="session=theirs")
    assert own.text == "page 2, 0 left"
    assert own.headers["Cache-Control"] == "private, no-store"


def test_a_part_that_all_see_alike_is_drawn_once_for_those_with_a_session(shop: Shop) -> None:
    own = [shop.get("/mine", Cookie=f"session={name}") for name in ("anas", "luis")]
    assert {answer.text for answer in own} == {"for you: page 1, 0 left"}
    assert {answer.headers["Cache-Control"] for answer in own} == {"private, no-store"}
    assert shop.get("/mine?q=rulfo", Cookie="session=anas").text == "for you: page 2, 0 left"


def test_a_page_that_gives_a_cookie_is_not_shared(shop: Shop) -> None:
    shop.while_drawing = lambda: session.update(cart=1)
    assert "Set-Cookie" in shop.get().headers
    shop.while_drawing = lambda: None
    assert "Set-Cookie" not in shop.get().headers
    assert shop.drawn == 2


def test_one_request_renews_a_page_and_the_others_get_the_old_one(
    shop: Shop, pass_time: Callable[[float], None]
) -> None:
    shop.get()
    shop.stock = 5
    pass_time(SECONDS + 1)
    gate = shop.while_drawing = Gate()
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(shop.get)
        try:
            gate.wait_for(1)
            assert [shop.get().text for _ in range(3)] == ["page 1, 0 left"] * 3
        finally:
            gate.open()
        assert renewing.result(PATIENCE).text == "page 2, 5 left"
    assert shop.get().text == "page 2, 5 left"
    assert shop.drawn == 2


def test_a_page_that_many_ask_for_at_once_is_drawn_once(shop: Shop) -> None:
    gate = shop.while_drawing = Gate()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(shop.get) for _ in range(8)]
        gate.wait_for(1)
        gate.open()
        assert [one.result(PATIENCE).text for one in asked] == ["page 1, 0 left"] * 8
    assert shop.drawn == 1


def test_who_waited_long_enough_draws_the_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookstore.core.web.pagecache.PATIENCE_SECONDS", 0)
    gate = shop.while_drawing = Gate()
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(shop.get) for _ in range(2)]
        try:
            gate.wait_for(2)
        finally:
            gate.open()
        texts = {one.result(PATIENCE).text for one in asked}
    assert texts == {"page 1, 0 left", "page 2, 0 left"}


def test_what_is_not_shared_is_drawn_for_each_who_asks(shop: Shop) -> None:
    shop.while_drawing = lambda: session.update(cart=1)
    assert all("Set-Cookie" in answer.headers for answer in shop.get_at_once(4))
    assert shop.drawn == 4


def test_a_failure_reaches_those_who_wait(shop: Shop) -> None:
    shop.while_drawing = database_away
    assert [answer.status_code for answer in shop.get_at_once(4)] == [503] * 4


def test_while_the_database_is_away_the_old_page_is_sent(
    shop: Shop, pass_time: Callable[[float], None]
) -> None:
    shop.get()
    shop.while_drawing = database_away
    for _ in range(3):
        pass_time(SECONDS + 1)
        assert shop.get().text == "page 1, 0 left"
    shop.while_drawing, shop.stock = lambda: None, 5
    pass_time(SECONDS + 1)
    assert shop.get().text.endswith("5 left")


def test_an_old_page_is_tried_again_only_after_its_time(
    shop: Shop, pass_time: Callable[[float], None]
) -> None:
    shop.get()
    shop.while_drawing = database_away
    pass_time(SECONDS + 1)
    shop.get()
    before = shop.drawn
    assert shop.get().status_code == 200
    assert shop.drawn == before, "each reader would wait for the database otherwise"


def test_a_page_is_not_sent_for_ever(shop: Shop, pass_time: Callable[[float], None]) -> None:
    shop.get()
    shop.while_drawing = database_away
    pass_time(STALE_SECONDS + 1)
    assert shop.get().status_code == 503


def test_a_fault_of_ours_is_not_hidden_by_the_old_page(
    shop: Shop, pass_time: Callable[[float], None]
) -> None:
    shop.get()
    shop.while_drawing = lambda: 1 / 0
    pass_time(SECONDS + 1)
    assert shop.get().status_code == 500


def test_the_pages_asked_for_last_are_kept(shop: Shop) -> None:
    shop.get("/?q=first")
    for number in range(LARGEST_CACHE - 1):
        shop.get(f"/?q={number}")
    assert shop.get("/?q=first").text == "page 1, 0 left"
    shop.get("/?q=one+more")
    assert shop.get("/?q=first").text == "page 1, 0 left", "it was asked for since"
    before = shop.drawn
    shop.get("/?q=0")
    assert shop.drawn == before + 1


def test_without_a_time_each_reader_gets_it_drawn() -> None:
    shop = Shop(seconds=0)
    assert [shop.get().text for _ in range(2)] == ["page 1, 0 left", "page 2, 0 left"]
    assert shop.get().headers["ETag"]
