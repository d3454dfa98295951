"""Local days: 23 and 25 hours, midnights that don't exist, days that begin at six."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.calendar import LocalDays

HOUR = 3_600_000
SIX = 6 * 60


def ms(text: str) -> int:
    """The instant of an RFC 3339 string."""
    return int(datetime.fromisoformat(text).timestamp()) * 1000


@pytest.mark.parametrize(
    "zone,start_minutes,inside,start,hours",
    [
        ("UTC", 0, "2026-11-20T13:00Z", "2026-11-20T00:00Z", 24),
        # Sofia: clocks go forward at 03:00 on 29 March and back at 04:00 on 25 October.
        ("Europe/Sofia", 0, "2026-03-29T10:00+03:00", "2026-03-29T00:00+02:00", 23),
        ("Europe/Sofia", 0, "2026-10-25T10:00+02:00", "2026-10-25T00:00+03:00", 25),
        ("Europe/Sofia", SIX, "2026-03-29T05:00+03:00", "2026-03-28T06:00+02:00", 23),
        ("Europe/Sofia", SIX, "2026-03-29T07:00+03:00", "2026-03-29T06:00+03:00", 24),
        ("Europe/Sofia", SIX, "2026-10-25T05:00+02:00", "2026-10-24T06:00+03:00", 25),
        # New York: 8 March and 1 November 2026, at 02:00.
        ("America/New_York", 0, "2026-03-08T12:00-04:00", "2026-03-08T00:00-05:00", 23),
        ("America/New_York", 0, "2026-11-01T12:00-05:00", "2026-11-01T00:00-04:00", 25),
        # Lord Howe Island moves its clocks by half an hour.
        (
            "Australia/Lord_Howe",
            0,
            "2026-10-04T12:00+11:00",
            "2026-10-04T00:00+10:30",
            23.5,
        ),
        # Kathmandu's offset has minutes.
        ("Asia/Kathmandu", 0, "2026-06-01T01:00+05:45", "2026-06-01T00:00+05:45", 24),
    ],
)
def test_a_day_lasts_from_one_local_day_start_to_the_next(
    zone: str, start_minutes: int, inside: str, start: str, hours: float
) -> None:
    """Wherever the clocks change."""
    days = LocalDays(zone, start_minutes)

    assert days.start_of(ms(inside)) == ms(start)
    assert days.end_of(ms(inside)) == ms(start) + hours * HOUR


@pytest.mark.parametrize(
    "zone,skipped",
    [
        # At these midnights the clocks go forward to one o'clock.
        ("Africa/Cairo", "2026-04-24"),
        ("America/Havana", "2026-03-08"),
        ("Asia/Beirut", "2026-03-29"),
        ("America/Santiago", "2026-09-06"),
    ],
)
def test_a_midnight_that_does_not_exist_parts_two_days_all_the_same(
    zone: str, skipped: str
) -> None:
    """The day before has 24 hours, the day itself 23, and no instant is in neither."""
    days = LocalDays(zone, 0)
    noon = datetime.fromisoformat(f"{skipped}T12:00").replace(tzinfo=ZoneInfo(zone))
    inside = int(noon.timestamp()) * 1000
    start = days.start_of(inside)

    assert days.end_of(inside) - start == 23 * HOUR
    assert start == inside - 11 * HOUR
    assert days.end_of(start - 1) == start
    assert start - days.start_of(start - 1) == 24 * HOUR


@pytest.mark.parametrize("zone", ["Africa/Cairo", "America/Havana"])
def test_a_midnight_that_comes_twice_begins_one_day(zone: str) -> None:
    """Clocks that go back at midnight give one day of 25 hours, not an extra day."""
    days = LocalDays(zone, 0)
    instant = ms("2026-10-28T12:00Z")
    lengths = set()
    for _ in range(6):
        start, end = days.start_of(instant), days.end_of(instant)
        assert days.start_of(end) == end
        lengths.add((end - start) // HOUR)
        instant = end

    assert lengths == {24, 25}


def test_a_day_is_half_open() -> None:
    """Its start is in it, its end is in the next."""
    days = LocalDays("Europe/Sofia", 0)
    start = ms("2026-11-20T00:00+02:00")

    assert days.start_of(start) == start
    assert days.start_of(start - 1) == start - 24 * HOUR
    assert days.end_of(start - 1) == start


def test_an_unknown_zone_is_refused() -> None:
    """With the error that the docstring names."""
    with pytest.raises(ZoneInfoNotFoundError):
        LocalDays("Europe/Atlantis", 0)


ZONES = (
    "UTC Europe/Sofia America/New_York Africa/Cairo America/Havana Asia/Beirut "
    "America/Santiago Asia/Kathmandu Australia/Lord_Howe Pacific/Chatham "
    "Africa/Casablanca America/Sao_Paulo Asia/Tehran"
).split()


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.integers(0, 24 * 60 - 1),
    st.integers(ms("1999-01-01T00:00Z"), ms("2035-01-01T00:00Z")),
)
def test_days_follow_each_other_without_gap_or_overlap(
    zone: str, start_minutes: int, instant: int
) -> None:
    """Every instant is in the one day that its start and end give."""
    days = LocalDays(zone, start_minutes)
    start, end = days.start_of(instant), days.end_of(instant)

    assert start <= instant < end
    assert 22 * HOUR <= end - start <= 26 * HOUR
    assert LocalDays(zone, start_minutes).start_of(end) == end
    assert LocalDays(zone, start_minutes).end_of(start - 1) == start
