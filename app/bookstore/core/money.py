"""Money as whole minor units: read what a person typed, show it by locale."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel.numbers import format_currency

CURRENCY: Final = "COP"
MINOR_UNITS = 100
LARGEST_MINOR = 100_000_000 * MINOR_UNITS

_PLAIN = re.compile(r"(?P<whole>\d+)(?:[.,](?P<part>\d{1,2}))?", re.ASCII)
_GROUPED = re.compile(
    r"(?P<whole>\d{1,3}(?:(?P<sep>[., ])\d{3})(?:(?P=sep)\d{3})*)"
    r"(?:(?!(?P=sep))[.,](?P<part>\d{1,2}))?",
    re.ASCII,
)
_LOCALES = {"es": "es_CO", "en": "en_US"}


def parse_money(text: str) -> int:
    """Read an amount in pesos as Spanish or English speakers write it.

    :param text: such as ``25000``, ``25.000``, ``25,000`` or ``25.000,50``.
    :return: minor units (centavos).
    :raise ValueError: when the text is no amount.
    """
    text = text.strip().removeprefix("$").removeprefix("COP").strip().replace("\u00a0", " ")
    match = _GROUPED.fullmatch(text) or _PLAIN.fullmatch(text)
    if match is None or len(text) > 20:
        raise ValueError("not an amount")
    whole = re.sub(r"\D", "", match["whole"])
    return int(whole) * MINOR_UNITS + int((match["part"] or "").ljust(2, "0"))


def money_text(minor: int) -> str:
    """Write minor units as the text that ``parse_money`` reads back, for a form's field."""
    whole, part = divmod(minor, MINOR_UNITS)
    return f"{whole},{part:02}" if part else str(whole)


@lru_cache(maxsize=4096)
def show_money(minor: int, currency: str, language: str) -> str:
    """Write an amount as a reader of the language expects it.

    :param minor: minor units of the currency.
    :param currency: an ISO 4217 code.
    :param language: a key of ``LANGUAGES``.
    :return: such as ``$ 25.000`` or ``COP 25,000``; cents only where there are any.
    """
    pattern = "¤\u00a0#,##0.00" if minor % MINOR_UNITS else "¤\u00a0#,##0"
    amount = Decimal(minor) / MINOR_UNITS
    return format_currency(
        amount, currency, format=pattern, locale=_LOCALES[language], currency_digits=False
    )
