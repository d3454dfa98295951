"""Scenarios of people as text, in the form of `script`, with people in it.

    scenario: three chats at once for ten minutes are ten minutes
    heartbeat: 30s

      0:00  ann  logged_in  queues=support,sales
      0:00  a    answered   queue=support agent=ann

    at 12:00
      ann         state=talking since=0:00 talking=12m
      people      talking=1
      support/5m  handling=5m occupancy=1/1

A line whose type is an agent event's is what that person said; any other is a
contact's. `people` is everybody; a name that is no person's is a queue. A plan is
`plan=work@0:00-5:00,lunch@5:00-6:00`.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitor.core.events import Event
from monitor.core.people.events import AgentEvent
from monitor.wire.agent_events import TYPES, decode_agent_event
from monitor.wire.events import decode_contact_event
from tests.scenarios.script import _TIME, START, Expectation, Scenario, _instant, _pairs

Input = AgentEvent | Event
SAID = {name[6:] for name in TYPES.values() if name.startswith("agent.")}


@dataclass
class PeopleLook:
    """The inputs so far and what the numbers must be at an instant."""

    at: int
    inputs: list[Input]
    expected: list[Expectation] = field(default_factory=list)


@dataclass
class PeopleScenario:
    """A statement, the heartbeat, and the looks in their order."""

    statement: str
    heartbeat_ms: int = 60_000
    inputs: list[Input] = field(default_factory=list)
    looks: list[PeopleLook] = field(default_factory=list)


_CLOCK = Scenario("", "", start=START)


def read(path: Path) -> list[PeopleScenario]:
    """The scenarios of a file; ValueError with the line number for a wrong line."""
    scenarios: list[PeopleScenario] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = text.split("#")[0].strip()
        if not line:
            continue
        try:
            if line.startswith("scenario: "):
                scenarios.append(PeopleScenario(line[10:]))
            else:
                _read_line(scenarios[-1], line, number)
        except (ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{path.name}:{number}: {line!r}: {error}") from error
    return scenarios


def _read_line(scenario: PeopleScenario, line: str, number: int) -> None:
    first, *words = line.split()
    if first == "at":
        at = _instant(_CLOCK, words[0])
        scenario.looks.append(PeopleLook(at, list(scenario.inputs)))
    elif first == "heartbeat:":
        scenario.heartbeat_ms = _pairs([f"x={words[0]}"])["x"]
    elif _TIME.fullmatch(first):
        scenario.inputs.append(_input(first, *words))
    else:
        values = _pairs(words)
        if "since" in values:
            values["since"] = _instant(_CLOCK, values["since"])
        scenario.looks[-1].expected.append(Expectation(first, values, number))


def _input(time: str, who: str, kind: str, *words: str) -> Input:
    fields: dict[str, Any] = {"at": _instant(_CLOCK, time)} | _pairs(list(words))
    found: Input | None
    if kind in SAID:
        if "queues" in fields:
            fields["queues"] = fields["queues"].split(",")
        if "plan" in fields:
            fields["intervals"] = _intervals(fields.pop("plan"))
        fields |= {"type": f"agent.{kind}", "agent": who}
        found = decode_agent_event(json.dumps(fields).encode())
    else:
        name = kind if who == "-" else f"contact.{kind}"
        fields |= {"type": name, "contact": who}
        found = decode_contact_event(json.dumps(fields).encode())
    if found is None:
        raise ValueError("unknown type")
    return found


def _intervals(text: str) -> list[dict[str, Any]]:
    plan = []
    for each in text.split(","):
        activity, _, instants = each.partition("@")
        start, end = [_instant(_CLOCK, instant) for instant in instants.split("-")]
        plan.append({"from": start, "to": end, "activity": activity})
    return plan
