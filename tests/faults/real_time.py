"""A generated day as if it happened now.

Rule: only what is told of time changes, instants and durations alike and by one factor;
who tells what, and in which order, stays as it was.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tests.faults.day import BEGIN_MS, Day, Record, stamp_of
from tests.faults.lives import Fields

DURATIONS = ("wait_ms", "talk_ms", "hold_ms", "acw_ms")
SILENCE_MS = (20_000, 5_000)
"""From how long before the end of a run until how long before it nobody says anything:
as much later as contacts may become old, none of them does, and the numbers rest though
contacts are open."""


@dataclass(frozen=True)
class RealTime:
    """What the day's `BEGIN_MS` is in real time, and how much faster that passes."""

    begin: int
    speed: int

    def instant(self, at: int) -> int:
        return self.begin + (at - BEGIN_MS) // self.speed

    def day(self, day: Day, end: int) -> Day:
        """The part of the day that is over by the real instant `end`."""
        first, last = (end - before for before in SILENCE_MS)
        records = [self._record(record) for record in day.records]
        return replace(
            day,
            records=[
                record
                for record in records
                if record.arrives <= end and not first <= _at(record.value) < last
            ],
            end=end,
        )

    def _record(self, record: Record) -> Record:
        try:
            fields = json.loads(record.value)
        except ValueError:
            value = record.value  # no event; it stays as it is
        else:
            value = json.dumps(self._fields(fields)).encode()
        return replace(record, arrives=self.instant(record.arrives), value=value)

    def _fields(self, fields: Fields) -> Fields:
        told = dict(fields)
        at = self.instant(stamp_of(fields))
        told["at"] = at
        if isinstance(fields["at"], str):
            moment = datetime.fromtimestamp(at / 1000, UTC)
            told["at"] = moment.isoformat(timespec="milliseconds")
        for name in DURATIONS:
            if name in told:
                told[name] = told[name] // self.speed
        return told


def _at(value: bytes) -> int:
    """The instant that a record tells; 0: none."""
    try:
        return stamp_of(json.loads(value))
    except ValueError:
        return 0
