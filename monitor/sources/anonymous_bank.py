"""Call-by-call records of the Technion's anonymous bank: one row is one whole call.

Rule: the reported durations are the truth, the clock columns only say when it began:
a visit is queued at `q_start`, answered `q_time` after that and over `ser_time` later.
(In two thirds of the queued calls the column `ser_start` is a second before `q_exit`.)

A call that did not queue was answered at once, at `ser_start` on the row's date, which
is how the published hourly counts place it; 19 rows of January lack that instant and
so fall on midnight. A duration below 0 is a clock that was set; it counts as 0.
The customer's and the agent's id are taken from the row as they stand there.

The records say nothing of people but who served whom: what they must have said is
concluded from that, by the rule of `core.people.inferred`.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from monitor.core.events import Event, Kind
from monitor.core.people.inferred import inferred_people
from monitor.sources.source import BadLine, NotAnEvent, SourceKind

ZONE = ZoneInfo("Asia/Jerusalem")
COLUMNS = (
    "vru+line",
    "call_id",
    "customer_id",
    "priority",
    "type",
    "date",
    "vru_entry",
    "vru_exit",
    "vru_time",
    "q_start",
    "q_exit",
    "q_time",
    "outcome",
    "ser_start",
    "ser_exit",
    "ser_time",
    "server",
)
_NO_SERVER = "NO_SERVER"
_UNKNOWN_CUSTOMER = "0"
_NEVER = "0:00:00"
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"\d{6}", re.ASCII)
_SECONDS = re.compile(r"-?\d{1,9}", re.ASCII)

MAX_TEXT = 100
"""Longest column, characters."""

Row = dict[str, str]


def parse(line: bytes) -> Row:
    """The columns of a row by name; the heading and blank lines are `NotAnEvent`."""
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    if not text.strip():
        raise NotAnEvent("blank")
    fields = text.split("\t")
    if fields[0] == COLUMNS[0]:
        raise NotAnEvent("heading")
    if len(fields) != len(COLUMNS):
        raise BadLine(
            "missing_field", f"{len(fields)} columns; a row has {len(COLUMNS)}"
        )
    return dict(zip(COLUMNS, fields, strict=True))


def adapter(source: str) -> Callable[[bytes], list[Event]]:
    """The adapter; `source` is what its events name as their source."""

    def events(line: bytes) -> list[Event]:
        row = parse(line)
        if row["outcome"] == "PHANTOM":
            raise NotAnEvent("phantom")
        found = _visit(row)
        return [
            event._replace(source=source, id=f"{event.contact}-{index}")
            for index, event in enumerate(found)
        ]

    return events


def _visit(row: Row) -> list[Event]:
    queued = (row["q_start"], row["q_exit"]) != (_NEVER, _NEVER)
    if row["outcome"] == "AGENT":
        return _answered_visit(row, queued=queued)
    if row["outcome"] != "HANG":
        raise BadLine("wrong_value", "outcome is none of AGENT, HANG, PHANTOM")
    if not queued:
        raise NotAnEvent("hung up in the voice unit")
    entry = _entry(row, "q_start")
    wait = _duration_ms(row, "q_time")
    abandoned = entry._replace(
        at=entry.at + wait, kind=Kind.ABANDONED, duration_ms=wait
    )
    return [entry, abandoned]


def _answered_visit(row: Row, *, queued: bool) -> list[Event]:
    entry = _entry(row, "q_start" if queued else "ser_start")
    wait = _duration_ms(row, "q_time") if queued else 0
    talk = _duration_ms(row, "ser_time")
    agent = "" if row["server"] == _NO_SERVER else row["server"]
    answered = entry._replace(
        at=entry.at + wait, kind=Kind.ANSWERED, agent=agent, duration_ms=wait
    )
    ended = answered._replace(at=answered.at + talk, kind=Kind.ENDED, duration_ms=talk)
    # An answer with its wait opens the visit by itself.
    return [entry, answered, ended] if queued else [answered, ended]


def _entry(row: Row, clock_column: str) -> Event:
    for column in ("vru+line", "call_id", "type"):
        if not row[column].strip():
            raise BadLine("missing_field", f"{column} is empty")
    for column, text in row.items():
        if len(text) > MAX_TEXT:
            raise BadLine(
                "wrong_value", f"{column} is longer than {MAX_TEXT} characters"
            )
    customer = row["customer_id"]
    return Event(
        _instant_ms(row, clock_column),
        Kind.QUEUED,
        f"{row['vru+line']}-{row['call_id']}-{row['date']}",
        queue=row["type"],
        channel="voice",
        customer="" if customer == _UNKNOWN_CUSTOMER else customer,
    )


def _instant_ms(row: Row, column: str) -> int:
    clock = _CLOCK.fullmatch(row[column])
    if clock is None:
        raise BadLine("wrong_value", f"{column} is not h:mm:ss")
    time = timedelta(hours=int(clock[1]), minutes=int(clock[2]), seconds=int(clock[3]))
    local = (_day(row["date"]) + time).replace(tzinfo=ZONE)
    return round(local.astimezone(UTC).timestamp()) * 1000


def _day(text: str) -> datetime:
    if _DATE.fullmatch(text):
        with suppress(ValueError):
            return datetime.strptime(text, "%y%m%d")  # noqa: DTZ007 - local midnight
    raise BadLine("wrong_value", "date is not yymmdd")


def _duration_ms(row: Row, column: str) -> int:
    if _SECONDS.fullmatch(row[column]) is None:
        raise BadLine("wrong_value", f"{column} is not a number of seconds")
    return max(0, int(row[column])) * 1000


KIND = SourceKind(
    name="anonymous-bank",
    summary="call-by-call records of the Technion's anonymous bank; when agents were "
    "there is inferred from whom they served",
    adapter=adapter,
    in_order=False,
    infer=inferred_people,
)
