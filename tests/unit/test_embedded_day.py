"""The shipped day: what the converter gives, with the answers that are known."""

import csv
import gzip
import importlib.util
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from monitor.core.events import Event, Kind
from monitor.embedded.day import (
    RECORDED_DATE,
    RECORDED_ZONE,
    Answers,
    known_answers,
    recorded_day,
    shifted,
)
from monitor.wire.events import decode_contact_event

DATA = Path(__file__).parents[1] / "data"


def maker() -> ModuleType:
    """The script that made the data."""
    spec = importlib.util.spec_from_file_location("make", DATA / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_day_is_what_the_converter_gives() -> None:
    """Made again from the recorded month, every line is the same."""
    make = maker()
    lines = list(make.day_of(make.JANUARY, make.DAY_DATE))

    assert gzip.decompress(make.DAY.read_bytes()) == b"".join(lines)
    assert [decode_contact_event(line) for line in lines] == recorded_day()


def test_packing_is_repeatable() -> None:
    """No time and no file name is in what is packed."""
    make = maker()

    assert make.packed([b"a\n", b"b\n"]) == make.packed([b"a\nb\n"])
    assert gzip.decompress(make.packed([b"a\n"])) == b"a\n"


def test_names_become_numbers_and_nothing_else_changes() -> None:
    """The same name gets the same number; unknown stays unknown."""
    make = maker()
    heading = "\t".join(make.anonymous_bank.COLUMNS).encode() + b"\r\n"
    rest = (
        "\t1\tPS\t990101" + "\t0:00:00\t0:00:00\t0" * 2 + "\tAGENT\t1:0:0\t1:0:1\t1\t"
    )
    rows = [("7654321", "ANN"), ("0", "NO_SERVER"), ("1", "BOB"), ("7654321", "ANN")]
    lines = [f"AA\t5\t{customer}{rest}{agent}\r\n".encode() for customer, agent in rows]
    made = [("1", "1"), ("0", "NO_SERVER"), ("2", "2"), ("1", "1")]

    assert list(make.anonymized([heading, *lines])) == [
        heading,
        *(f"AA\t5\t{customer}{rest}{agent}\r\n".encode() for customer, agent in made),
    ]


def counted(rows: list[dict[str, str]]) -> Answers:
    """The answers from the duration columns, without any event."""
    never = {"q_start": "0:00:00", "q_exit": "0:00:00"}
    answered = [r for r in rows if r["outcome"] == "AGENT"]
    abandoned = [r for r in rows if r["outcome"] == "HANG" and r | never != r]
    waits = [int(r["q_time"]) * 1000 for r in answered]
    patience = [int(r["q_time"]) * 1000 for r in abandoned]
    return Answers(
        offered=len(answered) + len(abandoned),
        answered=len(answered),
        abandoned=len(abandoned),
        answered_wait_ms=sum(waits),
        abandoned_wait_ms=sum(patience),
        answered_within_20s=sum(wait <= 20_000 for wait in waits),
        abandoned_within_20s=sum(wait <= 20_000 for wait in patience),
        longest_wait_ms=max(waits + patience),
        talk_ms=sum(int(r["ser_time"]) * 1000 for r in answered),
    )


def test_the_known_answers_are_those_of_the_columns() -> None:
    """In total and for each queue."""
    with gzip.open(DATA / "january1999.tsv.gz", "rt", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file, delimiter="\t")
            if row["date"] == f"{RECORDED_DATE:%y%m%d}"
        ]
    known = known_answers()

    assert known.total == counted(rows)
    assert known.queues == {
        queue: counted([row for row in rows if row["type"] == queue])
        for queue in {row["type"] for row in rows}
    }
    assert known.total.offered == 2053


def test_the_events_have_the_known_answers() -> None:
    """Moved or not."""
    for events in (
        recorded_day(),
        shifted(recorded_day(), date(2026, 11, 20), ZoneInfo("America/New_York")),
    ):
        waits = [e.duration_ms for e in events if e.kind == Kind.ANSWERED]
        known = known_answers().total

        assert len({e.contact for e in events}) == known.offered
        assert len(waits) == known.answered
        assert sum(waits) == known.answered_wait_ms
        assert sum(e.kind == Kind.ABANDONED for e in events) == known.abandoned


def local(at: int, zone: ZoneInfo) -> datetime:
    """Local time without its zone."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).replace(tzinfo=None)


@pytest.mark.parametrize(
    "to_date, zone",
    [
        (date(1999, 1, 3), "Asia/Jerusalem"),
        (date(2026, 7, 1), "UTC"),
        (date(2026, 3, 29), "Europe/Berlin"),  # 23 hours
        (date(2026, 10, 25), "Europe/Berlin"),  # 25 hours
        (date(2028, 2, 29), "Pacific/Auckland"),
    ],
)
def test_the_day_keeps_its_times_of_day_anywhere(to_date: date, zone: str) -> None:
    """Each call comes at its local time; its events keep their distances."""
    where = ZoneInfo(zone)
    before = recorded_day()
    after = shifted(before, to_date, where)
    prefix = f"{to_date:%Y%m%d}-"
    moved: dict[str, list[Event]] = {}
    for event in after:
        moved.setdefault(event.contact, []).append(event)
    calls: dict[str, list[Event]] = {}
    for event in before:
        calls.setdefault(event.contact, []).append(event)

    assert [e.at for e in after] == sorted(e.at for e in after)
    assert len(moved) == len(calls)
    for contact, events in calls.items():
        there = moved[prefix + contact]
        shift = there[0].at - events[0].at
        assert [e.at - shift for e in there] == [e.at for e in events]
        assert [e.id for e in there] == [prefix + e.id for e in events]
        old = local(events[0].at, RECORDED_ZONE)
        new = local(there[0].at, where)
        assert new.date() == to_date
        if not 1 <= old.hour <= 3:  # hours that a change of the clock may take away
            assert new.time() == old.time()


def test_two_days_have_no_contact_and_no_id_in_common() -> None:
    """The demo plays the day again as the next day."""
    first, second = (
        shifted(recorded_day(), date(2026, 11, day), ZoneInfo("UTC"))
        for day in (20, 21)
    )

    assert not {e.contact for e in first} & {e.contact for e in second}
    assert not {e.id for e in first} & {e.id for e in second}
