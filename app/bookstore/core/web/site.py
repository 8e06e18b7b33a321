"""What programs read of the shop: robots.txt, the sitemap, its icon, and what pages tell of it."""

from urllib.parse import urlencode
from xml.sax.saxutils import escape

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask.typing import ResponseReturnValue

from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.services import service
from bookstore.core.web.http import STATIC
from bookstore.core.web.i18n import LANGUAGES
from bookstore.core.web.security import public_address

# A sitemap holds 50,000 addresses at most (sitemaps.org); fewer are made in a moment.
BOOKS_IN_SITEMAP = 10_000
HOUR = "public, max-age=3600"
DAY = "public, max-age=86400"
# What is one person's, and what moderators do; a crawler would find a login there.
NOT_FOR_CRAWLERS = ("/account/", "/admin/", "/orders/", "/sales/", "/api/")

blueprint = Blueprint("site", __name__)
sitemaps = Blueprint("sitemap", __name__)


@blueprint.get("/robots.txt")
def robots() -> ResponseReturnValue:
    """Serve what crawlers should leave alone, and where the sitemap is (RFC 9309)."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in NOT_FOR_CRAWLERS)]
    base = public_address()
    if base is not None:
        lines.append(f"Sitemap: {base}/sitemap.xml")
    return _cached(Response("\n".join(lines) + "\n", mimetype="text/plain"), HOUR)


@blueprint.get("/favicon.ico")
def favicon() -> ResponseReturnValue:
    """Serve the icon to what looks for it at this address alone."""
    return _cached(send_from_directory(STATIC, "favicon.ico"), DAY)


@sitemaps.get("/sitemap.xml")
def index() -> ResponseReturnValue:
    """List the sitemaps; each is of the books whose ids are in a range."""
    newest = service(CatalogueService).newest_book_id()
    parts = range(newest // BOOKS_IN_SITEMAP + 1)
    base = _base()
    places = [f"{base}{url_for('sitemap.books', part=part)}" for part in parts]
    return _xml(render_template("core/sitemapindex.xml", places=places))


@sitemaps.get("/sitemap-<int:part>.xml")
def books(part: int) -> ResponseReturnValue:
    """List the pages of the books on sale whose ids are in a range.

    :raise 404: when there are none in it.
    """
    first = part * BOOKS_IN_SITEMAP
    entries = service(CatalogueService).books_for_sitemap(first, BOOKS_IN_SITEMAP)
    within = [entry for entry in entries if entry.book_id <= first + BOOKS_IN_SITEMAP]
    if not within and part:
        abort(404)
    base = _base()
    lines = [
        f"<url><loc>{escape(base + url_for('catalogue.book', book_id=entry.book_id))}</loc>"
        f"<lastmod>{entry.updated_at.date().isoformat()}</lastmod></url>"
        for entry in within
    ]
    if part == 0:
        lines.insert(0, f"<url><loc>{escape(base + url_for('catalogue.index'))}</loc></url>")
    return _xml(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        + "\n".join(lines)
        + "\n</urlset>\n"
    )


def install(app: Flask) -> None:
    """Serve what programs read, and let templates tell of their pages."""
    app.register_blueprint(blueprint)
    if "catalogue.book" in app.view_functions:
        app.register_blueprint(sitemaps)
    app.jinja_env.globals.update(
        canonical=canonical, alternates=alternates, public_address=public_address
    )


def canonical(*query: tuple[str, str]) -> str | None:
    """Return the one address of the page that is shown.

    :param query: what of the query tells the page apart from others.
    :return: the address, with the language where the reader asked for one by it; None where nothing
        that can be trusted tells the shop's host.
    """
    asked, plain = request.args.get("lang"), _plain()
    return plain and _with_query(plain, query, asked if asked in LANGUAGES else None)


def alternates(*query: tuple[str, str]) -> dict[str, str]:
    """Return the page's address for each language, and that which leaves it to the browser.

    They are told apart as ``hreflang`` does; there are none where the host is not known.
    """
    plain = _plain()
    if plain is None:
        return {}
    addresses = {code: _with_query(plain, query, code) for code in LANGUAGES}
    return {**addresses, "x-default": _with_query(plain, query, None)}


def _plain() -> str | None:
    base = public_address()
    return None if base is None else base + request.script_root + request.path


def _with_query(plain: str, query: tuple[tuple[str, str], ...], code: str | None) -> str:
    pairs = [*query, *([("lang", code)] if code else [])]
    return f"{plain}?{urlencode(pairs)}" if pairs else plain


def _base() -> str:
    base = public_address()
    if base is None:
        abort(404)
    return base


def _xml(text: str) -> Response:
    return _cached(Response(text, mimetype="application/xml"), HOUR)


def _cached(response: Response, policy: str) -> Response:
    response.headers["Cache-Control"] = policy
    return response
