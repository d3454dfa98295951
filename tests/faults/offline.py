"""The product's core on a day's logs, without a pipeline, for the judge to compare.

Rule: everything that a pipeline may do to a core happens, by chance and quickly:
batches of any size, looks at any time, restarts from the durable rows, by either clock.
"""

import json
import random
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from monitor.config import load
from monitor.core.merge import merge_parts
from monitor.core.partition import Partition
from monitor.core.report import queue_report
from monitor.core.rules import Rules
from monitor.core.view import QueuePart, QueueView
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event
from monitor.wire.state import restore, take_rows
from tests.faults.day import Day, Record
from tests.faults.judge import Recount, Truth, truth
from tests.faults.modes import Mode

PARTITIONS = 2
FOREVER = 1 << 60
OUTAGE_MS = 90_000
"""The longest time for which nothing comes though the clock goes on."""


def rules_of(mode: Mode) -> Rules:
    """The rules that the harness gives to its workers."""
    settings = mode.settings("judged")
    return load(None, [f"{k}={v}" for k, v in settings.items()], {}).rules()


def logs_of(day: Day) -> list[list[Record]]:
    """The partitions' logs."""
    logs: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    for record in day.records:
        if record.key:
            logs[zlib.crc32(record.key.encode()) % PARTITIONS].append(record)
        else:
            for log in logs:
                log.append(record)
    return logs


def closed(day: Day) -> list[list[Record]]:
    """The same, each with a sign of life at its end."""
    closing = {"type": "source.heartbeat", "at": day.after, "source": "closing"}
    last = Record(day.after, "", json.dumps(closing).encode())
    return [[*log, last] for log in logs_of(day)]


def judged(
    logs: Iterable[Iterable[Record]], mode: Mode, now: int | None = None
) -> Truth:
    """What the judge makes of the logs."""
    parts = {}
    for number, log in enumerate(logs):
        parts[number] = Recount(mode.terms)
        for record in log:
            parts[number].take(record.value)
    return truth(parts, now)


class Core:
    """A partition's state that restarts now and then."""

    def __init__(self, rules: Rules, chance: random.Random) -> None:
        self.partition = Partition(rules)
        self._rules = rules
        self._chance = chance
        self._rows: dict[bytes, bytes] = {}

    def apply(self, records: Iterable[Record], now: int) -> None:
        self.partition.apply(_decoded(records), now)

    def may_restart(self) -> None:
        """Make the state durable, by chance, and go on with what is."""
        if self._chance.random() < 0.1:
            self.partition.finished()
            for key, value in take_rows(self.partition):
                if value is None:
                    self._rows.pop(key, None)
                else:
                    self._rows[key] = value
            if self._chance.random() < 0.3:
                self.partition = restore(self._rules, self._rows.items())


def fold_by_events(log: Sequence[Record], rules: Rules, seed: int) -> Partition:
    """The state at the newest event."""
    chance = random.Random(seed)
    core = Core(rules, chance)
    for batch in _batches(log, chance):
        core.apply(batch, FOREVER)
        if chance.random() < 0.5:
            core.partition.advance(core.partition.watermark)
        core.may_restart()
    core.partition.advance(core.partition.watermark)
    return core.partition


def fold_by_wall(log: Sequence[Record], rules: Rules, seed: int, now: int) -> Partition:
    """The state at `now`, when records came as they arrive, or later."""
    chance = random.Random(seed)
    core = Core(rules, chance)
    arrivals = [record.arrives for record in log]
    clock = place = 0
    while place < len(log):
        clock = max(clock, log[place].arrives) + chance.randrange(1_500)
        if chance.random() < 0.02:
            clock += chance.randrange(OUTAGE_MS)
        clock = min(clock, now)
        if chance.random() < 0.7:
            core.partition.advance(clock)
        come = bisect_right(arrivals, clock)
        for batch in _batches(log[place:come], chance):
            core.apply(batch, clock)
            if chance.random() < 0.5:
                core.partition.advance(clock)
            core.may_restart()
        place = come
    core.partition.advance(now)
    return core.partition


def shown(partitions: Iterable[Partition], mode: Mode, now: int) -> dict[str, Any]:
    """The report's numbers of every queue."""
    rules = rules_of(mode)
    by_key: dict[tuple[str, str], list[QueuePart]] = {}
    for partition in partitions:
        for part in partition.parts(partition.now, everything=True):
            by_key.setdefault((part.queue, part.channel), []).append(part)
    views: dict[str, list[QueueView]] = {}
    for key in sorted(by_key):
        merged = merge_parts(by_key[key])
        fields = {n: getattr(merged, n) for n in merged.__dataclass_fields__}
        view = QueueView(**fields, rules=rules.queue(*key))
        views.setdefault(key[0], []).append(view)
    return {
        name: queue_report(of_queue, now)
        | {"agents_in_hand": sum(view.agents_in_hand for view in of_queue)}
        for name, of_queue in views.items()
    }


def _batches(
    log: Sequence[Record], chance: random.Random
) -> Iterator[Sequence[Record]]:
    begin = 0
    while begin < len(log):
        end = begin + chance.choice((1, 10, 100, 500))
        yield log[begin:end]
        begin = end


def _decoded(records: Iterable[Record]) -> Iterator[Any]:
    for record in records:
        try:
            event = decode_contact_event(record.value)
        except BadRecord:
            continue
        if event is not None:
            yield event
