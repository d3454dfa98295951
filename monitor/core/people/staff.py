"""All people of one partition: what they and their contacts say becomes seconds.

Rule: only differences are booked. All sums hold everybody's time up to one instant,
`accrued`; when a timeline changes, what it differs by before that instant is added and
taken back, and what comes after it is added when time passes. So a look costs as much
as there are queues and states, and a change as much as there are panes since then.

What takes long goes in slices: between two of them nothing may be fed, read or made
durable.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

from monitor.core.calendar import LocalDays
from monitor.core.people.engagement import Telling
from monitor.core.people.events import AgentEvent
from monitor.core.people.group import Group
from monitor.core.people.groups import Groups
from monitor.core.people.memory import Memory
from monitor.core.people.parts import GroupPart, PersonPart, StaffCounts, StaffPart
from monitor.core.people.person import Person, stretches
from monitor.core.people.plan import NEVER
from monitor.core.people.rules import StaffRules
from monitor.core.people.states import UNKNOWN, Span
from monitor.core.people.timeline import since_of, span_at
from monitor.core.rules import QueueRules
from monitor.core.timers import Timers

MAX_BOOKED = 1_000
"""So much of a group waits for a look; it bounds memory and changes no number."""
PEOPLE_IN_SLICE = 10
"""People whose timelines are made anew, or shown, before others get a turn."""
GROUPS_IN_SLICE = 10
T = TypeVar("T")


class StaffPartition:
    """The people whose events one source partition holds."""

    def __init__(self, rules: StaffRules, sources: int = 1) -> None:
        """Nobody is known yet; contacts come from so many source partitions."""
        self.rules = rules
        self.memory = Memory(rules, sources)
        self.accrued = 0
        """All sums hold everybody's time before this instant."""
        day = QueueRules(
            timezone=rules.timezone, day_start_minutes=rules.day_start_minutes
        )
        self.groups = Groups(rules.rules, day)
        self._days = LocalDays(rules.timezone, rules.day_start_minutes)
        self._changes: Timers[Person] = Timers()
        """People by the next change of their timeline after `accrued`."""

    @property
    def people(self) -> dict[str, Person]:
        """Everybody by id."""
        return self.memory.people

    @property
    def counts(self) -> StaffCounts:
        """What became of what was fed."""
        return self.memory.counts

    # -- what is fed ------------------------------------------------------------

    def apply(self, events: Iterable[AgentEvent], now: int) -> Sequence[int]:
        """Take what people said, see `Memory.apply`."""
        return self.memory.apply(events, now)

    def take(
        self, tellings: Iterable[Telling], watermark: int, source: int = 0
    ) -> None:
        """Take what the contacts of a source partition say, see `Memory.take`."""
        self.memory.take(tellings, watermark, source)

    # -- time -------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Let time pass up to `now`; an earlier one than before counts as that."""
        for _ in self.passing(now):
            pass

    def passing(self, now: int) -> Iterator[None]:
        """Do as `advance` does, a slice of a few milliseconds at each step."""
        yield from self.settling()
        start, now = self.accrued, max(self.accrued, now)
        due = dict.fromkeys(self._changes.pop_before(now + 1))
        for some in _slices(list(self.groups.all()), GROUPS_IN_SLICE):
            for group in some:
                group.pass_time(start, now)
            yield
        for people in _slices(due, PEOPLE_IN_SLICE):
            for person in people:
                person.due = 0
                if person.complete_until <= now:
                    person.rebuild(self.rules, now)
                    # Of who says nothing, what is too old is folded away by this.
                    self.memory.changed[person.id] = person
                if person.counted is not None:
                    self.groups.book(person.counted, -1, start, now, now)
                for span, begin, end in stretches(person.spans, start, now):
                    self.groups.book(span, 1, begin, end, now)
                self._count(person, now)
            yield
        self.accrued = now
        yield from self.groups.distributing()
        for group in list(self.groups.all()):
            if len(group.booked) > MAX_BOOKED:
                group.settle(now)
                yield

    def settling(self) -> Iterator[None]:
        """Make the timelines of what changed anew, a slice at each step.

        Then all sums are those of what is in memory, up to `accrued`.
        """
        changed, self.memory.changed = self.memory.changed, {}
        for people in _slices(changed.values(), PEOPLE_IN_SLICE):
            for person in people:
                self._rebuild(person)
            yield
        yield from self.groups.distributing()

    def _rebuild(self, person: Person) -> None:
        accrued = self.accrued
        old = person.rebuild(self.rules, accrued)
        first = _first_difference(old, person.spans)
        if first < accrued:
            for spans, sign in ((old, -1), (person.spans, 1)):
                for span, begin, end in stretches(spans, first, accrued):
                    self.groups.book(span, sign, begin, end, accrued)
        self._count(person, accrued)
        # What the sums don't hold yet must stay in memory.
        self.memory.fold_away(person, accrued)

    def _count(self, person: Person, at: int) -> None:
        """Count the person in the state of the instant `at`, and wait for the next."""
        spans = person.spans
        index = span_at(spans, at)
        span = spans[index] if index >= 0 else None
        person.since = since_of(spans, index, person.base) if span else 0
        if span != person.counted:
            for counted, sign in ((person.counted, -1), (span, 1)):
                if counted is not None:
                    self.groups.move(counted, sign)
            person.counted = span
        change = spans[index + 1].at if index + 1 < len(spans) else NEVER
        change = min(change, person.complete_until)
        if change not in (NEVER, person.due):
            person.due = change
            self._changes.push(change, person)

    def drop_changes(self) -> None:
        """Let go of what a checkpoint would take away: nobody makes this durable."""
        for group in self.groups.all():
            group.panes.dirty.clear()
        self.memory.take_dirty()

    def restored(self) -> None:
        """Go on from what was put back: people, panes and `accrued`."""
        for group in self.groups.all():
            group.panes.advance(self.accrued)
        for person in self.people.values():
            person.rebuild(self.rules, self.accrued)
            self._count(person, self.accrued)

    # -- what others read -------------------------------------------------------

    def part(self, now: int) -> StaffPart:
        """Everything but the single people, as of `now`."""
        parts = list(chain.from_iterable(self.part_slices(now, everything=True)))
        everybody = next(part for part in parts if not part.name)
        queues = sorted((p for p in parts if p.name), key=lambda part: part.name)
        return StaffPart(
            now=self.accrued, everybody=everybody, queues=queues, counts=self.counts
        )

    def part_slices(self, now: int, *, everything: bool) -> Iterator[list[GroupPart]]:
        """The parts of all groups at `now`, a slice at each step.

        Without `everything` only of groups in which somebody's state changed since the
        last call; sums change all the time.
        """
        for _ in self.passing(now):
            yield []
        if everything:
            for _ in self._looking_for_oldest():
                yield []
        for groups in _slices(list(self.groups.all()), GROUPS_IN_SLICE):
            result = []
            for group in groups:
                if everything or group.changed:
                    group.changed = False
                    group.settle(self.accrued)
                    result.append(_part_of(group))
            yield result

    def _looking_for_oldest(self) -> Iterator[None]:
        """Who has been in each state for the longest time."""
        for group in self.groups.all():
            group.oldest = {}
        for people in _slices(self.people.values(), PEOPLE_IN_SLICE):
            for person in people:
                if person.counted is not None and person.since:
                    self.groups.look(person.counted, person.since)
            yield

    def persons(self) -> list[PersonPart]:
        """Every person as of the last `part` or `advance`, by id."""
        return sorted(
            chain.from_iterable(self.person_slices()), key=lambda part: part.agent
        )

    def person_slices(self) -> Iterator[list[PersonPart]]:
        """The same in any order, a slice at each step.

        Between two steps things may be fed and time may pass: each person is complete.
        """
        for people in _slices(list(self.people.values()), PEOPLE_IN_SLICE):
            # Of some, all that was ever heard was taken back.
            yield [
                self._person_part(person)
                for person in people
                if person.spans or person.contacts or person.past.total
            ]

    def _person_part(self, person: Person) -> PersonPart:
        sums = person.sums(self.accrued, self._days)
        span = person.counted or Span(0, UNKNOWN, "", ())
        today = self._days.start_of(self.accrued)
        return PersonPart(
            agent=person.id,
            state=span.state,
            reason=span.reason,
            since=person.since,
            queues=span.queues,
            total=sums.total,
            today=sums.days.get(today, {}),
        )


def _part_of(group: Group) -> GroupPart:
    states = group.states()
    return GroupPart(
        name=group.name,
        states=states,
        away=group.away(),
        oldest={state: at for state, at in group.oldest.items() if states[state]},
        windows=group.panes.windows(),
        total=dict(group.panes.total),
    )


def _first_difference(old: Sequence[Span], new: Sequence[Span]) -> int:
    """The instant up to which both are the same."""
    for before, after in zip(old, new, strict=False):
        if before != after:
            return min(before.at, after.at)
    shorter = min(len(old), len(new))
    rest = [*old[shorter : shorter + 1], *new[shorter : shorter + 1]]
    return rest[0].at if rest else 1 << 62


def _slices(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some
