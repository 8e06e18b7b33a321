"""Times: the shop's clock, or the reader's own, to the minute, and whose it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from flask import Flask

from bookstore.core.config.settings import ConfigurationInvalid, Settings, load_settings
from bookstore.core.web.timezones import show_date, show_moment
from bookstore.factory import create_app
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper

# Two in the morning in Greenwich is nine in the evening of the day before in Bogotá.
MOMENT = datetime(2026, 11, 29, 2, 5, 41, tzinfo=UTC)


def shown(app: Flask, language: str, cookie: str = "") -> tuple[str, str, str]:
    headers = {"Cookie": f"lang={language}; {cookie}"}
    with app.test_request_context(headers=headers):
        return show_date(MOMENT, "long"), show_moment(MOMENT, "short"), show_moment(MOMENT, "long")


@on_sqlite
def test_times_are_those_of_the_shop(app: Flask) -> None:
    day, _, long = shown(app, "es")
    assert day == "28 de noviembre de 2026"
    assert long == "28 de noviembre de 2026, 21:05 (hora de Bogotá)"
    day, short, long = shown(app, "en")
    assert day == "November 28, 2026"
    assert (short.replace("\u202f", " "), long.replace("\u202f", " ")) == (
        "11/28/26, 9:05 PM",
        "November 28, 2026, 9:05 PM (Bogota time)",
    )


@on_sqlite
def test_a_reader_sees_their_own_times(app: Flask) -> None:
    _, _, long = shown(app, "es", "time_zone=Asia/Tokyo")
    assert long == "29 de noviembre de 2026, 11:05 (hora de Tokio)"
    assert shown(app, "es", "time_zone=Nowhere/At_All") == shown(app, "es")


@on_sqlite
def test_a_clock_that_is_no_citys_goes_by_its_name(app: Flask) -> None:
    _, _, long = shown(app, "es", "time_zone=UTC")
    assert long == "29 de noviembre de 2026, 2:05 (hora de UTC)"


@on_sqlite
def test_another_shop_has_another_clock(app: Flask, settings: Settings) -> None:
    elsewhere = create_app(settings.model_copy(update={"time_zone": "Europe/Madrid"}))
    assert shown(elsewhere, "es")[2] == "29 de noviembre de 2026, 3:05 (hora de Madrid)"


def test_a_time_zone_that_is_none_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigurationInvalid, match='TIME_ZONE is "Bogota"; set it to a name of'):
        load_settings(time_zone="Bogota")


@on_sqlite
def test_who_chooses_a_time_zone_keeps_it(visitor: Shopper) -> None:
    page = visitor.get("/time-zone?lang=en").text
    assert re.search(r"<option selected>America/Bogota</option>", page)
    chosen = visitor.get("/time-zone?zone=Asia/Tokyo")
    assert (chosen.status_code, chosen.location) == (303, "/")
    assert "Tokyo" in visitor.get("/").text
    assert "<option selected>Asia/Tokyo" in visitor.get("/time-zone").text


@on_sqlite
def test_a_time_zone_that_is_not_in_the_list_is_named(visitor: Shopper) -> None:
    answer = visitor.get("/time-zone?zone=<b>Mars</b>&lang=en")
    assert answer.status_code == 422
    assert "There is no time zone “&lt;b&gt;Mars&lt;/b&gt;”" in answer.text
