"""Languages: choose one for a request, and translate from the committed catalogues."""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import cast

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, Response, has_request_context, request
from flask_babel import Babel, Domain, LazyString, get_locale

from bookstore.core.api.scope import in_api

LANGUAGES = {"es": "Español", "en": "English"}
DEFAULT_LANGUAGE = "es"
COOKIE = "lang"
YEAR_SECONDS = 365 * 24 * 3600
CATALOGUES = Path(__file__).parent.parent / "translations"


class PoDomain(Domain):  # type: ignore[misc]
    """Translate from ``.po`` files, so that no compiled file can be missing or out of date."""

    def get_translations(self) -> NullTranslations:
        """Return the translations of the request's language."""
        return catalogue(language())


def gettext(message: str, **values: object) -> str:
    """Return a message in the request's language, with its values filled in."""
    translated = catalogue(language()).gettext(message)
    return translated % values if values else translated


def ngettext(one: str, many: str, num: int, **values: object) -> str:
    """Return the message for a number in the request's language; ``num`` is filled in too."""
    return catalogue(language()).ngettext(one, many, num) % {"num": num, **values}


def lazy_gettext(message: str) -> str:
    """Return a message that is translated whenever it is shown; its type is a string's double."""
    return cast("str", LazyString(gettext, message))


@cache
def catalogue(code: str) -> NullTranslations:
    """Read the catalogue of a language.

    :param code: a key of ``LANGUAGES``.
    :return: its translations; none for English, in which the source is written.
    """
    path = CATALOGUES / code / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as source:
        messages = read_po(source, locale=code)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)


def language() -> str:
    """Return the language of the running request, or the default outside of one."""
    locale: Locale | None = get_locale() if has_request_context() else None
    return locale.language if locale is not None else DEFAULT_LANGUAGE


def choose_language() -> str:
    """Choose by the query's ``lang``, else the cookie, else Accept-Language, else Spanish.

    The API looks at Accept-Language alone.
    """
    if not in_api():
        for wanted in (request.args.get("lang"), request.cookies.get(COOKIE)):
            if wanted in LANGUAGES:
                return wanted
    return request.accept_languages.best_match(list(LANGUAGES)) or DEFAULT_LANGUAGE


def remember_language(response: Response) -> Response:
    """Keep a language that was asked for in a cookie for a year."""
    wanted = request.args.get("lang")
    if not in_api() and wanted in LANGUAGES and wanted != request.cookies.get(COOKIE):
        response.set_cookie(
            COOKIE, wanted, max_age=YEAR_SECONDS, samesite="Lax", secure=request.is_secure
        )
    return response


def install(app: Flask) -> None:
    """Give the app its languages."""
    babel = Babel(app, default_locale=DEFAULT_LANGUAGE, locale_selector=choose_language)
    babel.domain_instance = PoDomain()
    app.jinja_env.globals.update(language=language, languages=LANGUAGES)
    app.after_request(remember_language)
