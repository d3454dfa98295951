"""Scenarios as text: what happened, minute by minute, and what the numbers say then.

A file holds scenarios; each opens with its statement and has three kinds of lines:

    scenario: a contact that waits past T counts already
    queue support: threshold=20s short_abandon=0

      0:00  a  queued    queue=support
      0:21  a  answered  agent=ann

    at 0:30
      support     answered=1 service_level.ratio=0/1
      support/5m  answered=1
      total       waiting=0
      events      applied=2 late=0
      visit a.1   fate=answered wait_ms=21s

Settings come first: `queue NAME:` or `queue NAME:CHANNEL:`, `horizon:`, `start:` (the
instant of 0:00), `ordered:` and why (the numbers depend on the order of arrival, so
only that is run). Events are `TIME CONTACT TYPE FIELD=VALUE …`; contact `-` with a
`source.…` type is a source event. They go through the wire's decoder. Under `at` stand
names of the report (interface.md section 3), `support:chat` those of one channel; an
event below an `at` comes after that report.
`12s`, `4h` are milliseconds, `860/1040` is a ratio, `{overflow:1}` a table, `null` is
what doesn't exist.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.core.events import Event
from monitor.core.rules import QueueRules, Rules
from monitor.wire.events import decode_contact_event

START = 1_795_165_200_000
"""2026-11-20T09:00:00Z, the instant of 0:00."""
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_TIME = re.compile(r"(-?)(?:(\d+):)?(\d+):(\d\d(?:\.\d+)?)")
_RATIO = re.compile(r"(\d+)/(\d+)")


@dataclass
class Expectation:
    """One line under an `at`."""

    subject: str
    values: dict[str, Any]
    line: int


@dataclass
class Look:
    """The events so far and what the numbers must be at an instant."""

    at: int
    events: list[Event]
    expected: list[Expectation] = field(default_factory=list)


@dataclass
class Scenario:
    """A statement, its rules, and the looks at the numbers in their order."""

    statement: str
    file: str
    ordered: bool = False
    start: int = START
    horizon_ms: int = 900_000
    queues: dict[str, QueueRules] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.file}: {self.statement}"

    def rules(self, horizon_ms: int = 0) -> Rules:
        """The scenario's rules, with at least this horizon."""
        return Rules(
            queue=lambda queue, channel: self.queues.get(
                f"{queue}:{channel}", self.queues.get(queue, QueueRules())
            ),
            horizon_ms=max(self.horizon_ms, horizon_ms),
        )


def read(path: Path) -> list[Scenario]:
    """The scenarios of a file; ValueError with the line number for a wrong line."""
    scenarios: list[Scenario] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = text.split("#")[0].strip()
        if not line:
            continue
        try:
            if line.startswith("scenario: "):
                scenarios.append(Scenario(line[10:], path.stem))
            else:
                _read_line(scenarios[-1], line, number, indented=text[0] == " ")
        except (ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{path.name}:{number}: {line!r}: {error}") from error
    return scenarios


def _read_line(scenario: Scenario, line: str, number: int, *, indented: bool) -> None:
    if not indented and line.startswith("at "):
        at = _instant(scenario, line[3:])
        scenario.looks.append(Look(at, list(scenario.events)))
    elif not indented:
        _read_setting(scenario, line)
    elif _TIME.fullmatch(line.split(maxsplit=1)[0]):
        scenario.events.append(_event(scenario, line))
    else:
        scenario.looks[-1].expected.append(_expectation(scenario, line, number))


def _read_setting(scenario: Scenario, line: str) -> None:
    # A space ends the name: that of a queue may have its channel after a colon.
    name, _, value = line.partition(": ")
    value = value.strip()
    if name == "start":
        scenario.start = int(datetime.fromisoformat(value).timestamp() * 1000)
    elif name == "horizon":
        scenario.horizon_ms = _value(value)
    elif name == "ordered":
        scenario.ordered = True
    elif name.startswith("queue "):
        scenario.queues[name[6:]] = _queue_rules(value)
    else:
        raise ValueError("no such setting")


def _queue_rules(text: str) -> QueueRules:
    renamed = {
        "threshold": "threshold_ms",
        "short_abandon": "short_abandon_ms",
        "max_age": "max_age_ms",
        "inactive_after": "inactive_after_ms",
    }
    values = _pairs(text.split())
    return QueueRules(**{renamed.get(name, name): v for name, v in values.items()})


def _event(scenario: Scenario, line: str) -> Event:
    time, contact, kind, *pairs = line.split()
    fields = {"type": kind, "at": _instant(scenario, time)} | _pairs(pairs)
    if contact != "-":
        fields |= {"type": f"contact.{kind}", "contact": contact}
    event = decode_contact_event(json.dumps(fields).encode())
    if event is None:
        raise ValueError("unknown type")
    return event


def _expectation(scenario: Scenario, line: str, number: int) -> Expectation:
    subject, *pairs = line.split()
    if subject == "visit":
        subject = f"visit {pairs.pop(0)}"
    values = _pairs(pairs)
    for name, value in values.items():
        if name.endswith("_at"):
            values[name] = _instant(scenario, value) if value else 0
    return Expectation(subject, values, number)


def _pairs(words: list[str]) -> dict[str, Any]:
    pairs = (word.partition("=") for word in words)
    return {name: _value(text) for name, _, text in pairs}


def _value(text: str) -> Any:
    if found := _DURATION.fullmatch(text):
        return round(float(found[1]) * _UNITS[found[2]])
    if found := _RATIO.fullmatch(text):
        return int(found[1]) / int(found[2])
    if text.startswith("{"):
        pairs = (pair.partition(":") for pair in text[1:-1].split(",") if pair)
        return {name: _value(value) for name, _, value in pairs}
    try:
        return json.loads(text)
    except ValueError:
        return text


def _instant(scenario: Scenario, text: str) -> int:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a time")
    sign, hours, minutes, seconds = found.groups()
    whole = int(hours or 0) * 3_600 + int(minutes) * 60 + float(seconds)
    return scenario.start + round(whole * 1000) * (-1 if sign else 1)
