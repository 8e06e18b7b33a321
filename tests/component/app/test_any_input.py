"""Whatever is typed into a form or a search is answered, and what is refused can be typed anew."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import FileSystemBytecodeCache
from werkzeug import Request
from werkzeug.test import EnvironBuilder

from bookstore.catalogue.forms import FILTERS
from bookstore.core.paging import PAGE_SIZE, encode_cursor, encode_mark
from tests.component.app.client import Answer
from tests.component.app.conftest import rowless
from tests.component.app.pagefields import Fields
from tests.component.app.routes import Case, cases
from tests.component.app.routes_pages import PAGES
from tests.component.app.scene import Scene, opened, sqlite_in
from tests.component.app.shopper import Shopper

FORMS = [case for case in cases(PAGES) if case.method == "POST" and case.route.by]
LISTS = [case for case in cases(PAGES) if case.method == "GET" and "<" not in case.rule]
FORM = "application/x-www-form-urlencoded"
BOOKS = "/api/v1/books"
BOUNDS = ("price_from_minor", "price_to_minor")
SEARCHED = {"q", "price_from", "price_to", "condition", "language", "availability", "sort"}
SECRETS = {"password", "old_password", "card_number"}
# What a page carries for itself, and what no button that was pressed leaves in it.
CARRIED = {
    *("action", "book_id", "carrier_1", "domain", "idempotency_key", "job_id", "lines", "next"),
    "stock_seen",
}

FEW = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SEARCHES = settings(FEW, max_examples=40)
LONG = "İ" * 130 + "ß"
ODD = (
    *("", " ", "\x00", "\x85x", "a\r\nb: c", "🙂" * 80, LONG, "a" * 500),
    *("x" * 70_000, "x" * 300_000),
    *("ana@example.com", f"{LONG}@example.com", "' OR 1=1 --", "/\\evil", "+57 300", "%", "_%"),
    *("0", "-1", "1e3", "½", "٣", "9" * 30, "9" * 5000, "1x1@1", "4000000000000002"),
)
TITLES = ("🙂" * 80, "Ω", LONG, "½", "' OR 1=1 --", "%_\\", "\u2028x", "2")
# As it is sent: percent-encoded, also bytes that are no UTF-8, such as surrogates, and lone %.
BROKEN = ("%", "%zz", "a%f", "%ff%fe", "%ed%a0%80", "%f0%9f", "%00", "+", "=")
SENT = (
    st.text().map(quote)
    | st.sampled_from(ODD).map(quote)
    | st.binary(max_size=12).map(quote)
    | st.sampled_from(BROKEN)
)
# A form may come with bytes as they are; of a query gunicorn lets none through.
SENT_IN_FORMS = SENT | st.sampled_from(["\xff", "\xed\xa0\x80"])


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def shop(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    compiled_templates: FileSystemBytecodeCache,
) -> Iterator[Scene]:
    """Give a shop with more books than a page shows."""
    folder = tmp_path_factory.mktemp("shop")
    database: AbstractContextManager[str]
    if request.param == "sqlite":
        database = nullcontext(sqlite_in(folder))
    else:
        database = rowless(request.getfixturevalue("migrated_mysql"))
    with database as uri, opened(uri, folder, compiled_templates) as scene:
        for number in range(PAGE_SIZE):
            scene.client("seller").publish(title=f"Book {TITLES[number % len(TITLES)]}")
        scene.rows = scene.read()
        yield scene


def post(scene: Scene, case: Case, body: bytes, address: str) -> Answer:
    shopper = scene.shopper(case.route.by[0])
    return shopper.client.post(
        case.path(scene),
        data=body,
        content_type=FORM,
        headers={"Accept-Language": "en"},
        environ_base={"REMOTE_ADDR": address},
        buffered=True,
    )


def wild_of(names: Sequence[str]) -> st.SearchStrategy[dict[str, str]]:
    """Return what may be typed in one or two fields, so that it may be taken, or in any."""
    some = st.dictionaries(st.sampled_from(names), SENT_IN_FORMS, min_size=1, max_size=2)
    return some | some | st.dictionaries(st.sampled_from(names), SENT_IN_FORMS, min_size=1)


def read(body: bytes) -> dict[str, str]:
    """Return what a form holds as the shop reads it, with what is no UTF-8 left as it is."""
    sent = EnvironBuilder(method="POST", data=body, content_type=FORM)
    return Request(sent.get_environ()).form.to_dict()


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_no_form_breaks_or_loses_what_was_typed(shop: Scene, case: Case) -> None:
    # From many addresses, or the limit of attempts would be all that is seen.
    numbers = count()
    good = case.route.sent(shop)
    token = {"csrf_token": shop.people[case.route.by[0]].csrf_token}
    shop.reset()

    # Where nothing is asked there is little to draw.
    @settings(FEW, max_examples=FEW.max_examples if good else 3)
    @given(wild_of([*good, "choose"]))
    def fill_in(wild: dict[str, str]) -> None:
        raw = {name: quote(text) for name, text in {**token, **good}.items()} | wild
        body = "&".join(f"{name}={text}" for name, text in raw.items()).encode("latin-1")
        answer = post(shop, case, body, f"192.0.2.{next(numbers) % 256}")
        assert answer.status_code < 500, answer.text
        if answer.status_code == 303:
            assert re.match(r"/(?![/\\])", answer.location)
            # What was taken can be shown.
            assert shop.shopper(case.route.by[0]).get(answer.location).status_code < 500
            shop.reset()
        if answer.status_code == 422:
            typed = read(body)
            shown = {name: typed[name] for name in {*good} & {*typed} - SECRETS - CARRIED}
            fields = Fields(answer.text)
            assert fields.lost(shown) == {}
            assert not any(text for name in SECRETS for text in fields.held[name])

    fill_in()


GOOD = {
    "q": ("book", "2", "ss", "listed by", "1=1"),
    "price_from": ("0", "25.000", "25000,01"),
    "price_to": ("25.000", "1e9", "100.000.000"),
    "price_from_minor": ("0", "2500000"),
    "price_to_minor": ("2500000", str(10**10), str(2**63)),
    "condition": ("good", "worn"),
    "language": ("es", "en"),
    "availability": ("in_stock",),
    "sort": ("newest", "cheapest", "dearest", "title"),
    "lang": ("es", "en"),
    "email": ("buyer@example.com",),
    "book_id": ("1", "5"),
    "quantity": ("1", "21"),
    "next": ("/sell",),
    "colour": ("red",),
}
IDS = st.integers(1, 2**63 - 1) | st.integers(1, 40)
CURSORS = (
    IDS.map(encode_cursor)
    | st.builds(encode_mark, st.integers(0, 2**56 - 1) | st.just(2_500_000), IDS)
    | st.builds(encode_mark, st.text(min_size=1) | st.sampled_from(TITLES), IDS)
)


def pairs_of(names: Mapping[str, tuple[str, ...]]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Return what a query may hold: names more than once, in any order, good or not."""
    known = st.sampled_from([(name, quote(text)) for name in names for text in names[name]])
    wild = st.tuples(st.sampled_from([*names, "after"]), SENT)
    cursors = st.tuples(st.just("after"), CURSORS)
    good = st.lists(known, max_size=3, unique_by=lambda pair: pair[0])
    odd = st.lists(known | cursors | wild, max_size=3)
    return st.builds(operator.add, good, odd | st.just([]))


def get(scene: Scene, path: str, pairs: list[tuple[str, str]]) -> Answer:
    """Ask with a query just as it is written, which a client would put in order."""
    query = "&".join(f"{name}={text}" for name, text in pairs)
    # What anybody may see, with nobody's cookie; a moderator sees the rest, with a cart of theirs.
    shopper = scene.shopper("moderator") if path not in {"/", BOOKS} else Shopper(scene.app)
    return shopper.client.get(path, environ_overrides={"QUERY_STRING": query})


@SEARCHES
@given(pairs=pairs_of({name: GOOD[name] for name in ("q", "sort", *FILTERS, "lang")}))
def test_no_search_breaks_or_loses_what_was_typed(
    shop: Scene, pairs: list[tuple[str, str]]
) -> None:
    answer = get(shop, "/", pairs)
    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 422:
        asked = answer.request.args
        shown = {name: asked[name].strip() for name in SEARCHED & {*asked}}
        assert Fields(answer.text).lost(shown) == {}


@SEARCHES
@given(pairs=pairs_of({name: GOOD[name] for name in ("q", "sort", *FILTERS[2:], *BOUNDS)}))
def test_no_search_breaks_the_api(shop: Scene, pairs: list[tuple[str, str]]) -> None:
    answer = get(shop, BOOKS, pairs)
    assert answer.status_code in {200, 422}, answer.text


@FEW
@given(case=st.sampled_from(LISTS), pairs=pairs_of(GOOD))
def test_no_query_breaks_a_page(shop: Scene, case: Case, pairs: list[tuple[str, str]]) -> None:
    answer = get(shop, case.rule, pairs)
    assert answer.status_code in {200, 303, 404, 409, 422}, answer.text
