"""A recording through the core alone: the same fold as live, without Kafka.

Rule: one partition, event time, nothing else. What live can only see as it happens (the
most contacts that waited at once) is exact here, because every visit is known.
"""

from collections.abc import Iterable
from itertools import islice

from monitor.core.events import Event
from monitor.core.partition import Partition
from monitor.core.report import Report, report
from monitor.core.rules import Rules
from monitor.core.view import PartitionCounts, QueuePart, QueueView
from monitor.core.visit_record import VisitRecord, records_of

CHUNK = 2_000
"""Events between two looks at the clock; it bounds memory and changes no number."""
ALL_QUEUES = ""


def drop_changes(partition: Partition) -> None:
    """Let go of what a checkpoint would take away: nobody makes this state durable."""
    partition.dirty.clear()
    for state in partition.queues.values():
        if state.fresh:
            state.settle(partition.now)
        state.panes.dirty.clear()


class Peaks:
    """The most contacts that waited at once, by queue and over all queues.

    Exact in event time: a visit waits in `[queued_at, fate_at)`, and those that leave
    at an instant make room for those that come at it.
    """

    __slots__ = ("_flows",)

    def __init__(self) -> None:
        """No visit yet."""
        self._flows: dict[str, dict[int, int]] = {}

    def add(self, visits: Iterable[VisitRecord]) -> None:
        """Count visits, each once."""
        for visit in visits:
            if visit.fate == "rejected":
                continue
            for name in (visit.queue, ALL_QUEUES):
                flow = self._flows.setdefault(name, {})
                flow[visit.queued_at] = flow.get(visit.queued_at, 0) + 1
                if visit.fate_at:
                    left = max(visit.fate_at, visit.queued_at)
                    flow[left] = flow.get(left, 0) - 1

    def by_queue(self) -> dict[str, int]:
        """The peak of each queue, under `""` of all of them together."""
        return {name: _peak(flow) for name, flow in self._flows.items()}


def _peak(flow: dict[int, int]) -> int:
    highest = waiting = 0
    for _, change in sorted(flow.items()):
        waiting += change
        highest = max(highest, waiting)
    return highest


class Recording:
    """Folds a recording's events in the order in which they are given."""

    def __init__(self, rules: Rules) -> None:
        """Nothing is read yet."""
        self.partition = Partition(rules)
        self.visits: list[VisitRecord] = []
        """Final visits that nobody took yet."""
        self._rules = rules
        self._peaks = Peaks()

    @property
    def counts(self) -> PartitionCounts:
        """What became of the records; the reader adds those that gave no event."""
        return self.partition.counts

    def fold(self, events: Iterable[Event]) -> None:
        """Apply events; now is the newest event so far."""
        source = iter(events)
        partition = self.partition
        while chunk := list(islice(source, CHUNK)):
            newest = max(event.at for event in chunk)
            partition.apply(chunk, newest)
            partition.advance(partition.watermark)
            drop_changes(partition)
            self._take(partition.finished())

    def _take(self, visits: list[VisitRecord]) -> None:
        self._peaks.add(visits)
        self.visits += visits

    def close(self, now: int | None = None) -> Report:
        """The report as of `now`, by default the newest event. Nothing may follow."""
        partition = self.partition
        now = partition.watermark if now is None else now
        parts = partition.parts(now, everything=True)
        self._take(partition.finished())
        for contact in partition.contacts.values():
            self._take(records_of(contact))
        views = [self._view(part) for part in sorted_parts(parts)]
        return report(views, partition.counts, now, self._peaks.by_queue())

    def _view(self, part: QueuePart) -> QueueView:
        rules = self._rules.queue(part.queue, part.channel)
        fields = {name: getattr(part, name) for name in QueuePart.__slots__}
        return QueueView(rules=rules, **fields)


def sorted_parts(parts: Iterable[QueuePart]) -> list[QueuePart]:
    """Parts in the order of queue and channel."""
    return sorted(parts, key=lambda part: (part.queue, part.channel))
