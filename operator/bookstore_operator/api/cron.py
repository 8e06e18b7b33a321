"""Schedules in cron's syntax, as Kubernetes reads them: five fields, or one of the @words.

Source: Kubernetes, "CronJob", schedule syntax; ``robfig/cron`` v3, ``ParseStandard``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bookstore_operator.api import formats
from bookstore_operator.api.model import Format, text

YEARS_AHEAD = 5
"""How far the next time is looked for, as Kubernetes does."""

LONGEST_STEP = 99
"""The last step that the API server takes; none of a field is as long."""

WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

CronSchedule = Annotated[
    str,
    text(
        100,
        Format(
            formats.CRON,
            "must be a schedule in cron's syntax: minute, hour, day of the month, month and day of "
            'the week (0 to 6, from Sunday), for example "17 3 * * *" for 3:17 each night, or '
            "@daily",
        ),
    ),
]

TimeZone = Annotated[
    str,
    text(
        64,
        Format(
            formats.TIME_ZONE,
            "must be a time zone of the IANA database, for example Europe/Madrid",
            never=formats.LOCAL_TIME,
        ),
    ),
]


@dataclass(frozen=True)
class _Field:
    """One field of a schedule: its values, and whether it says every one by a star."""

    values: frozenset[int]
    star: bool

    @classmethod
    def parse(cls, said: str, first: int, last: int, names: Sequence[str]) -> "_Field":
        """Read a field; a range that runs backwards is none.

        Raises:
            ValueError: It is none that Kubernetes takes.
        """
        values, star = set[int](), False
        for item in said.split(","):
            span, slash, every = item.partition("/")
            low, dash, high = span.partition("-")
            step = int(every) if slash else 1
            begin = first if low == "*" else _value(low, first, names)
            single = last if low == "*" or slash else begin
            end = _value(high, first, names) if dash else single
            if not first <= begin <= end <= last or not 1 <= step <= LONGEST_STEP:
                raise ValueError(f"{item} is not within {first} to {last}")
            star |= low == "*" and step == 1
            values |= set(range(begin, end + 1, step))
        return cls(frozenset(values), star)


@dataclass(frozen=True)
class Schedule:
    """The times at which something is to be done."""

    minutes: _Field
    hours: _Field
    days: _Field
    months: _Field
    weekdays: _Field

    @classmethod
    def parse(cls, said: str) -> "Schedule":
        """Read a schedule.

        Raises:
            ValueError: It is none that Kubernetes takes.
        """
        minute, hour, day, month, weekday = WORDS.get(said, said).split()
        return cls(
            _Field.parse(minute, 0, 59, ()),
            _Field.parse(hour, 0, 23, ()),
            _Field.parse(day, 1, 31, ()),
            _Field.parse(month, 1, 12, formats.MONTHS),
            _Field.parse(weekday, 0, 6, formats.WEEKDAYS),
        )

    def after(self, moment: datetime, zone: tzinfo = UTC) -> datetime | None:
        """Return the next time after a moment, or None where there is none within years."""
        local = moment.astimezone(zone)
        for ahead in range(YEARS_AHEAD * 366):
            day = local.date() + timedelta(days=ahead)
            if day.month not in self.months.values or not self._is_day(day.day, day.isoweekday()):
                continue
            for hour in sorted(self.hours.values):
                for minute in sorted(self.minutes.values):
                    found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                    if found.astimezone(UTC) > moment:
                        return found.astimezone(UTC)
        return None

    def _is_day(self, day: int, weekday: int) -> bool:
        """Return whether a day is meant: by both fields where one is a star, else by either."""
        found = (day in self.days.values, weekday % 7 in self.weekdays.values)
        return all(found) if self.days.star or self.weekdays.star else any(found)


def zone_of(name: str | None) -> tzinfo:
    """Return a time zone; UTC where there is none of that name, which Kubernetes refuses."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _value(said: str, first: int, names: Sequence[str]) -> int:
    word = said.lower()
    return first + names.index(word) if word in names else int(said)
