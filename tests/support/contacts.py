"""Contact events and partitions for tests of the core, in few words.

Instants are seconds after `START`, durations milliseconds, as everywhere in the core.
"""

from collections.abc import Iterable
from typing import Any

from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.report import Report, report
from monitor.core.rules import QueueRules, Rules
from monitor.core.view import QueuePart, QueueView

START = 1_795_165_200_000
"""2026-11-20T09:00:00Z."""
RULES = Rules(queue=lambda *_: QueueRules())


def at(seconds: float) -> int:
    """The instant `seconds` after `START`."""
    return START + round(seconds * 1000)


def event(seconds: float, contact: str, kind: Kind, **fields: Any) -> Event:
    """An event `seconds` after `START`."""
    return Event(at(seconds), int(kind), contact, **fields)


def queued(seconds: float, contact: str, queue: str = "q", **fields: Any) -> Event:
    return event(seconds, contact, Kind.QUEUED, queue=queue, **fields)


def answered(seconds: float, contact: str, **fields: Any) -> Event:
    return event(seconds, contact, Kind.ANSWERED, **{"agent": "ann"} | fields)


def ended(seconds: float, contact: str, **fields: Any) -> Event:
    return event(seconds, contact, Kind.ENDED, **{"agent": "ann"} | fields)


def abandoned(seconds: float, contact: str, **fields: Any) -> Event:
    return event(seconds, contact, Kind.ABANDONED, **fields)


def left(seconds: float, contact: str, reason: str, **fields: Any) -> Event:
    return event(seconds, contact, Kind.LEFT, reason=reason, **fields)


def started(seconds: float, source: str) -> Event:
    return event(seconds, "", Kind.SOURCE_STARTED, source=source)


def heartbeat(seconds: float, source: str = "clock") -> Event:
    """An event that moves time on and says nothing of any contact."""
    return event(seconds, "", Kind.SOURCE_HEARTBEAT, source=source)


def partition_of(
    events: Iterable[Event], seconds: float = 0, rules: Rules = RULES
) -> Partition:
    """A partition after `events`, advanced to their newest or to `seconds`."""
    partition = Partition(rules)
    partition.apply(events, at(1_000_000))
    partition.advance(max(partition.watermark, at(seconds)))
    return partition


def part_of(
    partition: Partition, queue: str = "q", channel: str = "voice"
) -> QueuePart:
    """One queue's numbers now."""
    [part] = [
        part
        for part in partition.parts(partition.now, everything=True)
        if (part.queue, part.channel) == (queue, channel)
    ]
    return part


def report_of(partition: Partition, now: int) -> Report:
    """The report of a live partition at `now`."""
    parts = partition.parts(now, everything=True)
    parts.sort(key=lambda part: (part.queue, part.channel))
    views = [
        QueueView(
            rules=partition.rules.queue(part.queue, part.channel),
            **{name: getattr(part, name) for name in QueuePart.__slots__},
        )
        for part in parts
    ]
    return report(views, partition.counts, now)
