"""Every scenario of this folder, run in each way that must give the same numbers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from monitor.core.events import Event
from monitor.core.partition import Partition
from monitor.core.report import Report, queue_report
from monitor.core.rules import Rules
from monitor.core.view import QueuePart, QueueView
from monitor.core.visit_record import VisitRecord, records_of
from monitor.wire.state import restore, take_rows
from tests.scenarios.script import Expectation, Look, Scenario, read
from tests.support.contacts import report_of

PEOPLE = Path(__file__).with_name("people.txt")
FILES = sorted(set(Path(__file__).parent.glob("*.txt")) - {PEOPLE})
SCENARIOS = [scenario for path in FILES for scenario in read(path)]
TWO_DAYS_MS = 172_800_000


def as_it_happened(scenario: Scenario) -> Iterable[tuple[Look, Partition]]:
    """One event at a time, the clock with it, one partition throughout."""
    partition = Partition(scenario.rules())
    done = 0
    for look in scenario.looks:
        for event in look.events[done:]:
            partition.apply([event], event.at)
            partition.parts(max(partition.watermark, event.at), everything=False)
        done = len(look.events)
        yield look, partition


def at_once(scenario: Scenario) -> Iterable[tuple[Look, Partition]]:
    """All events in one batch, long after they happened."""
    for look in scenario.looks:
        yield look, _folded(scenario.rules(), look, look.events)


def backwards(scenario: Scenario) -> Iterable[tuple[Look, Partition]]:
    """The newest event first."""
    for look in scenario.looks:
        yield look, _folded(scenario.rules(TWO_DAYS_MS), look, look.events[::-1])


def twice(scenario: Scenario) -> Iterable[tuple[Look, Partition]]:
    """All events, and all of them again."""
    for look in scenario.looks:
        yield look, _folded(scenario.rules(TWO_DAYS_MS), look, look.events * 2)


def with_a_checkpoint_after_each_event(
    scenario: Scenario,
) -> Iterable[tuple[Look, Partition]]:
    """The state written down and read back between any two events."""
    rules = scenario.rules()
    partition = Partition(rules)
    rows: dict[bytes, bytes] = {}
    done = 0
    for look in scenario.looks:
        for event in look.events[done:]:
            partition.apply([event], event.at)
            partition.advance(event.at)
            partition.next_offset += 1
            _write(rows, partition)
            partition = restore(rules, rows.items())
        done = len(look.events)
        yield look, partition


def _folded(rules: Rules, look: Look, events: list[Event]) -> Partition:
    partition = Partition(rules)
    partition.apply(events, look.at)
    return partition


def _write(rows: dict[bytes, bytes], partition: Partition) -> None:
    for key, value in take_rows(partition):
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value


REORDERED = (backwards, twice)
WAYS = (as_it_happened, at_once, with_a_checkpoint_after_each_event, *REORDERED)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_gives_its_numbers_in_every_way(scenario: Scenario) -> None:
    """Whatever the order and the batches, the numbers are those of the text."""
    assert scenario.looks
    for way in WAYS:
        if way in REORDERED and scenario.ordered:
            continue
        for look, partition in way(scenario):
            numbers = report_of(partition, look.at)
            numbers["queues"] |= by_channel(partition, look.at)
            records = visits_of(partition)
            wrong = [
                f"line {expected.line}, {way.__name__}, {expected.subject}: {problem}"
                for expected in look.expected
                if way not in REORDERED or expected.subject != "events"
                for problem in problems(expected, numbers, records)
            ]

            assert wrong == []
            assert numbers["drift"] == 0


def by_channel(partition: Partition, now: int) -> Report:
    """What each channel of each queue says of itself."""
    views = [
        QueueView(
            rules=partition.rules.queue(part.queue, part.channel),
            **{name: getattr(part, name) for name in QueuePart.__slots__},
        )
        for part in partition.parts(now, everything=True)
    ]
    return {f"{view.queue}:{view.channel}": queue_report([view], now) for view in views}


def visits_of(partition: Partition) -> dict[str, VisitRecord]:
    """The visits in memory, by contact and number."""
    return {
        f"{record.contact}.{record.visit}": record
        for contact in partition.contacts.values()
        for record in records_of(contact)
    }


def problems(
    expected: Expectation, numbers: Report, records: dict[str, VisitRecord]
) -> Iterable[str]:
    """What differs, in words."""
    for name, value in expected.values.items():
        found = _look_up(expected.subject, name, numbers, records)
        close = pytest.approx(value) if type(value) in (int, float) else value
        if found != close:
            yield f"{name} is {found}, not {value}"


def _look_up(
    subject: str, name: str, numbers: Report, records: dict[str, VisitRecord]
) -> Any:
    if subject.startswith("visit "):
        record = records.get(subject.removeprefix("visit "))
        return getattr(record, name) if record else f"unknown among {sorted(records)}"
    place: Any
    if subject in ("total", "events"):
        place = numbers[subject]
    else:
        queue, _, window = subject.partition("/")
        place = numbers["queues"].get(queue)
        if place is None:
            return "in no queue of this name"
        if window:
            place = place["windows"][window]
    for part in name.split("."):
        place = place.get(part, 0)
    return place


def test_a_wrong_line_is_refused_with_its_number(tmp_path: Path) -> None:
    """Who mistypes a scenario is told where."""
    path = tmp_path / "bad.txt"
    path.write_text("scenario: one\n\n  0:00  a  quued\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"bad\.txt:3: .*unknown type"):
        read(path)
