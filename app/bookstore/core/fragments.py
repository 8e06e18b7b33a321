"""Parts that many pages show alike, rendered once: most of a page's time would go into them."""

from collections.abc import Hashable, Iterable
from functools import lru_cache

from flask import render_template, request
from markupsafe import Markup

from bookstore.core.i18n import language

# A page of the catalogue has 26 parts of about a kilobyte each; written down it takes 17.
MOST_PARTS = 2048


def fragment(template: str, **facts: Hashable) -> Markup:
    """Return a part of a page as HTML.

    :param template: one that shows nothing but the facts, in the reader's language. It asks
        nothing of the request, of who is logged in, or of the database.
    """
    return _part(template, language(), request.script_root, tuple(facts.items()))


def fragments(template: str, name: str, each: Iterable[Hashable]) -> Markup:
    """Return a part for each of several things, one after the other.

    :param name: what the template calls such a thing.
    """
    place = template, language(), request.script_root
    parts = [_part(*place, ((name, one),)) for one in each]
    return Markup("\n".join(parts))  # noqa: S704 - the parts are markup


@lru_cache(maxsize=MOST_PARTS)
def _part(
    template: str, _language: str, _script_root: str, facts: tuple[tuple[str, Hashable], ...]
) -> Markup:
    return Markup(render_template(template, **dict(facts)))  # noqa: S704 - our template
