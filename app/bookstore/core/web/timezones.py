"""The reader's time zone: the one that they chose, else the shop's.

A server cannot know where a reader is, so they say so once and a cookie remembers it, as it does
with the language.
"""

from datetime import datetime
from functools import cache, lru_cache
from typing import Literal, cast
from zoneinfo import ZoneInfo, available_timezones

from babel.dates import format_date, format_time, get_timezone_location
from flask import (
    Blueprint,
    Flask,
    current_app,
    flash,
    g,
    has_request_context,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from bookstore.core.web.i18n import YEAR_SECONDS, gettext, language

COOKIE = "time_zone"
SETTING = "TIME_ZONE"
Style = Literal["short", "long"]
# The rest of the database's names are old ones, offsets and countries.
CONTINENTS = frozenset(
    [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    ]
)

blueprint = Blueprint("time_zone", __name__)


@cache
def time_zones() -> tuple[str, ...]:
    """Return the time zones to choose from."""
    named = (name for name in available_timezones() if name.partition("/")[0] in CONTINENTS)
    return ("UTC", *sorted(named))


def chosen_zone() -> str | None:
    """Return the time zone that the request's reader chose, or None when they chose none."""
    chosen = request.cookies.get(COOKIE) if has_request_context() else None
    return chosen if chosen in time_zones() else None


def time_zone() -> ZoneInfo:
    """Return the reader's time zone; outside of a request, as for mail, the shop's."""
    if "time_zone" not in g:
        g.time_zone = ZoneInfo(chosen_zone() or current_app.config[SETTING])
    return cast("ZoneInfo", g.time_zone)


def zone_name(zone: ZoneInfo | None = None) -> str:
    """Return the city of a time zone, the reader's by default, in their language."""
    return _city((zone or time_zone()).key, language())


@lru_cache(maxsize=1024)
def _city(name: str, language: str) -> str:
    if "/" not in name:
        return name
    return get_timezone_location(name, locale=language, return_city=True)


def show_date(moment: datetime, style: Style) -> str:
    """Write the day that a moment is on, where the reader is."""
    return format_date(moment.astimezone(time_zone()), style, locale=language())


def show_moment(moment: datetime, style: Style) -> str:
    """Write a moment on the reader's clock, to the minute; a long one says whose clock that is."""
    time = format_time(moment, "short", tzinfo=time_zone(), locale=language())
    shown = f"{show_date(moment, style)}, {time}"
    if style == "short":
        return shown
    return f"{shown} ({gettext('%(city)s time', city=zone_name())})"


def install(app: Flask, zone: str) -> None:
    """Give an app its time zone, and its readers the choice of another.

    :param zone: the shop's own.
    """
    app.config[SETTING] = zone
    app.jinja_env.filters.update(dateformat=show_date, datetimeformat=show_moment)
    app.jinja_env.globals.update(zone_name=zone_name)
    app.register_blueprint(blueprint)


@blueprint.get("/time-zone")
def choose() -> ResponseReturnValue:
    """Let a reader choose their time zone.

    :return: the form; with ``zone``, a redirect that remembers it, or 422 when there is none such.
    """
    wanted = request.args.get("zone")
    if wanted is None:
        return render_template("core/timezone.html", zones=time_zones(), chosen=time_zone().key)
    if wanted not in time_zones():
        text = gettext("There is no time zone “%(zone)s”; choose one of the list.", zone=wanted)
        page = {"zones": time_zones(), "chosen": time_zone().key, "error": text}
        return render_template("core/timezone.html", **page), 422
    answer = redirect(url_for("catalogue.index"), 303)
    g.time_zone = ZoneInfo(wanted)
    flash(gettext("Times are those of %(city)s now.", city=zone_name()), "success")
    answer.set_cookie(
        COOKIE, wanted, max_age=YEAR_SECONDS, samesite="Lax", secure=request.is_secure
    )
    return answer
