"""A day's records as sources would send them: out of order, twice, by clocks that
differ, late, and with restarts in between.

Rule: the same seed gives the same records. Event time runs faster than real time, so
that a short run sees horizons pass, contacts expire and windows move.
"""

import json
import random
from dataclasses import dataclass, field
from datetime import datetime

from tests.faults.lives import HORIZON_MS, OFFSETS_MS, Fields, Life

BEGIN_MS = 1_767_250_800_000
"""2026-01-01T07:00:00Z."""
MOST_DELAYED_MS = HORIZON_MS - 75_000
"""The horizon less the span of the clocks and some room for what comes in between."""
BEYOND = "beyond:"
"""How the ids of events begin that are sent beyond the horizon on purpose."""


@dataclass(frozen=True)
class Record:
    """One record to send."""

    arrives: int
    """Event instant at which it is sent."""
    key: str
    """Contact; empty: a source speaks."""
    value: bytes
    everywhere: bool = False
    """To every partition, each marked as a copy; else the product copies it."""


@dataclass
class Day:
    """Everything that is sent until `end`, in the order of sending."""

    end: int
    """Event instant at which the day is cut, whatever goes on then."""
    records: list[Record] = field(default_factory=list)
    beyond: set[str] = field(default_factory=set)
    """Ids of events that are sent beyond the horizon."""
    bad: int = 0
    """Records that are no events."""

    @property
    def after(self) -> int:
        """An instant after all that is told, whatever a source's clock."""
        return self.end + 60_000

    def send(self, record: Record) -> None:
        """Add a record, unless it comes too late for the day."""
        if record.arrives < self.end:
            self.records.append(record)


def make_day(seed: int, count: int, span_ms: int) -> Day:
    """About `count` records that arrive over `span_ms` of event time."""
    chance = random.Random(seed)
    restarts = _restarts(chance, span_ms)
    day = Day(BEGIN_MS + span_ms)
    number = 0
    while len(day.records) < count:
        begin = BEGIN_MS + int(chance.random() * span_ms)
        life = Life(f"c{number}", chance, restarts)
        for at, fields in life.tell(begin):
            _send(day, chance, at, fields)
        number += 1
    for source, instants in restarts.items():
        for at in instants:
            _restart(day, chance, source, at)
    day.records.sort(key=lambda record: (record.arrives, record.value))
    return day


def _restarts(chance: random.Random, span_ms: int) -> dict[str, list[int]]:
    restarts: dict[str, list[int]] = {}
    for source in OFFSETS_MS:
        at = BEGIN_MS + int(chance.expovariate(1 / 500_000))
        while at < BEGIN_MS + span_ms:
            restarts.setdefault(source, []).append(at)
            at += 60_000 + int(chance.expovariate(1 / 500_000))
    return restarts


def _restart(day: Day, chance: random.Random, source: str, at: int) -> None:
    stamp = at + OFFSETS_MS[source]
    value = json.dumps({"type": "source.started", "at": stamp, "source": source})
    for _ in range(1 + (chance.random() < 0.1)):
        arrives = at + _delay(chance)
        everywhere = chance.random() < 0.5
        day.send(Record(arrives, "", value.encode(), everywhere))


def _delay(chance: random.Random) -> int:
    kind = chance.random()
    if kind < 0.6:
        return chance.randrange(2_000)
    if kind < 0.93:
        return chance.randrange(60_000)
    return chance.randrange(MOST_DELAYED_MS)


def _send(day: Day, chance: random.Random, at: int, fields: Fields) -> None:
    value = json.dumps(fields).encode()
    key = fields["contact"]
    kind = chance.random()
    if kind < 0.004:
        late = {**fields, "id": f"{BEYOND}{key}:{fields['at']}"}
        day.beyond.add(late["id"])
        arrives = at + HORIZON_MS + 90_000 + chance.randrange(300_000)
        day.send(Record(arrives, key, json.dumps(late).encode()))
    elif kind < 0.005:
        day.bad += 1
        day.send(Record(at, key, value[: len(value) // 2]))
    elif kind < 0.006:
        strange = {**fields, "type": "contact.levitated"}
        day.send(Record(at, key, json.dumps(strange).encode()))
    day.send(Record(at + _delay(chance), key, value))
    if chance.random() < 0.1:
        again = fields
        if "id" in fields and chance.random() < 0.1:
            stamp = stamp_of(fields) + chance.randrange(-900, 900)
            again = {**fields, "at": stamp}
        sent = json.dumps(again).encode()
        day.send(Record(at + _delay(chance), key, sent))


def stamp_of(fields: Fields) -> int:
    """The instant that an event tells, in whichever form."""
    at = fields["at"]
    if isinstance(at, str):
        return round(datetime.fromisoformat(at).timestamp() * 1000)
    return int(at)
