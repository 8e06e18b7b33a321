"""The shop's rules that need neither database nor request."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bookstore.catalogue.isbn import check_digit, parse_isbn
from bookstore.catalogue.samples import load_samples
from bookstore.catalogue.search import search_words
from bookstore.core.config.settings import ConfigurationInvalid, load_settings
from bookstore.core.db.schema import DOMAINS, revisions, scripts
from bookstore.core.money import LARGEST_MINOR, money_text, parse_money, show_money
from bookstore.core.paging import (
    LARGEST_ID,
    LONGEST_VALUE,
    decode_cursor,
    decode_mark,
    encode_cursor,
    encode_mark,
)
from bookstore.core.web.forms import Text
from bookstore.core.web.security import safe_next
from bookstore.orders.shipping import CARRIERS, CarrierCode


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("25000", 2_500_000),
        ("25.000", 2_500_000),
        ("25,000", 2_500_000),
        ("$ 1.250.000", 125_000_000),
        ("25.000,50", 2_500_050),
        ("25,000.5", 2_500_050),
        ("12,75", 1_275),
    ],
)
def test_a_price_is_read_as_spanish_and_english_speakers_write_it(typed: str, minor: int) -> None:
    assert parse_money(typed) == minor


@pytest.mark.parametrize("typed", ["", "free", "-5", "1e3", "25.00.00", "1,2,3", "9" * 30])
def test_what_is_no_price_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_money(typed)


@given(st.integers(min_value=0, max_value=LARGEST_MINOR))
def test_a_price_survives_the_form(minor: int) -> None:
    assert parse_money(money_text(minor)) == minor


def test_money_is_shown_by_locale() -> None:
    assert show_money(2_500_000, "COP", "es") == "$\u00a025.000"
    assert show_money(2_500_050, "COP", "en") == "COP\u00a025,000.50"


@given(st.integers(min_value=1, max_value=LARGEST_ID))
def test_a_cursor_is_read_back(position: int) -> None:
    assert decode_cursor(encode_cursor(position)) == position


@given(st.text())
def test_a_cursor_from_anywhere_is_an_id_or_none(text: str) -> None:
    position = decode_cursor(text)
    assert position is None or 0 < position <= LARGEST_ID


LINES = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1)


@given(LINES.filter(lambda text: len(text) <= LONGEST_VALUE), st.integers(1, LARGEST_ID))
def test_a_mark_of_a_text_is_read_back_and_never_as_a_number(value: str, position: int) -> None:
    assert decode_mark(encode_mark(value, position), str) == (value, position)
    assert decode_mark(encode_mark(value, position), int) is None


@given(st.integers(1, LARGEST_MINOR), st.integers(1, LARGEST_ID))
def test_a_mark_of_a_price_is_read_back_and_never_as_a_text(value: int, position: int) -> None:
    assert decode_mark(encode_mark(value, position), int) == (value, position)
    assert decode_mark(encode_mark(value, position), str) is None


@given(st.text() | st.binary(max_size=60).map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_a_mark_from_anywhere_is_a_place_or_none(text: str) -> None:
    for kind in (int, str):
        mark = decode_mark(text, kind)
        assert mark is None or 0 < mark[1] <= LARGEST_ID


@pytest.mark.parametrize(
    ("typed", "isbn"),
    [
        ("978-84-376-0494-7", "9788437604947"),
        ("0-306-40615-2", "9780306406157"),
        ("080442957X", "9780804429573"),
    ],
)
def test_an_isbn_is_kept_as_thirteen_digits(typed: str, isbn: str) -> None:
    assert parse_isbn(typed) == isbn


@given(st.integers(min_value=0, max_value=10**9 - 1), st.integers(min_value=1, max_value=9))
def test_an_isbn_with_a_wrong_check_digit_is_refused(number: int, off: int) -> None:
    stem = f"978{number:09}"
    right = check_digit(stem)
    assert parse_isbn(stem + right) == stem + right
    with pytest.raises(ValueError, match="not an ISBN"):
        parse_isbn(stem + str((int(right) + off) % 10))


@pytest.mark.parametrize("typed", ["0-306-40615-3", "080442957A", "0804429570", "0306406", ""])
def test_an_isbn_of_ten_digits_is_checked_too(typed: str) -> None:
    with pytest.raises(ValueError, match="not an ISBN"):
        parse_isbn(typed)


@given(st.text())
def test_search_words_hold_no_operator(query: str) -> None:
    assert all(word.isalnum() for word in search_words(query))


def test_search_words_have_no_accents_and_skip_what_the_index_skips() -> None:
    assert search_words("Cien AÑOS de la Soledad") == ["cien", "anos", "soledad"]
    assert search_words("978-84-376-0494-7") == ["9788437604947"]


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\nb", "", None],
)
def test_a_redirect_stays_on_the_site(target: str | None) -> None:
    assert safe_next(target) is None


def test_a_path_of_the_site_is_a_good_redirect() -> None:
    assert safe_next("/books/3?x=1") == "/books/3?x=1"


def test_shipping_costs_grow_with_the_copies() -> None:
    standard = CARRIERS[CarrierCode.STANDARD]
    assert standard.cost_minor(1) == 900_000
    assert standard.cost_minor(3) == 1_300_000


def test_the_sample_books_keep_the_rules() -> None:
    titles = [book.title for book in load_samples()]
    assert len(titles) == len({(book.title, book.author, book.language) for book in load_samples()})
    assert len(titles) >= 20


@pytest.mark.parametrize("text", ["\u202e00.25", "a\u2067b", "\u200b \u200b", "a\u0085b", "a\x00b"])
def test_a_text_that_cannot_be_seen_or_turns_what_follows_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="Quita los caracteres"):
        TypeAdapter(Text).validate_python(text)


@pytest.mark.parametrize(
    "text", ["", "Lorem\n\tipsum", "co\u00adop", "\U0001f469\u200d\U0001f52c", "שלום"]
)
def test_a_text_of_any_script_is_taken(text: str) -> None:
    assert TypeAdapter(Text).validate_python(text) == text


@pytest.mark.parametrize("domain", DOMAINS)
def test_revisions_are_named_as_their_files(domain: str) -> None:
    known = ScriptDirectory(str(scripts(domain)), version_locations=[str(scripts(domain))])
    assert revisions(domain) == [script.revision for script in known.walk_revisions()][::-1]


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_revision_declares_the_oldest_one_whose_version_works_with_it(domain: str) -> None:
    known = ScriptDirectory(str(scripts(domain)), version_locations=[str(scripts(domain))])
    order = revisions(domain)
    for revision in order:
        declared = known.get_revision(revision).module.oldest_compatible
        assert order.index(declared) <= order.index(revision)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"PORT": "http"}, 'PORT is "http"; set it to a port number from 1 to 65535.'),
        ({"FORWARDED_HOPS": "-1"}, "FORWARDED_HOPS is"),
        ({"DB_HOST": "db"}, "DB_NAME is not set although DB_HOST is"),
        ({"FLASK_ENV": "production"}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "hunter2"}, "SECRET_KEY has fewer than 16 characters"),
        ({"SQLALCHEMY_DATABASE_URI": "hunter2"}, "SQLALCHEMY_DATABASE_URI cannot be read"),
        ({"DB_TLS": "verify-identity"}, "DB_TLS_CA is not set"),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence_without_secrets(
    given: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationInvalid) as refused:
        load_settings()
    assert sentence in str(refused.value)
    assert "hunter2" not in str(refused.value)
