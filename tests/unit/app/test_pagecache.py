"""The cache in front of the app: what it keeps, for whom, and who renews it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from flask import Flask, session
from werkzeug.test import TestResponse

from bookstore.core import http, i18n, pagecache
from bookstore.core.http import Answer
from bookstore.core.pagecache import PageCache
from bookstore.core.publicpage import PublicPage, public_page
from bookstore.core.services import service

SECONDS = 60.0
PATIENCE = 30


class Shop:
    """An app of one public page that counts how often it is asked for and drawn."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.asked = self.drawn = self.stock = 0
        self.told: list[Answer] = []
        self.fail: Callable[[], object] = lambda: None
        self.draw: Callable[[], object] = lambda: None
        app = Flask("shop")
        app.secret_key = "for the tests alone"
        http.install(app, [], limit_seconds=60)
        i18n.install(app)

        @app.get("/")
        @public_page
        def home() -> PublicPage:
            return PublicPage(self.question, self.drawing)

        @app.errorhandler(ZeroDivisionError)
        def broken(_error: ZeroDivisionError) -> tuple[str, int]:
            return "broken", 500

        pagecache.install(app, seconds, ["q"], [self.told.append])
        self.app = app
        self.cache: PageCache = service(PageCache, app)

    def question(self) -> dict[str, object]:
        self.asked += 1
        self.fail()
        return {"stock": self.stock}

    def drawing(self, stock: int) -> str:
        self.drawn += 1
        drawn = self.drawn
        self.draw()
        return f"page {drawn}, {stock} left"

    def get(self, path: str = "/", **headers: str) -> TestResponse:
        return self.app.test_client(use_cookies=False).get(
            path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


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


def test_a_page_is_drawn_once_and_sent_as_it_was(shop: Shop) -> None:
    first, second = shop.get(), shop.get()
    assert (shop.drawn, second.text) == (1, "page 1, 0 left")
    own = {"X-Request-ID"}
    assert [h for h in first.headers if h[0] not in own] == [
        h for h in second.headers if h[0] not in own
    ]
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert shop.get(X_Request_ID="given-by-a-proxy").headers["X-Request-ID"] == "given-by-a-proxy"
    assert [(a.endpoint, a.status, a.path) for a in shop.told] == [("home", 200, "/")] * 2


def test_a_reader_who_has_the_page_is_told_so(shop: Shop) -> None:
    etag = shop.get().headers["ETag"]
    again = shop.get(If_None_Match=etag)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert "Content-Type" not in again.headers
    assert shop.get(If_None_Match='"another"').status_code == 200
    assert shop.drawn == 1


def test_a_head_has_no_body_and_keeps_no_page(shop: Shop) -> None:
    asked = shop.app.test_client().head("/")
    assert (asked.status_code, asked.data) == (200, b"")
    assert shop.get().text == "page 2, 0 left"
    assert shop.app.test_client().head("/").data == b""
    assert shop.drawn == 2


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


def test_a_page_that_gives_a_cookie_is_not_shared(shop: Shop) -> None:
    shop.draw = lambda: session.update(cart=1)
    assert "Set-Cookie" in shop.get().headers
    shop.draw = lambda: None
    assert "Set-Cookie" not in shop.get().headers
    assert shop.drawn == 2


def test_one_request_renews_a_page_and_the_others_get_the_old_one(
    shop: Shop, pass_time: Callable[[float], None]
) -> None:
    shop.get()
    shop.stock = 5
    pass_time(SECONDS + 1)
    drawing, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        drawing.set()
        assert go_on.wait(PATIENCE)

    shop.draw = hold
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(shop.get)
        try:
            assert drawing.wait(PATIENCE)
            assert [shop.get().text for _ in range(3)] == ["page 1, 0 left"] * 3
        finally:
            go_on.set()
        assert renewing.result(PATIENCE).text == "page 2, 5 left"
    assert shop.get().text == "page 2, 5 left"
    assert shop.drawn == 2


def test_a_page_that_many_ask_for_at_once_is_drawn_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = threading.Semaphore(0)

    class Watched(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waiting.release()
            return super().wait(timeout)

    others = 7

    def hold() -> None:
        assert all(waiting.acquire(timeout=PATIENCE) for _ in range(others))

    shop.draw = hold
    monkeypatch.setattr(pagecache, "PATIENCE_SECONDS", 2 * PATIENCE)
    # Not the module's own Event, by which every thread that starts is waited for too.
    monkeypatch.setattr(pagecache, "threading", SimpleNamespace(Event=Watched))
    with ThreadPoolExecutor(others + 1) as pool:
        asked = [pool.submit(shop.get) for _ in range(others + 1)]
        assert [one.result(PATIENCE).text for one in asked] == ["page 1, 0 left"] * (others + 1)
    assert shop.drawn == 1


def test_who_waited_long_enough_asks_the_app(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagecache, "PATIENCE_SECONDS", 0)
    drawn = threading.Semaphore(0)
    go_on = threading.Event()

    def hold() -> None:
        drawn.release()
        assert go_on.wait(PATIENCE)

    shop.draw = hold
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(shop.get) for _ in range(2)]
        try:
            # Both are in the app, so neither waits for the other.
            assert all(drawn.acquire(timeout=PATIENCE) for _ in asked)
        finally:
            go_on.set()
        assert sorted(one.result(PATIENCE).text for one in asked) == [
            "page 1, 0 left",
            "page 2, 0 left",
        ]


def test_nobody_waits_where_the_page_is_not_shared(shop: Shop) -> None:
    shop.draw = lambda: session.update(cart=1)
    shop.get()
    drawn = threading.Semaphore(0)
    go_on = threading.Event()

    def hold() -> None:
        drawn.release()
        assert go_on.wait(PATIENCE)
        session["cart"] = 1

    shop.draw = hold
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(shop.get) for _ in range(3)]
        try:
            assert all(drawn.acquire(timeout=PATIENCE) for _ in asked)
        finally:
            go_on.set()
        assert [one.result(PATIENCE).status_code for one in asked] == [200] * 3


def test_a_failure_wakes_those_who_wait(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagecache, "PATIENCE_SECONDS", 2 * PATIENCE)
    shop.draw = lambda: 1 / 0
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(shop.get) for _ in range(4)]
        assert [one.result(PATIENCE).status_code for one in asked] == [500] * 4


def test_a_page_is_not_sent_long_after_its_time(
    shop: Shop, pass_time: Callable[[float], None]
) -> None:
    shop.get()
    shop.stock = 5
    pass_time(SECONDS + 1)
    shop.draw = lambda: 1 / 0
    assert shop.get().status_code == 500
    shop.draw = lambda: None
    assert shop.get().text == "page 3, 5 left", "a failed renewal leaves the next request to try"


def test_a_page_that_is_too_old_is_good_again_if_it_shows_what_is(
    shop: Shop, pass_time: Callable[[float], None]
) -> None:
    shop.get()
    for renewed in (1, 2):
        pass_time(SECONDS + 1)
        before = shop.asked
        assert {shop.get().text for _ in range(3)} == {"page 1, 0 left"}
        assert shop.asked == before + 1, f"asked once for another {SECONDS} s, time {renewed}"
    assert shop.drawn == 1


def test_a_page_is_drawn_again_when_what_it_shows_changed_and_asked_for_once(
    shop: Shop, pass_time: Callable[[float], None]
) -> None:
    etag = shop.get().headers["ETag"]
    shop.stock = 5
    pass_time(SECONDS + 1)
    changed = shop.get(If_None_Match=etag)
    assert (changed.status_code, changed.text) == (200, "page 2, 5 left")
    assert (shop.asked, shop.drawn) == (2, 2)


def test_a_question_that_fails_is_the_apps_to_tell_and_not_put_twice(
    shop: Shop, pass_time: Callable[[float], None]
) -> None:
    shop.get()
    pass_time(SECONDS + 1)
    shop.fail = lambda: 1 / 0
    failed = shop.get()
    assert (failed.status_code, failed.text, shop.asked) == (500, "broken", 2)
    shop.fail = lambda: None
    assert shop.get().text == "page 1, 0 left", "a failure leaves the page as it was"
    assert shop.drawn == 1


def test_without_a_time_each_reader_asks() -> None:
    shop = Shop(seconds=0)
    assert [shop.get().text for _ in range(3)] == ["page 1, 0 left"] * 3
    assert (shop.asked, shop.drawn) == (3, 1)
    shop.stock = 5
    assert shop.get().text == "page 2, 5 left"
    assert shop.get(Cookie="session=theirs").text == "page 3, 5 left"
