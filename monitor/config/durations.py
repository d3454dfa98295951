"""Durations as people write them: `20s`, `1m30s`, `500ms`, or a number of seconds.

Rule: inside, a duration is an integer of milliseconds; text is read and written here
only. What `format_duration` writes, `parse_duration` reads back as the same number.
"""

import re
from decimal import Decimal, InvalidOperation

UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
"""The units, the longest first: the order in which they follow each other."""
LONGEST_MS = 366 * UNITS_MS["d"]

_WANTED = "must be a duration like 20s, 1m30s, 500ms, or a number of seconds"
_PART = r"\d+(?:\.\d+)?"
_TEXT = re.compile(
    "".join(rf"(?:(?P<{unit}>{_PART})\s*{unit}\s*)?" for unit in UNITS_MS), re.ASCII
)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)


def parse_duration(value: object) -> int:
    """Milliseconds of `value`: text with units, or seconds as a number or its text.

    Raises:
        ValueError: `value` isn't a duration, is negative, longer than 366 days or finer
            than a millisecond. The message says what is allowed.
    """
    milliseconds = _milliseconds(value)
    if milliseconds < 0:
        raise ValueError("must not be negative")
    if milliseconds > LONGEST_MS:
        raise ValueError(f"must be at most {format_duration(LONGEST_MS)}")
    if milliseconds != milliseconds.to_integral_value():
        raise ValueError("must be a whole number of milliseconds")
    return int(milliseconds)


def _milliseconds(value: object) -> Decimal:
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = str(value)
    elif isinstance(value, str):
        text = value.strip().lower()
    else:
        raise ValueError(_WANTED)  # noqa: TRY004, validators raise ValueError
    if _NUMBER.fullmatch(text) or not isinstance(value, str):
        return _seconds(text)
    negative = text.startswith("-")
    found = _TEXT.fullmatch(text.removeprefix("-").lstrip())
    parts = {} if found is None else found.groupdict()
    if not any(parts.values()):
        raise ValueError(_WANTED)
    total = sum(
        (Decimal(part) * UNITS_MS[unit] for unit, part in parts.items() if part),
        Decimal(0),
    )
    return -total if negative else total


def _seconds(text: str) -> Decimal:
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        raise ValueError(_WANTED) from None
    if not seconds.is_finite():
        raise ValueError(_WANTED)
    return seconds * UNITS_MS["s"]


def format_duration(milliseconds: int) -> str:
    """The shortest usual text of a duration of `milliseconds`, not negative.

    Days appear from two whole days on, because `24h` is how a day's length is said.
    """
    if milliseconds == 0:
        return "0s"
    day = UNITS_MS["d"]
    whole_days = milliseconds % day == 0 and milliseconds > day
    text = ""
    for unit, length in UNITS_MS.items():
        if unit == "d" and not whole_days:
            continue
        amount, milliseconds = divmod(milliseconds, length)
        text += f"{amount}{unit}" if amount else ""
    return text
