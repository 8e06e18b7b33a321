"""Every message of the source is there in Spanish, with the same values to fill in."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import bookstore

PACKAGE = Path(bookstore.__file__ or "").parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def test_spanish_has_every_message() -> None:
    source = (PACKAGE / "translations/es/LC_MESSAGES/messages.po").read_bytes()
    catalogue = read_po(source.decode().splitlines(keepends=True), locale="es")
    options = {"templates/**.html": {"trimmed": "true"}}
    found = extract_from_dir(PACKAGE, METHODS, options, KEYWORDS)
    used = {message[2] for message in found}
    assert len(used) > 100
    for message in used:
        one = message if isinstance(message, str) else message[0]
        entry = catalogue.get(one)
        assert entry is not None, one
        texts = [entry.string] if isinstance(entry.string, str) else list(entry.string or [])
        assert all(texts), one
        originals = {one} if isinstance(message, str) else set(message)
        wanted = set(PLACEHOLDER.findall(" ".join(originals)))
        assert set(PLACEHOLDER.findall(" ".join(texts))) == wanted, one
