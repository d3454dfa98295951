"""The vectors of kpis.md section 3 end to end: events in, report out."""

from collections.abc import Iterator
from typing import Any

import pytest

from monitor.core.events import Event
from monitor.core.offline import Recording
from monitor.core.rules import QueueRules, Rules
from tests.support.contacts import abandoned, answered, at, left, queued, report_of


def visits(prefix: str, count: int, wait: float, end: str) -> Iterator[Event]:
    """`count` contacts that come one after the other and end after `wait` seconds."""
    for number in range(count):
        contact, begin = f"{prefix}{number}", number / 10
        yield queued(begin, contact)
        if end == "answered":
            yield answered(begin + wait, contact)
        elif end == "abandoned":
            yield abandoned(begin + wait, contact)
        else:
            yield left(begin + wait, contact, end)


def service_level(events: list[Event], **rules: Any) -> dict[str, Any]:
    """The service level of a recording of `events`, in the order of their instants."""
    recording = Recording(Rules(queue=lambda *_: QueueRules(**rules)))
    recording.fold(sorted(events))
    report = recording.close()
    level: dict[str, Any] = report["queues"]["q"]["service_level"]

    assert report["drift"] == 0
    assert report["queues"]["q"]["windows"]["1h"]["service_level"] == level
    return level


ICMI = [
    *visits("in time", 860, 10, "answered"),
    *visits("late", 140, 45, "answered"),
    *visits("short", 10, 3, "abandoned"),
    *visits("not short", 10, 12, "abandoned"),
    *visits("late leaver", 40, 40, "abandoned"),
]
CISCO = [
    *visits("in time", 70, 15, "answered"),
    *visits("abandoned", 10, 15, "abandoned"),
    *visits("past", 20, 30, "answered"),
]


@pytest.mark.parametrize(
    "policy,short_abandon_ms,in_time,counted,percent",
    [
        ("abandons_ignored", 5_000, 860, 1040, 82.69),
        ("abandons_negative", 5_000, 860, 1050, 81.90),
        ("abandons_negative", 0, 860, 1060, 81.13),
        ("abandons_positive", 5_000, 880, 1060, 83.02),
        ("abandons_positive", 0, 880, 1060, 83.02),
        ("answered_only", 5_000, 860, 1000, 86.00),
    ],
)
def test_the_icmi_vector_holds_end_to_end(
    policy: str, short_abandon_ms: int, in_time: int, counted: int, percent: float
) -> None:
    """1,000 answered of which 860 in time; 60 abandoned, 20 in time, 10 short."""
    level = service_level(ICMI, policy=policy, short_abandon_ms=short_abandon_ms)

    assert (level["in_time"], level["counted"]) == (in_time, counted)
    assert round(100 * level["ratio"], 2) == percent
    assert level["ratio"] == level["policies"][policy]


@pytest.mark.parametrize(
    "policy,percent",
    [
        ("abandons_ignored", 77.78),
        ("abandons_negative", 70.00),
        ("abandons_positive", 80.00),
    ],
)
def test_the_cisco_vector_holds_end_to_end(policy: str, percent: float) -> None:
    """70 answered in time, 10 abandoned in time, 20 past the threshold."""
    level = service_level(CISCO, policy=policy)

    assert round(100 * level["ratio"], 2) == percent
    assert level["policy"] == policy


def test_the_parts_of_the_icmi_vector_stand_beside_it() -> None:
    """In time, crossed and both kinds of in time, so that anyone can recompute it."""
    level = service_level(ICMI)

    assert level["answered_in_time"] == 860
    assert level["abandoned_in_time"] == 20
    assert level["crossed"] == 180
    assert (level["threshold_seconds"], level["target_ratio"]) == (20, 0.8)


@pytest.mark.parametrize(
    "diverted_negative,in_time,counted", [(False, 70, 90), (True, 70, 100)]
)
def test_diverted_in_time_count_as_the_queue_s_setting_says(
    diverted_negative: bool, in_time: int, counted: int
) -> None:
    """10 overflow in time; those that overflow late have crossed T either way."""
    events = [
        *visits("in time", 70, 15, "answered"),
        *visits("overflow", 10, 15, "overflow"),
        *visits("late overflow", 20, 30, "overflow"),
    ]
    level = service_level(events, diverted_negative=diverted_negative)

    assert (level["in_time"], level["counted"]) == (in_time, counted)


def test_waiting_contacts_count_at_both_instants_of_the_vector() -> None:
    """8 in time and 2 waiting for 25 s are 80 %; 5 s later, answered, still 80 %."""
    recording = Recording(Rules())
    recording.fold(visits("in time", 8, 10, "answered"))
    recording.fold([queued(10, "w1"), queued(10, "w2")])
    partition = recording.partition
    before = report_of(partition, at(35))["queues"]["q"]
    partition.apply([answered(40, "w1"), answered(40, "w2")], at(40))
    after = report_of(partition, at(40))["queues"]["q"]

    for queue, waiting in ((before, 2), (after, 0)):
        level = queue["service_level"]
        assert queue["waiting"] == waiting
        assert (level["ratio"], level["counted"], level["crossed"]) == (0.8, 10, 2)
        assert queue["windows"]["5m"]["service_level"] == level
