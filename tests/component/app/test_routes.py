"""Nobody sees or changes what is another's, by any route of the shop: a new one fails until it
stands in the tables that tell whose each is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from tests.component.app.client import Answer
from tests.component.app.routes import LOGIN, Case, cases
from tests.component.app.routes_api import API
from tests.component.app.routes_pages import PAGES
from tests.component.app.scene import Rows, Scene, opened, sqlite_in

CASES = cases(PAGES) + cases(API)
PERSONS = ("seller", "buyer", "other", "moderator")
NOT_THERE = 999_999_999
OWNERS = {"seller_id", "buyer_id", "account_id", "actor_id"}


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, compiled_templates: FileSystemBytecodeCache
) -> Iterator[Scene]:
    """Give a shop on SQLite with all that anybody could want to see or change."""
    folder = tmp_path_factory.mktemp("shop")
    with opened(sqlite_in(folder), folder, compiled_templates) as scene:
        yield scene


@pytest.fixture
def scene(shop: Scene) -> Iterator[Scene]:
    """Give the shop as it was at the beginning."""
    yield shop
    shop.reset()


def methods_of(app: Flask) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_each_route_stands_in_a_table(shop: Scene) -> None:
    assert methods_of(shop.app) == {*PAGES, *API}


def test_each_rule_with_an_id_has_something_that_others_do_not_reach() -> None:
    rules = {case.rule for case in CASES if re.search(r"<id:", case.rule)}
    assert rules - {case.rule for case in CASES if case.route.others} == set()


def is_refused(case: Case, answer: Answer, status: int) -> bool:
    """Tell whether an answer refuses what was asked as the pages or the API promise it."""
    if status != LOGIN or case.in_api:
        challenged = "Bearer" in answer.headers.get("WWW-Authenticate", "")
        return bool(answer.status_code == status and challenged == (status == LOGIN))
    path, asked = "/auth/login", answer.request.path
    way_back = f"{path}?next={asked}" if case.method == "GET" else path
    return bool(answer.status_code == 303 and answer.location.startswith(way_back))


def is_reached(case: Case, answer: Answer) -> bool:
    """Tell whether an answer is that of what somebody may see or do."""
    is_login = not case.in_api and is_refused(case, answer, LOGIN)
    return bool(answer.status_code < 400 and is_login == case.route.to_login)


def rows_of_others(rows: Rows, person_id: int, moved: frozenset[str]) -> dict[Any, Any]:
    """Return the rows that are not a person's own."""
    found = {}
    for table, held in rows.items():
        for row in held if table not in moved else ():
            owners = {row[name] for name in OWNERS & {*row}}
            if person_id not in ({row["id"]} if table == "accounts" else owners):
                key = next(iter(row.values()))
                found[table, key] = row
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_route_is_its_owners_alone(scene: Scene, case: Case) -> None:
    route = case.route
    before, mails = scene.read(), scene.mails()
    if route.strangers is not None and "visitor" not in route.by:
        assert is_refused(case, case.send(scene, "visitor"), route.strangers)
    if route.others is not None:
        for name in {*PERSONS} - {*route.by}:
            answer = case.send(scene, name)
            assert is_refused(case, answer, route.others), (name, answer.status_code)
    assert (scene.read(), scene.mails()) == (before, mails)
    for name in route.by:
        answer = case.send(scene, name)
        assert is_reached(case, answer), (name, answer.status_code, answer.text)
        if case.method == "GET":
            assert scene.read() == before, name
        scene.reset()


@pytest.mark.parametrize("case", [c for c in CASES if c.method == "GET"], ids=str)
def test_a_head_is_answered_as_the_get_is(shop: Scene, case: Case) -> None:
    for name in case.route.by:
        head = replace(case, method="HEAD").send(shop, name)
        assert (head.status_code, head.data) == (case.send(shop, name).status_code, b""), name


@pytest.mark.parametrize("case", [c for c in CASES if c.route.others is None], ids=str)
def test_what_somebody_does_to_their_own_is_nothing_to_anothers(scene: Scene, case: Case) -> None:
    before = scene.rows
    answer = case.send(scene, "other")
    assert is_reached(case, answer), answer.text
    mine = scene.ids["other"]
    after = rows_of_others(scene.read(), mine, case.route.moves)
    for key, row in rows_of_others(before, mine, case.route.moves).items():
        assert after.get(key) == row


@pytest.mark.parametrize("case", [c for c in CASES if c.route.shows is not None], ids=str)
def test_what_a_route_shows_of_somebody_it_shows_nobody_else(scene: Scene, case: Case) -> None:
    told = str(case.route.shows).format(**scene.ids)
    for name in (*PERSONS, "visitor"):
        shown = told in case.send(scene, name).text
        assert shown == (name in case.route.by), name


@pytest.mark.parametrize("case", [c for c in CASES if "id>" in c.rule and c.route.others], ids=str)
def test_what_is_anothers_is_not_told_apart_from_what_is_not_there(
    scene: Scene, case: Case
) -> None:
    (parameter,) = re.findall(r":(\w+)>", case.rule)

    def answer(name: str, number: int) -> Answer:
        return case.send(scene, name, "", **{parameter: number})

    def shown(answer: Answer) -> bytes:
        # The header of each page has a token of its own, to log out with.
        return re.sub(rb'name="csrf_token" value="[^"]+"', b"", answer.get_data())

    assert shown(case.send(scene, "other")) == shown(answer("other", NOT_THERE))
    reader = (*case.route.by, "buyer")[0]
    for number in (NOT_THERE, 2**63 - 1, 2**63, 10**30):
        assert answer(reader, number).status_code in {404, 405}


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.method == "POST" and not c.in_api and c.route.by], ids=str
)
def test_no_form_is_taken_without_its_token(scene: Scene, case: Case) -> None:
    for name in case.route.by:
        assert case.send(scene, name, csrf_token="wrong").status_code in {400, 422}
    assert scene.read() == scene.rows


@pytest.mark.parametrize("case", [c for c in CASES if c.in_api and c.route.strangers], ids=str)
def test_no_cookie_opens_the_api(scene: Scene, case: Case) -> None:
    sent = case.route.sent(scene)
    body: dict[str, Any] = {"data": sent} if isinstance(sent, bytes) else {"json": sent or None}
    for name in case.route.by:
        browser = scene.shopper(name).client
        answer = browser.open(
            case.path(scene), method=case.method, headers=case.route.headers, **body
        )
        assert is_refused(case, answer, case.route.strangers or LOGIN)
