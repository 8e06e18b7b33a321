"""Search over title, author, description and ISBN that finds the same on every database."""

import unicodedata

from sqlalchemy import ColumnElement, and_, bindparam, literal
from sqlalchemy.dialects.mysql import match

from bookstore.catalogue.models import Book

# What InnoDB's full-text index leaves out by default: short words, and the stopwords of
# INFORMATION_SCHEMA.INNODB_FT_DEFAULT_STOPWORD that are not short.
SHORTEST_WORD = 3
STOPWORDS = frozenset(
    {"about", "are", "com", "for", "from", "how", "that", "the", "this", "was", "what"}
    | {"when", "where", "who", "will", "with", "und", "www"}
)
MOST_WORDS = 8


def fold(text: str) -> str:
    """Return a text's words in lower case, without accents, with single spaces between."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join("".join(char if char.isalnum() else " " for char in plain).split())


def search_text(title: str, author: str, isbn: str | None, description: str) -> str:
    """Return the folded text of a book that searches look in."""
    return " ".join(part for part in (fold(title), fold(author), isbn, fold(description)) if part)


def search_words(query: str) -> list[str]:
    """Return the words of a query that a search looks for; each is the beginning of a word."""
    words = dict.fromkeys(fold(query.replace("-", "") if _is_number(query) else query).split())
    indexed = [word for word in words if len(word) >= SHORTEST_WORD and word not in STOPWORDS]
    return indexed[:MOST_WORDS]


def word_values(words: list[str]) -> dict[str, str]:
    """Return the values for ``matches`` and ``holds``.

    :param words: from ``search_words``, so only letters and digits; none of them is escaped.
    """
    each = {f"word_{place}": f" {word}" for place, word in enumerate(words)}
    return each | {"words": " ".join(f"+{word}*" for word in words)} if words else {}


def matches() -> ColumnElement[bool]:
    """Return the condition that a book holds all the words, by MySQL's full-text index."""
    return match(Book.__table__.c.search_text, against=bindparam("words")).in_boolean_mode()


def holds(words: int) -> ColumnElement[bool]:
    """Return the condition that a book holds so many words, by reading its text."""
    text = literal(" ").concat(Book.search_text)
    return and_(*(text.contains(bindparam(f"word_{place}")) for place in range(words)))


def _is_number(query: str) -> bool:
    return query.replace("-", "").replace(" ", "").isdigit()
