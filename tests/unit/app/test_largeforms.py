"""What was typed is read from the beginning of a form that is too large."""

from __future__ import annotations

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from bookstore.core.web.largeforms import FIRST_BYTES, first_fields

texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=300)


@given(st.dictionaries(st.from_regex("[a-z_]{1,20}", fullmatch=True), texts, max_size=8))
def test_all_before_the_file_is_read(typed: dict[str, str]) -> None:
    file = FileStorage(BytesIO(bytes(2 * FIRST_BYTES)), "a.jpg", "zz_file")
    boundary, body = encode_multipart({**typed, "zz_file": file})
    kept = first_fields(BytesIO(body), f'multipart/form-data; boundary="{boundary}"')
    assert kept == typed


@given(st.binary(max_size=500), st.text(max_size=80))
def test_what_is_no_form_is_no_error(body: bytes, boundary: str) -> None:
    for start in (b"", b"--x\r\n", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'):
        for kind in (
            f"multipart/form-data; boundary={boundary}",
            "multipart/form-data; boundary=x",
        ):
            assert len(first_fields(BytesIO(start + body), kind)) <= 1
    assert first_fields(BytesIO(body), "application/json") == {}
    assert first_fields(BytesIO(body), "") == {}


def test_no_more_is_read_than_there_is_room_for() -> None:
    boundary, body = encode_multipart({"title": "Rayuela", "description": "x" * 2 * FIRST_BYTES})
    sent = BytesIO(body)
    kind = f"multipart/form-data; boundary={boundary}"
    assert first_fields(sent, kind) == {"title": "Rayuela"}
    assert sent.tell() == FIRST_BYTES
    many = {f"f{number}": "x" for number in range(200)}
    boundary, body = encode_multipart(many)
    kind = f"multipart/form-data; boundary={boundary}"
    assert len(first_fields(BytesIO(body), kind)) == 50
