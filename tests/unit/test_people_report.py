"""People in the offline report: names, order, sums, and files that hold both feeds."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.main import main
from monitor.core.events import Event
from monitor.core.offline import Recording
from monitor.core.people.events import AgentEvent, AgentKind, Interval
from monitor.core.people.states import STATES
from monitor.core.report import Report
from monitor.wire.agent_events import encode_agent_event
from monitor.wire.events import encode_event
from tests.support.contacts import RULES, answered, at, ended, heartbeat, queued

TIMES = (
    "occupancy_ratio handling_seconds available_seconds staffed_seconds away_seconds"
    " slots adherence"
).split()


def said(seconds: float, agent: str, kind: AgentKind, **fields: Any) -> AgentEvent:
    return AgentEvent(at(seconds), int(kind), agent, **fields)


def a_day() -> list[Event | AgentEvent]:
    serves = {"says_queues": True, "queues": ("q", "quiet")}
    return [
        said(0, "ann", AgentKind.LOGGED_IN, **serves),
        said(0, "bo", AgentKind.AWAY, reason="break"),
        queued(0, "a"),
        answered(60, "a"),
        ended(360, "a"),
        heartbeat(600),
    ]


def reported(*events: Event | AgentEvent) -> Report:
    recording = Recording(RULES)
    recording.fold(events)
    return recording.close()


def test_every_name_of_the_interface_is_there() -> None:
    """Of people and of each agent, after what was there before."""
    numbers = reported(*a_day())
    people = numbers["people"]

    assert list(numbers) == [
        "now",
        "events",
        "drift",
        "queues",
        "total",
        "people",
        "agents",
    ]
    assert list(people) == [
        "states",
        "away",
        "longest_since",
        *TIMES,
        "windows",
    ]
    assert list(people["states"]) == list(STATES)
    assert list(people["windows"]) == ["5m", "15m", "30m", "1h", "today"]
    assert list(people["windows"]["1h"]) == TIMES
    assert list(numbers["agents"]) == ["ann", "bo"]
    ann = numbers["agents"]["ann"]
    assert list(ann)[:5] == ["state", "since", "handled", "occupancy_ratio", "seconds"]
    assert list(ann["seconds"]) == list(STATES[:6])


def test_the_numbers_of_people() -> None:
    """Ann talks for 5 of 10 minutes, Bo is away."""
    numbers = reported(*a_day())
    people, ann = numbers["people"], numbers["agents"]["ann"]

    assert people["states"] == dict.fromkeys(STATES, 0) | {"available": 1, "away": 1}
    assert people["away"] == {"break": 1}
    assert people["windows"]["1h"] == {
        "occupancy_ratio": 0.5,
        "handling_seconds": 300,
        "available_seconds": 300,
        "staffed_seconds": 1_200,
        "away_seconds": 600,
        "slots": {},
        "adherence": {"ratio": None, "adhered_seconds": 0, "scheduled_seconds": 0},
    }
    assert ann["seconds"]["talking"] == ann["seconds"]["available"] == 300
    assert (ann["state"], ann["since"]) == ("available", "2026-11-20T09:06:00.000Z")
    assert (ann["handled"], ann["handle_time_seconds"]) == (1, 300)
    assert ann["queues"] == ["q", "quiet"]
    assert {name: ann[name] for name in ann["today"]} == ann["today"]
    assert numbers["agents"]["bo"]["seconds"]["away"] == 600
    assert numbers["agents"]["bo"]["reason"] == "break"


def test_slots_plans_and_trainings_are_told() -> None:
    """Ann takes one of two chats for half of the time, and misses half of her plan."""
    plan = (Interval(at(0), at(300), "work"), Interval(at(300), at(600), "lunch"))
    numbers = reported(
        said(0, "ann", AgentKind.LOGGED_IN, slots=(("chat", 2),)),
        said(0, "ann", AgentKind.SCHEDULE, intervals=plan),
        said(0, "ann", AgentKind.TRAINED, days=0.1),
        said(1, "ann", AgentKind.TRAINED, days=0.2),
        queued(0, "a", channel="chat"),
        answered(60, "a"),
        ended(360, "a"),
        heartbeat(600),
    )
    slots = {"busy_seconds": 300, "offered_seconds": 1_200, "utilization_ratio": 0.25}
    adherence = {"ratio": 0.5, "adhered_seconds": 300, "scheduled_seconds": 600}

    ann, people = numbers["agents"]["ann"], numbers["people"]
    for told in (ann, ann["today"], people, people["windows"]["1h"]):
        assert told["slots"] == {"chat": slots}
        assert told["adherence"] == adherence
    assert ann["trained_days"] == ann["today"]["trained_days"] == 0.3


def test_queues_tell_of_the_people_who_serve_them() -> None:
    """Also those that no contact has come to; the total is everybody, each once."""
    numbers = reported(*a_day())
    queues, total = numbers["queues"], numbers["total"]

    assert list(queues) == ["q", "quiet"]
    assert queues["quiet"]["offered"] == 0
    for queue in (*queues.values(), total):
        assert list(queue) == list(total)
        assert list(queue["windows"]) == ["5m", "15m", "30m", "1h", "today"]
        assert list(queue)[-8:] == ["agents", *TIMES]
    for queue in queues.values():
        assert queue["agents"]["available"] == 1
        assert queue["agents"]["away"] == 0
        assert queue["occupancy_ratio"] == queue["windows"]["1h"]["occupancy_ratio"]
        assert queue["staffed_seconds"] == 600
    assert total["staffed_seconds"] == 1_200


def test_without_people_everything_is_zero_or_nothing() -> None:
    """States are all there; there is no ratio."""
    numbers = reported(queued(0, "a"))

    assert numbers["people"]["states"] == dict.fromkeys(STATES, 0)
    assert numbers["people"]["occupancy_ratio"] is None
    assert numbers["agents"] == {}


def test_records_of_people_are_counted_with_the_others() -> None:
    """Read, applied, repeated, late."""
    events = reported(
        said(2_000, "ann", AgentKind.READY),
        said(2_000, "ann", AgentKind.READY),
        said(0, "ann", AgentKind.READY),
        queued(1_990, "a"),
    )["events"]

    assert events == {
        "read": 4,
        "applied": 2,
        "duplicate": 1,
        "late": 1,
        "ignored": 0,
        "dead_letters": 0,
    }


@pytest.mark.parametrize("gap", [1, 40, 600, 7_200])
def test_chunks_change_no_second(gap: int) -> None:
    """However far apart events are, and whatever is forgotten between them."""
    events: list[Event | AgentEvent] = [said(0, "ann", AgentKind.LOGGED_IN)]
    for number in range(30):
        begin = 10 + number * (gap + 20)
        contact = f"c{number % 3}" if gap > 1_000 else f"c{number}"
        events += [queued(begin, contact), answered(begin + 1, contact)]
        events.append(ended(begin + 11, contact))
    numbers = reported(*events)["agents"]["ann"]

    assert numbers["handled"] == 30
    assert numbers["seconds"]["talking"] == 300
    assert numbers["seconds"]["available"] == 10 + 30 * (gap + 20) - gap - 9 - 300


def written(path: Path, *events: Event | AgentEvent) -> Path:
    lines = [
        encode_agent_event(e) if isinstance(e, AgentEvent) else encode_event(e)
        for e in events
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def replayed(capfd: pytest.CaptureFixture[str], *args: str) -> Report:
    assert main(["replay", *args, "--offline", "--output", "json"]) == 0
    numbers: Report = json.loads(capfd.readouterr().out)
    return numbers


def test_one_file_holds_both_feeds(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In any order within the horizon; `--until` and `--order time` hold for both."""
    day = a_day()
    expected = json.loads(json.dumps(reported(*day)))
    forwards = str(written(tmp_path / "a.jsonl", *day))
    backwards = str(written(tmp_path / "b.jsonl", *day[::-1]))

    assert replayed(capfd, forwards) == expected
    assert replayed(capfd, backwards) == expected
    assert replayed(capfd, backwards, "--order", "time") == expected
    until = replayed(capfd, forwards, "--until", str(at(100)))
    assert until["agents"]["ann"]["state"] == "talking"


def test_people_s_bad_lines_are_told_with_their_numbers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And a contact's line that looks like one is a contact's."""
    path = written(tmp_path / "a.jsonl", queued(0, '"agent.ready"'), queued(1, "b"))
    with path.open("ab") as file:
        file.write(
            b'{"type": "agent.ready", "at": 1}\n{"type": "agent.new", "at": 1}\n'
        )
    assert main(["replay", str(path), "--offline"]) == 0
    told = capfd.readouterr()

    assert "line 3: agent: missing" in told.err
    assert "applied 2" in told.out
    assert "ignored 1" in told.out
    assert "dead letters 1" in told.out


def test_the_text_tells_of_people_in_a_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Only if there are any."""
    both = written(tmp_path / "a.jsonl", *a_day())
    contacts = written(tmp_path / "b.jsonl", queued(0, "a"))
    assert main(["replay", str(both), "--offline"]) == 0
    with_people = capfd.readouterr().out
    assert main(["replay", str(contacts), "--offline"]) == 0

    assert "agents: away 1, available 1; occupancy 50.0%" in with_people
    assert "agents:" not in capfd.readouterr().out
