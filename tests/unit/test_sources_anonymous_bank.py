"""The recorded January as canonical events: everything that is known comes out."""

import csv
import gzip
import itertools
import json
from collections import Counter, defaultdict
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.events import Event, Kind
from monitor.sources import BadLine, NotAnEvent, anonymous_bank
from monitor.sources.anonymous_bank import COLUMNS, ZONE
from monitor.sources.recording import Recording, kind_of
from monitor.wire.events import decode_contact_event, encode_event

DATA = Path(__file__).parents[1] / "data"
JANUARY = DATA / "january1999.tsv.gz"
adapter = anonymous_bank.adapter("bank")


@cache
def january() -> tuple[Recording, list[Event]]:
    """The month, read once."""
    recording = Recording(JANUARY, kind_of(JANUARY))
    return recording, list(recording)


def test_the_months_known_answers_come_out() -> None:
    """Counted from the events with plain Python, nothing of the product's core."""
    _, events = january()
    known = json.loads((DATA / "known_answers_january.json").read_text())
    answered = [e.duration_ms // 1000 for e in events if e.kind == Kind.ANSWERED]
    abandoned = [e.duration_ms // 1000 for e in events if e.kind == Kind.ABANDONED]
    queued = {e.contact for e in events if e.kind == Kind.QUEUED}
    offered = queued | {e.contact for e in events if e.kind == Kind.ANSWERED}
    counted = {
        "offered_to_queue": len(offered),
        "answered": len(answered),
        "answered_without_queue": len(offered - queued),
        "abandoned_in_queue": len(abandoned),
        "sum_wait_answered": sum(answered),
        "sum_wait_abandoned": sum(abandoned),
        "max_wait": max(answered + abandoned),
        "answered_within_20": sum(wait <= 20 for wait in answered),
        "abandoned_within_20": sum(wait <= 20 for wait in abandoned),
        "sum_service": sum(
            e.duration_ms // 1000 for e in events if e.kind == Kind.ENDED
        ),
        "answered_with_NO_SERVER": sum(
            e.kind == Kind.ANSWERED and not e.agent for e in events
        ),
    }

    assert counted == {name: known[name] for name in counted}
    assert counted["offered_to_queue"] == 30_161
    assert counted["sum_service"] == 4_964_204


def test_the_hours_known_answers_come_out() -> None:
    """Each call in the hour in which it came to its queue, by its first event."""
    _, events = january()
    first: dict[str, Event] = {}
    hours: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for event in events:
        entry = first.setdefault(event.contact, event)
        local = datetime.fromtimestamp(entry.at / 1000, ZONE)
        hour = hours[f"{local:%y%m%d}", local.hour]
        seconds = event.duration_ms // 1000
        hour["offered"] += event is entry
        hour["answered"] += event.kind == Kind.ANSWERED
        hour["abandoned"] += event.kind == Kind.ABANDONED
        if event.kind == Kind.ANSWERED:
            hour["sum_wait_answered"] += seconds
            hour["answered_within_20"] += seconds <= 20
        if event.kind == Kind.ENDED:
            hour["sum_service"] += seconds
    with (DATA / "known_hourly_january.csv").open() as file:
        known = {
            (row["date"], int(row["hour"])): {
                name: int(row[name])
                for name in row
                if name not in ("month", "date", "hour")
            }
            for row in csv.DictReader(file)
        }

    assert {key: dict(hour) for key, hour in hours.items()} == {
        key: {name: n for name, n in row.items() if n or name in hours[key]}
        for key, row in known.items()
    }


def test_what_was_left_out_is_counted() -> None:
    """Phantoms and hang-ups in the voice unit are no calls of any queue."""
    recording, events = january()

    assert recording.counts.lines == 31_600
    assert recording.counts.events == len(events)
    assert recording.counts.skipped == {
        "heading": 1,
        "phantom": 240,
        "hung up in the voice unit": 1198,
    }
    assert not recording.counts.bad


def test_events_come_in_order_of_time() -> None:
    """The file is ordered by voice line; a replay needs time."""
    _, events = january()

    assert all(a.at <= b.at for a, b in itertools.pairwise(events))


def test_a_calls_events_follow_each_other_by_the_reported_durations() -> None:
    """Never an answer before the entry, never an end before the answer."""
    _, events = january()
    calls: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        calls[event.contact].append(event)
    for call in calls.values():
        for before, after in itertools.pairwise(call):
            assert after.at - before.at == after.duration_ms
        kinds = [event.kind for event in call]
        assert kinds in (
            [Kind.QUEUED, Kind.ANSWERED, Kind.ENDED],
            [Kind.ANSWERED, Kind.ENDED],
            [Kind.QUEUED, Kind.ABANDONED],
        )


def test_every_event_can_be_sent_and_has_an_id_of_its_own() -> None:
    """The wire reads back what was written; no two events are taken for one."""
    _, events = january()

    assert len({event.id for event in events}) == len(events)
    assert all(decode_contact_event(encode_event(e)) == e for e in events[::97])


def test_the_months_rows_name_nobody() -> None:
    """Agents and customers are numbers in what is shipped."""
    with gzip.open(JANUARY, "rt", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))

    assert len(rows) == 31_599
    assert {row["server"] for row in rows} == {
        "NO_SERVER",
        *(str(number) for number in range(1, 29)),
    }
    assert {int(row["customer_id"]) for row in rows} == set(range(3977))


ROW = {
    "vru+line": "AA0101",
    "call_id": "7",
    "customer_id": "12",
    "priority": "2",
    "type": "PS",
    "date": "990109",
    "vru_entry": "23:59:23",
    "vru_exit": "23:59:28",
    "vru_time": "5",
    "q_start": "23:59:28",
    "q_exit": "0:00:03",
    "q_time": "35",
    "outcome": "AGENT",
    "ser_start": "0:00:02",
    "ser_exit": "0:00:55",
    "ser_time": "52",
    "server": "4",
}


def row(**changes: str) -> bytes:
    """A row as a line."""
    return "\t".join((ROW | changes).values()).encode()


def test_a_call_over_midnight_goes_on() -> None:
    """Instants are added up, so the next day's clock doesn't matter."""
    queued, answered, ended = adapter(row())

    assert queued.at == 915_919_168_000  # 1999-01-09 23:59:28 in Israel, UTC+2
    assert answered.at - queued.at == answered.duration_ms == 35_000
    assert ended.at - answered.at == ended.duration_ms == 52_000
    assert (answered.agent, ended.agent, queued.customer) == ("4", "4", "12")
    assert queued.contact == "AA0101-7-990109"


def test_unknown_agents_and_customers_are_absent() -> None:
    """NO_SERVER is no agent, customer 0 is no customer."""
    events = adapter(row(server="NO_SERVER", customer_id="0"))

    assert {(event.agent, event.customer) for event in events} == {("", "")}


def test_a_negative_duration_counts_as_nothing() -> None:
    """A clock that was set never takes seconds from a sum."""
    queued, answered, ended = adapter(row(q_time="-3", ser_time="-20"))

    assert queued.at == answered.at == ended.at
    assert (answered.duration_ms, ended.duration_ms) == (0, 0)


@pytest.mark.parametrize(
    "line, named",
    [
        (b"one\ttwo", "2 columns"),
        (row(outcome="GONE"), "outcome"),
        (row(q_start="soon"), "q_start"),
        (row(date="990231"), "date"),
        (row(date="99-1-9"), "date"),
        (row(q_time="1.5"), "q_time"),
        (row(ser_time=""), "ser_time"),
        (row(type=""), "type"),
        (row(call_id=" "), "call_id"),
        (row(customer_id="1" * 101), "customer_id"),
    ],
)
def test_a_bad_row_names_its_column(line: bytes, named: str) -> None:
    """It is reported with what is wrong."""
    with pytest.raises(BadLine, match=named):
        adapter(line)


CELL = st.one_of(
    st.sampled_from(["", "0", "0:00:00", "23:59:59", "990101", "AGENT", "HANG", "-1"]),
    st.text(st.characters(exclude_characters="\t\r\n"), max_size=8),
)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.dictionaries(st.sampled_from(COLUMNS), CELL).map(
            lambda cells: "\t".join((ROW | cells).values()).encode(
                "utf-8", "surrogatepass"
            )
        ),
    )
)
def test_any_row_gives_events_or_says_why_not(line: bytes) -> None:
    """Nothing but BadLine or NotAnEvent is raised; events can be sent as they are."""
    try:
        events = adapter(line)
    except (BadLine, NotAnEvent):
        return
    assert events == adapter(line)
    assert all(decode_contact_event(encode_event(event)) == event for event in events)
