"""Durable rows of a partition's people, and back.

Rule: as in `wire.state`: a row is absolute, the last one of a key wins, no value means
gone, and one transaction writes all rows of a checkpoint with the meta row, which holds
the version and the offsets of both logs.

Keys: `m`; `p` + agent; `c` + contact for what contacts say that aren't final; `f` +
number for what final ones said, as long as memory needs it; `q` + JSON `[queue, kind,
number]` of a pane, queue `""` for everybody.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

import orjson

from monitor.core.people.engagement import Engagement
from monitor.core.people.events import AgentEvent, Interval
from monitor.core.people.group import Group
from monitor.core.people.memory import Dirty, Memory
from monitor.core.people.person import Person, Sums
from monitor.core.people.rules import StaffRules
from monitor.core.people.said import Said
from monitor.core.people.staff import StaffPartition
from monitor.core.people.timeline import Base
from monitor.wire.errors import WireError
from monitor.wire.migrations import META_KEY, migrated

VERSION = 1
"""The version of these rows that this release writes."""
ROWS_IN_SLICE = 500
Row = tuple[bytes, bytes | None]
_AGENT = AgentEvent._fields.index("agent")
_INTERVALS = AgentEvent._fields.index("intervals")
_dumps = orjson.dumps


def row_slices(
    staff: StaffPartition, owner: str, offsets: Mapping[str, int]
) -> Iterator[list[Row]]:
    """Every row that changed since the last call, the meta row last.

    In slices that take a few milliseconds each; the partition must not change before
    the last one was made. `offsets` are the next ones of the logs, by name.
    """
    for _ in staff.settling():
        yield []
    dirty = staff.memory.take_dirty()
    rows = _memory_rows(staff.memory, dirty)
    while some := list(islice(rows, ROWS_IN_SLICE)):
        yield some
    pane_rows = (
        row for group in staff.groups.all() for row in _pane_rows(group, staff)
    )
    while some := list(islice(pane_rows, ROWS_IN_SLICE)):
        yield some
    yield [(META_KEY, _meta_row(staff, owner, offsets))]


def _memory_rows(memory: Memory, dirty: Dirty) -> Iterator[Row]:
    for agent in dirty.people:
        yield b"p" + agent.encode(), _person_row(memory.people[agent])
    for contact in dirty.contacts:
        told = [
            tuple(each)
            for agent in memory.engaged.get(contact, ())
            for each in memory.people[agent].contacts[contact]
        ]
        yield b"c" + contact.encode(), _dumps(told) if told else None
    for number, engagement in dirty.closed.items():
        yield b"f%d" % number, _dumps(tuple(engagement)) if engagement else None


def _person_row(person: Person) -> bytes:
    events = [_event_fields(event) for event in person.events]
    days = {str(day): tally for day, tally in person.past.days.items()}
    return _dumps([_base_fields(person.base), events, person.past.total, days])


def _base_fields(base: Base) -> tuple[Any, ...]:
    """Plain tuples all through, see `_event_fields`."""
    return tuple(base._replace(plan=tuple(map(tuple, base.plan))))  # type: ignore[arg-type]


def _event_fields(event: AgentEvent) -> list[Any]:
    """Without the agent; orjson takes plain tuples only."""
    fields: list[Any] = list(event)
    fields[_INTERVALS] = [tuple(interval) for interval in event.intervals]
    del fields[_AGENT]
    return fields


def _pane_rows(group: Group, staff: StaffPartition) -> Iterator[Row]:
    group.settle(staff.accrued)
    changed, group.panes.dirty = group.panes.dirty, set()
    for kind, number in changed:
        tally = group.panes.row(kind, number)
        key = b"q" + _dumps([group.name, kind, number])
        yield key, _dumps(tally) if tally else None


def _meta_row(staff: StaffPartition, owner: str, offsets: Mapping[str, int]) -> bytes:
    memory = staff.memory
    return _dumps(
        {
            "v": VERSION,
            "app": owner,
            "next": dict(offsets),
            "accrued": staff.accrued,
            "said": memory.said_at,
            "heard": {str(source): at for source, at in memory.heard_at.items()},
            "base": memory.base_at,
            "reasons": sorted(memory.reasons),
            "closed": memory.next_closed,
            "counts": asdict(memory.counts),
        }
    )


class Restored:
    """A partition's people as the last checkpoint left them."""

    def __init__(
        self, rules: StaffRules, sources: int, rows: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """From the last row of each key; no rows give nobody.

        Raises `UnknownStateVersion`, and `WireError` for rows that no release wrote.
        """
        self.staff = StaffPartition(rules, sources)
        self.owner = ""
        """Name of the app whose state it is; empty if there is none."""
        self.offsets: dict[str, int] = {}
        """The next ones of the logs, by name."""
        found = dict(rows)
        if not found:
            return
        if META_KEY not in found:
            raise WireError("the people's durable state has rows but no meta row")
        found = migrated(found, {}, VERSION)
        self._restore_meta(orjson.loads(found.pop(META_KEY)))
        restore: dict[bytes, Callable[[bytes, Any], None]] = {
            b"p": self._restore_person,
            b"c": self._restore_contact,
            b"f": self._restore_closed,
            b"q": self._restore_pane,
        }
        # People first: contacts are theirs.
        for key, value in sorted(found.items(), key=lambda row: row[0][:1] != b"p"):
            if key[:1] not in restore:
                raise WireError(f"a row of the people has the unknown key {key!r}")
            restore[key[:1]](key[1:], orjson.loads(value))
        self.staff.restored()

    def _restore_meta(self, meta: dict[str, Any]) -> None:
        self.owner, self.offsets = meta["app"], meta["next"]
        self.staff.accrued = meta["accrued"]
        memory = self.staff.memory
        memory.said_at, memory.base_at = meta["said"], meta["base"]
        memory.heard_at = {int(source): at for source, at in meta["heard"].items()}
        memory.reasons = set(meta["reasons"])
        memory.next_closed = meta["closed"]
        for name, count in meta["counts"].items():
            setattr(memory.counts, name, count)

    def _restore_person(self, key: bytes, content: list[Any]) -> None:
        base, events, total, days = content
        agent = key.decode()
        person = Person(agent, 0)
        person.base = _base(base)
        person.put_back([_event(agent, fields) for fields in events])
        person.past = Sums()
        person.past.total = total
        person.past.days = {int(day): tally for day, tally in days.items()}
        self.staff.people[agent] = person

    def _restore_contact(self, key: bytes, content: list[list[Any]]) -> None:
        contact = key.decode()
        by_agent: dict[str, list[Engagement]] = {}
        for told in content:
            engagement = _engagement(told)
            by_agent.setdefault(engagement.agent, []).append(engagement)
        for agent, each in by_agent.items():
            self.staff.people[agent].contacts[contact] = tuple(each)
        self.staff.memory.engaged[contact] = tuple(by_agent)

    def _restore_closed(self, key: bytes, content: list[Any]) -> None:
        engagement = _engagement(content)
        self.staff.people[engagement.agent].closed[int(key)] = engagement

    def _restore_pane(self, key: bytes, tally: dict[str, int]) -> None:
        name, kind, number = orjson.loads(key)
        self.staff.groups.named(name).panes.restore(kind, number, tally)


def _base(fields: list[Any]) -> Base:
    base = Base(*fields)
    return base._replace(
        said=Said(base.said),
        announced=tuple(base.announced),
        worked=tuple(base.worked),
        shown=(base.shown[0], base.shown[1]),
        slots=tuple((channel, count) for channel, count in base.slots),
        plan=tuple(Interval(*interval) for interval in base.plan),
    )


def _event(agent: str, fields: list[Any]) -> AgentEvent:
    event = AgentEvent._make([*fields[:_AGENT], agent, *fields[_AGENT:]])
    return event._replace(
        queues=tuple(event.queues),
        slots=tuple((channel, count) for channel, count in event.slots),
        intervals=tuple(Interval(*interval) for interval in event.intervals),
    )


def _engagement(fields: list[Any]) -> Engagement:
    engagement = Engagement(*fields)
    marks = tuple((at, state) for at, state in engagement.marks)
    return engagement._replace(marks=marks)
