"""Schedules mean what Kubernetes takes them for."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bookstore_operator.api.cron import CronSchedule, Schedule, TimeZone, zone_of
from tests.unit.operator.openapi import fits, schema_of

SCHEDULE, ZONE = schema_of(CronSchedule), schema_of(TimeZone)
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))

numbers = st.integers(0, 62).map(str)
spans = st.one_of(st.just("*"), numbers, st.builds("{}-{}".format, numbers, numbers))
items = st.one_of(spans, st.builds("{}/{}".format, spans, st.integers(0, 100)))
fields = st.lists(items, min_size=1, max_size=2).map(",".join)
texts = st.lists(fields, min_size=4, max_size=6).map(" ".join)


def is_schedule(said: str) -> bool:
    """``robfig/cron`` v3, ``ParseStandard``: bounds of each field, ranges, steps above 0."""
    fields = said.split()
    if len(fields) != len(FIELDS):
        return False
    for field, (first, last) in zip(fields, FIELDS, strict=True):
        for item in field.split(","):
            span, _, step = item.partition("/")
            low, dash, high = span.partition("-")
            begin = first if low == "*" else int(low)
            end = int(high) if dash else (last if low == "*" or step else begin)
            if (step and not 1 <= int(step) <= 99) or not first <= begin <= end <= last:
                return False
    return True


@given(texts)
def test_a_schedule_is_taken_where_kubernetes_takes_it(said: str) -> None:
    backwards = any(
        dash and int(low) > int(high)
        for field in said.split()
        for item in field.split(",")
        for low, dash, high in [item.partition("/")[0].partition("-")]
        if low != "*"
    )
    if not backwards:
        assert fits(SCHEDULE, said) == is_schedule(said), said


@given(texts)
@example("* * * * */100")
def test_whatever_kubernetes_takes_can_be_read(said: str) -> None:
    if is_schedule(said):
        Schedule.parse(said)
    else:
        with pytest.raises(ValueError):  # noqa: PT011 - of which kind is told to nobody
            Schedule.parse(said)


@pytest.mark.parametrize("said", ["17 3 * * *", "@daily", "0 0 1 jan,JUL mon-fri", "*/5  *  * * *"])
def test_what_people_write_is_taken(said: str) -> None:
    assert fits(SCHEDULE, said)
    Schedule.parse(said)


@pytest.mark.parametrize("said", ["", "daily", "17 3 * *", "60 3 * * *", "0 0 * * 7", "@every 5m"])
def test_what_is_no_schedule_is_refused(said: str) -> None:
    assert not fits(SCHEDULE, said)


@pytest.mark.parametrize(
    "said",
    ["60 0 * * *", "0 24 * * *", "0 0 0 * *", "0 0 32 * *", "0 0 1 0 *", "0 0 1 13 *", "0 0 * * 7"],
)
def test_a_number_beyond_those_of_its_field_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="is not within"):
        Schedule.parse(said)


@pytest.mark.parametrize("name", ["UTC", "Europe/Madrid", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_is_taken(name: str) -> None:
    assert fits(ZONE, name)
    assert zone_of(name) == ZoneInfo(name)


@pytest.mark.parametrize("name", ["", "Local", "../etc/passwd", "Europe/Madrid ", "+01:00"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    assert not fits(ZONE, name)


@pytest.mark.parametrize(
    ("said", "after", "comes"),
    [
        ("17 3 * * *", "2026-01-01T12:00", "2026-01-02T03:17"),
        ("17 3 * * *", "2026-01-01T03:17", "2026-01-02T03:17"),
        ("*/15 * * * *", "2026-01-01T12:14", "2026-01-01T12:15"),
        ("0 0 29 2 *", "2026-01-01T00:00", "2028-02-29T00:00"),
        ("0 6 * * mon-fri", "2026-01-02T12:00", "2026-01-05T06:00"),
        ("0 0 13 * fri", "2026-01-01T00:00", "2026-01-02T00:00"),
        ("0 0 */2 * sun", "2026-01-01T00:00", "2026-01-03T00:00"),
        ("0 0 *,7 * sun", "2026-01-01T00:00", "2026-01-04T00:00"),
        ("@monthly", "2026-01-31T00:00", "2026-02-01T00:00"),
    ],
)
def test_the_next_time_comes(said: str, after: str, comes: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert Schedule.parse(said).after(moment) == datetime.fromisoformat(comes).replace(tzinfo=UTC)


def test_a_time_is_that_of_its_zone() -> None:
    moment = datetime(2026, 7, 1, tzinfo=UTC)
    found = Schedule.parse("17 3 * * *").after(moment, ZoneInfo("Europe/Madrid"))
    assert found == datetime(2026, 7, 1, 1, 17, tzinfo=UTC)


def test_a_day_that_no_year_has_never_comes() -> None:
    assert Schedule.parse("0 0 31 2 *").after(datetime(2026, 1, 1, tzinfo=UTC)) is None
