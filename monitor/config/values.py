"""Types of single settings: how a value is read, and what is allowed.

Rule: a validator takes what a file, the environment or a command line gives (text, or a
plain YAML value), returns the value that the program works with, and otherwise raises
`ValueError` with a message that goes on after the value: "must be ...".
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from monitor.config.durations import format_duration, parse_duration
from monitor.core.rules import DEFAULT_WINDOWS_MS, TODAY

OFF = "off"
"""As the length of a window: there is no such window."""
EARLIEST_MS = 946_684_800_000
"""2000-01-01: an instant before it is surely a number of seconds."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01: an instant after it is surely a number of microseconds."""

_FINE_PANES_MS = 900_000
_PANE_MS = 5_000
_COARSE_PANE_MS = 60_000
_LONGEST_WINDOW_MS = 86_400_000
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_HIGHEST_PORT = 65_535


def at_least(text: str) -> AfterValidator:
    """The duration must be `text` or longer."""
    bound = parse_duration(text)

    def check(milliseconds: int) -> int:
        if milliseconds < bound:
            raise ValueError(f"must be at least {text}")
        return milliseconds

    return AfterValidator(check)


def at_most(text: str) -> AfterValidator:
    """The duration must be `text` or shorter."""
    bound = parse_duration(text)

    def check(milliseconds: int) -> int:
        if milliseconds > bound:
            raise ValueError(f"must be at most {text}")
        return milliseconds

    return AfterValidator(check)


def whole(lowest: int, highest: int) -> BeforeValidator:
    """A whole number between `lowest` and `highest`, both allowed."""

    def parse(value: object) -> int:
        is_text = isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value.strip())
        if not is_text and (not isinstance(value, int) or isinstance(value, bool)):
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        number = int(cast("str | int", value))
        if not lowest <= number <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return number

    return BeforeValidator(parse)


def one_of(
    names: Iterable[str], *, fold: Callable[[str], str] = str
) -> BeforeValidator:
    """One of `names`, after `fold` (for example `str.upper`) of what was given."""
    allowed = tuple(names)

    def parse(value: object) -> str:
        name = fold(value) if isinstance(value, str) else value
        if name not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return name

    return BeforeValidator(parse)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _parse_ratio(value: object) -> float:
    number = _number(value)
    if number is None or not 0 <= number <= 1:
        raise ValueError("must be a ratio from 0 to 1, for example 0.8 for 80 %")
    return number


def _parse_speed(value: object) -> float:
    number = _number(value)
    if number is None or not 0 < number <= 100_000:  # noqa: PLR2004, the message says it
        raise ValueError("must be a number above 0 and at most 100000")
    return number


def _parse_time_zone(value: object) -> str:
    wanted = "must be an IANA time zone such as Europe/Berlin or UTC"
    if not isinstance(value, str) or not value:
        raise ValueError(wanted)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = get_close_matches(value, sorted(available_timezones()), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(wanted + hint) from None
    return value


def _parse_day_start(value: object) -> int:
    text = value if isinstance(value, str) else ""
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text, re.ASCII)
    if found is None:
        raise ValueError("must be a local time of day HH:MM from 00:00 to 23:59")
    return int(found[1]) * 60 + int(found[2])


def format_day_start(minutes: int) -> str:
    """`HH:MM` of a minute of the day."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _parse_instant(value: object) -> int:
    wanted = (
        "must be an instant: RFC 3339 with an offset such as 2026-01-19T08:00:00Z, "
        "or milliseconds UTC since 1970"
    )
    if isinstance(value, str) and not re.fullmatch(r"\d{1,18}", value.strip()):
        try:
            instant = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(wanted) from None
        if instant.tzinfo is None:
            raise ValueError(wanted)
        milliseconds = round(instant.timestamp() * 1000)
    elif isinstance(value, int | str) and not isinstance(value, bool):
        milliseconds = int(value)
    else:
        raise ValueError(wanted)
    if not EARLIEST_MS <= milliseconds <= LATEST_MS:
        raise ValueError(f"{wanted}, from the years 2000 to 2099")
    return milliseconds


def format_instant(milliseconds: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(
        timespec="milliseconds"
    )
    return text.replace("+00:00", "Z")


def split_address(address: str) -> tuple[str, int]:
    """Host and port of one `HOST:PORT`; `[::1]:8090` gives `::1`.

    Raises:
        ValueError: it isn't one.
    """
    host, colon, port = address.strip().rpartition(":")
    good_port = re.fullmatch(r"\d{1,5}", port, re.ASCII) and int(port) <= _HIGHEST_PORT
    if not colon or not good_port or not _HOST.fullmatch(host):
        raise ValueError("must be HOST:PORT, for example 127.0.0.1:8090")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _parse_listen(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    split_address(text)
    return text


def _parse_bootstrap(value: object) -> str:
    wanted = "must be HOST:PORT, or several with commas between, without a scheme"
    servers = [s.strip() for s in value.split(",")] if isinstance(value, str) else [""]
    for server in servers:
        try:
            _, port = split_address(server)
        except ValueError:
            raise ValueError(wanted) from None
        if port == 0:
            raise ValueError(wanted)
    return ",".join(servers)


def _parse_app(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", value):
        quotes = "" if isinstance(value, str) else ", in quotes when it is a number"
        raise ValueError(
            f"must be 1-100 letters, digits, dots, dashes and underscores{quotes}"
        )
    return value


def _parse_window_name(value: object) -> str:
    if value == TODAY:
        raise ValueError("is always there and can't be set; see day_start")
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_]{1,32}", value):
        raise ValueError("must be 1-32 letters, digits and underscores")
    return value


def _parse_window(value: object) -> int:
    """Length of a window in milliseconds; 0 for `off`."""
    if isinstance(value, str) and value.strip().lower() == OFF:
        return 0
    milliseconds = parse_duration(value)
    pane = _PANE_MS if milliseconds <= _FINE_PANES_MS else _COARSE_PANE_MS
    if not 0 < milliseconds <= _LONGEST_WINDOW_MS or milliseconds % pane:
        raise ValueError(
            "must be a multiple of 5s up to 15m, a multiple of 1m up to 24h, "
            "or off for no such window"
        )
    return milliseconds


def _over_default_windows(given: dict[str, int]) -> dict[str, int]:
    windows = {**DEFAULT_WINDOWS_MS, **given}
    lengths = sorted((length, name) for name, length in windows.items() if length)
    return {name: length for length, name in lengths}


def _format_windows(windows: dict[str, int]) -> dict[str, str]:
    lengths = {name: format_duration(length) for name, length in windows.items()}
    return lengths | {name: OFF for name in DEFAULT_WINDOWS_MS if name not in windows}


def _parse_queue_name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be the name of a queue, not empty")
    return value


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json-unless-none"),
]
"""Milliseconds."""
Instant = Annotated[
    int,
    BeforeValidator(_parse_instant),
    PlainSerializer(format_instant, return_type=str, when_used="json-unless-none"),
]
"""Milliseconds UTC."""
DayStart = Annotated[
    int,
    BeforeValidator(_parse_day_start),
    PlainSerializer(format_day_start, return_type=str, when_used="json-unless-none"),
]
"""Local minute of the day."""
Ratio = Annotated[float, BeforeValidator(_parse_ratio)]
Speed = Annotated[float, BeforeValidator(_parse_speed)]
TimeZone = Annotated[str, BeforeValidator(_parse_time_zone)]
Listen = Annotated[str, BeforeValidator(_parse_listen)]
Bootstrap = Annotated[str, BeforeValidator(_parse_bootstrap)]
AppName = Annotated[str, BeforeValidator(_parse_app)]
QueueName = Annotated[str, BeforeValidator(_parse_queue_name)]
WindowName = Annotated[str, BeforeValidator(_parse_window_name)]
WindowLength = Annotated[int, BeforeValidator(_parse_window)]
Windows = Annotated[
    dict[WindowName, WindowLength],
    AfterValidator(_over_default_windows),
    PlainSerializer(_format_windows, return_type=dict[str, str], when_used="json"),
]
"""Milliseconds by name, the shortest first: the defaults and what is laid over them."""
