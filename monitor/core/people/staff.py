"""All people of one partition: what they and their contacts say becomes seconds.

Rule: only differences are booked. All sums hold everybody's time up to one instant,
`accrued`; when a timeline changes, what it differs by before that instant is added and
taken back, and what comes after it is added when time passes. So a look costs as much
as there are queues and states, and a change as much as there are panes since then.

Lateness is judged by the feeds' own newest instants, never by a clock. Contacts were
judged by their own log already, so memory reaches further back than the horizon.
"""

from collections.abc import Iterable, Sequence

from monitor.core.calendar import LocalDays
from monitor.core.people.engagement import Engagement, Telling
from monitor.core.people.events import AgentEvent, AgentKind
from monitor.core.people.group import Group
from monitor.core.people.groups import Groups
from monitor.core.people.parts import GroupPart, PersonPart, StaffCounts, StaffPart
from monitor.core.people.person import MAX_CONTACTS, Person, stretches
from monitor.core.people.rules import StaffRules
from monitor.core.people.states import UNKNOWN, Span
from monitor.core.people.timeline import since_of, span_at, with_past
from monitor.core.rules import QueueRules
from monitor.core.timers import Timers

OTHER_REASON = "other"
FRESH_PANES = 1_000
"""So many panes of a group wait for a look; it bounds memory and changes no number."""


class StaffPartition:
    """The people whose events one source partition holds."""

    def __init__(self, rules: StaffRules) -> None:
        """Nobody is known yet."""
        self.rules = rules
        self.counts = StaffCounts()
        self.people: dict[str, Person] = {}
        self.said_at = 0
        """The newest instant of the agents' feed; 0: none."""
        self.contacts_at = 0
        """The newest instant of the contacts' feed; 0: none."""
        self.accrued = 0
        """All sums hold everybody's time before this instant."""
        day = QueueRules(
            timezone=rules.timezone, day_start_minutes=rules.day_start_minutes
        )
        self.groups = Groups(rules.rules, day)
        self._days = LocalDays(rules.timezone, rules.day_start_minutes)
        self._base_at = 0
        self._changed: dict[str, Person] = {}
        self._changes: Timers[Person] = Timers()
        """People by the next change of their timeline after `accrued`."""
        self._engaged: dict[str, tuple[str, ...]] = {}
        """Who is in what a contact said last, by contact."""
        self._reasons: set[str] = set()

    # -- what is fed ------------------------------------------------------------

    def apply(self, events: Iterable[AgentEvent], now: int) -> Sequence[int]:
        """Take what people said; `now` bounds how far ahead it may be.

        An event more than `future_ms` after `now` is taken as of `now`. Returns the
        positions of those that were refused: more than one person may say.
        """
        rules, counts = self.rules.rules, self.counts
        limit = now + rules.future_ms
        refused = []
        for position, event in enumerate(events):
            counts.read += 1
            if event.at > limit:
                event = event._replace(at=now)  # noqa: PLW2901 - the clamped event
                counts.future += 1
            if event.at < max(self.said_at - rules.horizon_ms, self._base_at):
                counts.late += 1
                continue
            if event.at > self.said_at:
                self.said_at = event.at
                self._move_base()
            if event.kind <= AgentKind.SOURCE_STARTED:
                counts.applied += 1
            elif self._say(event) is None:
                refused.append(position)
        return refused

    def _say(self, event: AgentEvent) -> bool | None:
        counts = self.counts
        person = self._person(event.agent)
        if person is None:
            counts.folded += 1
            return False
        if event.at < person.base.at:
            counts.late += 1
            return False
        is_new = person.say(self._with_known_reason(event), self.rules)
        if is_new:
            counts.applied += 1
            self._changed[person.id] = person
        elif is_new is None:
            counts.refused += 1
        else:
            counts.duplicate += 1
        return is_new

    def _person(self, agent: str) -> Person | None:
        person = self.people.get(agent)
        if person is None and len(self.people) < self.rules.max_agents:
            person = self.people[agent] = Person(agent, self._base_at)
        return person

    def _with_known_reason(self, event: AgentEvent) -> AgentEvent:
        reason = event.reason
        if not reason or reason in self._reasons:
            return event
        if len(self._reasons) >= self.rules.max_reasons:
            return event._replace(reason=OTHER_REASON)
        self._reasons.add(reason)
        return event

    def take(self, tellings: Iterable[Telling], watermark: int) -> None:
        """Take what contacts say of people; each replaces what it said before.

        `watermark` is the newest instant of the log that the contacts come from.
        """
        for telling in tellings:
            self._take(telling)
        if watermark > self.contacts_at:
            self.contacts_at = watermark
            self._move_base()

    def _take(self, telling: Telling) -> None:
        contact = telling.contact
        by_agent: dict[str, list[Engagement]] = {}
        for engagement in telling.engagements:
            by_agent.setdefault(engagement.agent, []).append(engagement)
        before = self._engaged.pop(contact, ())
        for agent in dict.fromkeys((*before, *by_agent)):
            person = self._person(agent)
            if person is None or (
                contact not in person.contacts and len(person.contacts) >= MAX_CONTACTS
            ):
                self.counts.unengaged += 1
                by_agent.pop(agent, None)
                continue
            self._engage(person, contact, by_agent.get(agent, []))
            if telling.final:
                person.release(contact, self._days)
        if by_agent and not telling.final:
            self._engaged[contact] = tuple(by_agent)

    def _engage(self, person: Person, contact: str, told: list[Engagement]) -> None:
        """Replace what the contact says of a person; the part beyond memory stays."""
        since = max(self._base_at, person.base.at)
        old = {each.visit: each for each in person.contacts.get(contact, ())}
        new = {each.visit: each for each in told}
        result = []
        for visit in old.keys() | new.keys():
            past = old.get(visit)
            engagement = new.get(visit) or old[visit]._replace(marks=(), handled_at=0)
            marks = with_past(past.marks if past else (), engagement.marks, since)
            if marks != engagement.marks:
                self.counts.clipped += 1
                engagement = engagement._replace(marks=marks)
            if marks or engagement.handled_at:
                result.append(engagement)
        result.sort()
        if tuple(result) == person.contacts.get(contact, ()):
            return
        if result:
            person.contacts[contact] = tuple(result)
        else:
            person.contacts.pop(contact, None)
        self._changed[person.id] = person

    def _move_base(self) -> None:
        """Let memory begin later: both feeds are a while beyond it, or one far."""
        newest = max(self.said_at, self.contacts_at)
        slower = min(self.said_at, self.contacts_at) or newest
        apart = self.rules.feeds_apart_ms
        past = max(slower, newest - apart) - 2 * self.rules.rules.horizon_ms
        self._base_at = max(self._base_at, past)

    # -- time -------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Let time pass up to `now`; an earlier one than before counts as that."""
        self._rebuild()
        start, now = self.accrued, max(self.accrued, now)
        due = dict.fromkeys(self._changes.pop_before(now + 1))
        for group in self.groups.all():
            group.pass_time(start, now)
        for person in due:
            person.due = 0
            if person.counted is not None:
                self.groups.book(person.counted, -1, start, now, now)
            for span, begin, end in stretches(person.spans, start, now):
                self.groups.book(span, 1, begin, end, now)
            self._count(person, now)
        self.accrued = now
        for group in self.groups.all():
            if len(group.fresh) > FRESH_PANES:
                group.settle(now)

    def _rebuild(self) -> None:
        changed, self._changed = self._changed, {}
        accrued = self.accrued
        slack = self.rules.rules.horizon_ms // 2
        for person in changed.values():
            old = person.spans
            person.spans = person.rebuilt(self.rules)
            first = _first_difference(old, person.spans)
            for spans, sign in ((old, -1), (person.spans, 1)):
                for span, begin, end in stretches(spans, first, accrued):
                    self.groups.book(span, sign, begin, end, accrued)
            self._count(person, accrued)
            # What the sums don't hold yet must stay in memory.
            crowded = person.crowded_before()
            cut = min(max(self._base_at, crowded), accrued)
            if crowded or cut - person.base.at > slack:
                person.forget_before(cut, self.rules, self._days)
                person.drop_days(self._days.start_of(cut))

    def _count(self, person: Person, at: int) -> None:
        """Count the person in the state of the instant `at`, and wait for the next."""
        index = span_at(person.spans, at)
        span = person.spans[index] if index >= 0 else None
        if span != person.counted:
            for counted, sign in ((person.counted, -1), (span, 1)):
                if counted is not None:
                    self.groups.move(counted, sign)
            person.counted = span
        if index + 1 < len(person.spans):
            change = person.spans[index + 1].at
            if person.due != change:
                person.due = change
                self._changes.push(change, person)

    def drop_changes(self) -> None:
        """Let go of what a checkpoint would take away: nobody makes this durable."""
        for group in self.groups.all():
            group.panes.dirty.clear()

    # -- what others read -------------------------------------------------------

    def part(self, now: int) -> StaffPart:
        """Everything but the single people, as of `now`."""
        self.advance(now)
        for group in self.groups.all():
            group.settle(self.accrued)
        queues = sorted(self.groups.queues.values(), key=lambda group: group.name)
        return StaffPart(
            now=self.accrued,
            everybody=_part_of(self.groups.everybody),
            queues=[_part_of(group) for group in queues],
            counts=self.counts,
        )

    def persons(self) -> list[PersonPart]:
        """Every person as of the last `part` or `advance`, by id."""
        # Of some, all that was ever heard was taken back.
        known = (each for each in self.people.values() if each.spans or each.contacts)
        return [self._person_part(p) for p in sorted(known, key=lambda p: p.id)]

    def _person_part(self, person: Person) -> PersonPart:
        sums = person.sums(self.accrued, self._days)
        index = span_at(person.spans, self.accrued)
        span = person.spans[index] if index >= 0 else Span(0, UNKNOWN, "", ())
        today = self._days.start_of(self.accrued)
        return PersonPart(
            agent=person.id,
            state=span.state,
            reason=span.reason,
            since=since_of(person.spans, index, person.base) if index >= 0 else 0,
            queues=span.queues,
            total=sums.total,
            today=sums.days.get(today, {}),
        )


def _part_of(group: Group) -> GroupPart:
    return GroupPart(
        name=group.name,
        states=group.states(),
        away=group.away(),
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
