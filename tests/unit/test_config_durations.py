"""Durations: what is read, what is refused, and the round trip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.durations import LONGEST_MS, format_duration, parse_duration


@pytest.mark.parametrize(
    "given_value, milliseconds",
    [
        (20, 20_000),
        (2.5, 2_500),
        (0, 0),
        (0.001, 1),
        ("20", 20_000),
        ("2.5", 2_500),
        (".5", 500),
        ("+3", 3_000),
        ("20s", 20_000),
        ("500ms", 500),
        ("1m30s", 90_000),
        ("1m 30s", 90_000),
        (" 1 m ", 60_000),
        ("1.5h", 5_400_000),
        ("4H", 14_400_000),
        ("14d", 1_209_600_000),
        ("1d1h1m1s1ms", 90_061_001),
        ("1h500ms", 3_600_500),
        ("0s", 0),
        ("366d", LONGEST_MS),
    ],
    ids=repr,
)
def test_a_duration_is_text_with_units_or_seconds(
    given_value: object, milliseconds: int
) -> None:
    """Each way to write a duration gives its milliseconds."""
    assert parse_duration(given_value) == milliseconds


@pytest.mark.parametrize(
    "given_value, allowed",
    [
        (-1, "must not be negative"),
        ("-5s", "must not be negative"),
        ("- 5s", "must not be negative"),
        ("soon", "must be a duration like 20s"),
        ("", "must be a duration like 20s"),
        ("s", "must be a duration like 20s"),
        ("5 x", "must be a duration like 20s"),
        ("30s1m", "must be a duration like 20s"),
        ("5s5s", "must be a duration like 20s"),
        ("5m 30", "must be a duration like 20s"),
        ("1e3", "must be a duration like 20s"),
        ("٥s", "must be a duration like 20s"),
        (True, "must be a duration like 20s"),
        (None, "must be a duration like 20s"),
        ([20], "must be a duration like 20s"),
        (float("nan"), "must be a duration like 20s"),
        (float("inf"), "must be a duration like 20s"),
        (1e300, "must be at most 366d"),
        ("367d", "must be at most 366d"),
        ("0.5ms", "must be a whole number of milliseconds"),
        (0.0001, "must be a whole number of milliseconds"),
    ],
    ids=repr,
)
def test_what_is_no_duration_is_refused(given_value: object, allowed: str) -> None:
    """The message says what is allowed."""
    with pytest.raises(ValueError, match=allowed):
        parse_duration(given_value)


@pytest.mark.parametrize(
    "milliseconds, text",
    [
        (0, "0s"),
        (1, "1ms"),
        (20_000, "20s"),
        (90_000, "1m30s"),
        (86_400_000, "24h"),
        (172_800_000, "2d"),
        (3_600_500, "1h500ms"),
    ],
)
def test_a_duration_is_written_as_people_say_it(milliseconds: int, text: str) -> None:
    """The text is short, and a day is 24h."""
    assert format_duration(milliseconds) == text


@given(st.integers(min_value=0, max_value=LONGEST_MS))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    """Formatting and parsing undo each other for every allowed duration."""
    assert parse_duration(format_duration(milliseconds)) == milliseconds


@given(st.text(max_size=12) | st.integers() | st.floats() | st.booleans())
def test_anything_is_a_duration_or_refused(value: object) -> None:
    """No input raises anything but the error for the user."""
    try:
        milliseconds = parse_duration(value)
    except ValueError:
        return
    assert 0 <= milliseconds <= LONGEST_MS
