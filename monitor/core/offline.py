"""A recording through the core alone: the same fold as live, without Kafka.

Rule: one partition, event time, nothing else. What live can only see as it happens (the
most contacts that waited at once) is exact here, because every visit is known.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from monitor.core.contact import TOO_MANY_EVENTS
from monitor.core.events import Event
from monitor.core.partition import Partition
from monitor.core.people.events import AgentEvent
from monitor.core.people.following import all_told
from monitor.core.people.parts import GroupPart, StaffCounts
from monitor.core.people.report import add_people
from monitor.core.people.rules import StaffRules
from monitor.core.people.staff import StaffPartition
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

    def __init__(self, rules: Rules, staff_rules: StaffRules | None = None) -> None:
        """Nothing is read yet; `staff_rules` are made of `rules` if there are none."""
        self.partition = Partition(rules)
        self.staff = StaffPartition(staff_rules or StaffRules(rules=rules))
        self.visits: list[VisitRecord] = []
        """Final visits that nobody took yet."""
        self._rules = rules
        self._peaks = Peaks()

    @property
    def counts(self) -> PartitionCounts:
        """What became of the records; the reader adds those that gave no event."""
        return self.partition.counts

    def fold(self, events: Iterable[Event | AgentEvent]) -> None:
        """Apply events; now is the newest event so far."""
        partition, staff = self.partition, self.staff
        for chunk in self._chunks(events):
            newest = max(event.at for event in chunk)
            partition.apply([e for e in chunk if isinstance(e, Event)], newest)
            partition.advance(partition.watermark)
            self._take(partition.finished())
            staff.apply([e for e in chunk if isinstance(e, AgentEvent)], newest)
            self._tell()
            staff.advance(self.newest_at)
            drop_changes(partition)
            staff.drop_changes()

    def _chunks(
        self, events: Iterable[Event | AgentEvent]
    ) -> Iterator[list[Event | AgentEvent]]:
        """Events in chunks that are short in time, too.

        People hear of contacts after each chunk, and memory must reach that far.
        """
        longest = self._rules.horizon_ms // 3
        chunk: list[Event | AgentEvent] = []
        for event in events:
            if chunk and (len(chunk) >= CHUNK or event.at > chunk[0].at + longest):
                yield chunk
                chunk = []
            chunk.append(event)
        if chunk:
            yield chunk

    @property
    def newest_at(self) -> int:
        """The newest event's instant; 0: there was none."""
        return max(self.partition.watermark, self.staff.memory.said_at)

    def _tell(self) -> None:
        """Let people hear of the contacts that changed."""
        partition = self.partition
        dirty, partition.dirty = partition.dirty, {}
        tellings = all_told(partition.gone.words(), dirty.values())
        self.staff.take(tellings, partition.watermark)

    def _take(self, visits: list[VisitRecord]) -> None:
        self._peaks.add(visits)
        self.visits += visits

    def close(self, now: int | None = None) -> Report:
        """The report as of `now`, by default the newest event. Nothing may follow."""
        partition = self.partition
        now = self.newest_at if now is None else now
        parts = partition.parts(now, everything=True)
        self._tell()
        staff = self.staff.part(now)
        self._take(partition.finished())
        for contact in partition.contacts.values():
            self._take(records_of(contact))
        parts += _served_only(parts, staff.queues)
        groups = {group.name: group for group in staff.queues}
        views = [self._view(part, groups) for part in sorted_parts(parts)]
        counts = _all_counts(partition.counts, staff.counts)
        numbers = report(views, counts, now, self._peaks.by_queue())
        return add_people(numbers, staff, self.staff.persons())

    def _view(self, part: QueuePart, groups: Mapping[str, GroupPart]) -> QueueView:
        rules = self._rules.queue(part.queue, part.channel)
        fields = {name: getattr(part, name) for name in QueuePart.__slots__}
        people = groups.get(part.queue, GroupPart(name=part.queue))
        return QueueView(rules=rules, people=people, **fields)


def sorted_parts(parts: Iterable[QueuePart]) -> list[QueuePart]:
    """Parts in the order of queue and channel."""
    return sorted(parts, key=lambda part: (part.queue, part.channel))


def _served_only(
    parts: Iterable[QueuePart], groups: Iterable[GroupPart]
) -> list[QueuePart]:
    """Queues that people serve and that no contact has come to yet."""
    known = {part.queue for part in parts}
    return [
        QueuePart(
            queue=group.name,
            channel="voice",
            windows={name: {} for name in group.windows},
        )
        for group in groups
        if group.name not in known
    ]


def _all_counts(contacts: PartitionCounts, staff: StaffCounts) -> PartitionCounts:
    """What became of all records, of contacts and of people."""
    refused = dict(contacts.dead_letters)
    if staff.refused:
        refused[TOO_MANY_EVENTS] = refused.get(TOO_MANY_EVENTS, 0) + staff.refused
    return replace(
        contacts,
        read=contacts.read + staff.read,
        applied=contacts.applied + staff.applied,
        duplicate=contacts.duplicate + staff.duplicate,
        late=contacts.late + staff.late,
        ignored=contacts.ignored + staff.folded,
        dead_letters=refused,
    )
