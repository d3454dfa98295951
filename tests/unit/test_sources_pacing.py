"""A recording played again: both kinds of events, paced, moved, selected alike."""

import json

import pytest

from monitor.core.people.events import AgentEvent, AgentKind, Interval
from monitor.sources import SOURCES
from monitor.sources.pacing import Pace, Played, Selection, played_events
from monitor.sources.recording import Bad, Counts
from monitor.wire.agent_events import (
    decode_agent_event,
    encode_agent_event,
    moved_agent_event,
    shifted,
)

LINES = [
    b'{"type":"agent.logged_in","at":1000,"agent":"a1","mood":"fine"}',
    b'{"type":"contact.queued","at":3000,"contact":"c1","queue":"q"}',
    b'{"type":"agent.away","at":2000,"agent":"a1"}',
    b'{"type":"agent.away","agent":"a1"}',
    b'{"type":"agent.ready","at":"1970-01-01T01:00:09+01:00","agent":"a1"}',
]
PLAN = (
    b'{"type":"agent.schedule","at":5000,"agent":"a1","shift":7,"intervals":['
    b'{"from":6000,"to":"1970-01-01T00:00:08Z","activity":"work","room":"b"}]}'
)


def play(
    lines: list[bytes], selection: Selection, kind: str = "jsonl"
) -> tuple[list[Played], list[int]]:
    """What is played, and the numbers of bad lines."""
    bad: list[int] = []

    def remember(line: Bad) -> None:
        bad.append(line.number)

    played = played_events(lines, SOURCES[kind], selection, Counts(), remember)
    return list(played), bad


def test_lines_of_both_kinds_are_played_in_the_order_of_the_file() -> None:
    """With the bytes that they have; a bad line of either kind is told."""
    played, bad = play(LINES, Selection())

    assert [each.value for each in played] == [*LINES[:3], LINES[4]]
    assert bad == [4]


def test_selections_are_for_both_kinds() -> None:
    """Sorted by instant, and up to an instant."""
    played, _ = play(LINES, Selection(until=3000, by_time=True))

    assert [each.event.at for each in played] == [1000, 2000, 3000]


async def test_both_kinds_are_paced_and_moved_alike() -> None:
    """Each at its time after the first one, at its new instant, with all its fields."""
    played, _ = play(LINES, Selection())
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    pace = Pace(2.0, 1_000_000, lambda: 50.0, wait)
    sent = [await pace.due(each) for each in played]

    assert waits == [1.0, 0.5, 4.0]
    assert [each.event.at for each in sent] == [
        *(1_000_000, 1_002_000),
        *(1_001_000, 1_008_000),
    ]
    values = [json.loads(each.value or b"") for each in sent]
    assert [value["at"] for value in values] == [each.event.at for each in sent]
    assert values[0]["mood"] == "fine"


def test_the_instants_of_a_plan_move_with_it() -> None:
    """However they are written; what isn't understood stays."""
    moved = moved_agent_event(PLAN, 10_000)
    event = decode_agent_event(PLAN)
    assert event is not None

    assert decode_agent_event(moved) == shifted(event, 10_000)
    assert shifted(event, 10_000).intervals == (Interval(16_000, 18_000, "work"),)
    assert json.loads(moved)["shift"] == 7
    assert json.loads(moved)["intervals"][0]["room"] == "b"


@pytest.mark.parametrize("kind", [kind for kind in AgentKind if kind > 1])
def test_moved_bytes_are_those_of_the_moved_event(kind: AgentKind) -> None:
    """For every kind of agent event."""
    plan = (Interval(1, 2, "work"),) if kind is AgentKind.SCHEDULE else ()
    says = kind is AgentKind.QUEUES
    event = AgentEvent(1000, kind, "a1", says_queues=says, intervals=plan)
    moved = moved_agent_event(encode_agent_event(event), 500)

    assert decode_agent_event(moved) == shifted(event, 500)


def test_records_without_people_are_played_with_those_that_follow() -> None:
    """What the whole file tells of its agents comes in its place."""
    columns = "AA01\t{}\t0\t0\tPS\t990103\t0:00:00\t0:00:00\t0\t0:00:00\t0:00:00\t0"
    service = "\tAGENT\t{}\t{}\t{}\t7"
    rows = [
        (columns.format(1) + service.format("9:00:00", "9:10:00", 600)).encode(),
        (columns.format(2) + service.format("8:00:00", "8:01:00", 60)).encode(),
    ]
    played, bad = play(rows, Selection(), "anonymous-bank")
    kinds = [AgentKind(e.kind) for e, _ in played if isinstance(e, AgentEvent)]

    assert bad == []
    assert len(played) == 8
    assert [each.event.at for each in played] == sorted(e.at for e, _ in played)
    assert kinds == [
        *(AgentKind.LOGGED_IN, AgentKind.AWAY, AgentKind.READY, AgentKind.LOGGED_OUT)
    ]
    assert {each.value for each in played} == {None}
