"""What is remembered of people: what they said, and what contacts say of them.

Rule: it depends on what was fed alone, never on a clock or on when somebody looked.
Lateness of what people say is judged by their own feed's newest instant. Contacts were
judged by their own logs already, so memory reaches a horizon further back than the
slowest feed: what comes from it still finds its place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from monitor.core.calendar import LocalDays
from monitor.core.people.engagement import Engagement, Telling
from monitor.core.people.events import AgentEvent, AgentKind
from monitor.core.people.parts import StaffCounts
from monitor.core.people.person import MAX_CONTACTS, NOTHING_CHANGED, Person
from monitor.core.people.rules import StaffRules
from monitor.core.people.timeline import with_past

OTHER_REASON = "other"


@dataclass(slots=True)
class Dirty:
    """What changed since a checkpoint was taken."""

    people: set[str] = field(default_factory=set)
    """Whose base, events or final sums are others."""
    contacts: set[str] = field(default_factory=set)
    """What contacts say that aren't final."""
    closed: dict[int, Engagement | None] = field(default_factory=dict)
    """What final contacts said, by number; None: it is folded away."""

    def __bool__(self) -> bool:
        return bool(self.people or self.contacts or self.closed)


class Memory:
    """The people of one partition, and what isn't folded away of them."""

    def __init__(self, rules: StaffRules, sources: int = 1) -> None:
        """Nobody is known yet; contacts come from so many source partitions."""
        self.rules = rules
        self.counts = StaffCounts()
        self.people: dict[str, Person] = {}
        self.changed: dict[str, Person] = {}
        """People whose timeline must be made anew."""
        self.engaged: dict[str, tuple[str, ...]] = {}
        """Who is in what a contact says, by contact."""
        self.said_at = 0
        """The newest instant of what people said; 0: none."""
        self.heard_at: dict[int, int] = {}
        """The newest instant of each contacts' source partition that was heard."""
        self.base_at = 0
        """Memory may begin here: nothing older can come."""
        self.reasons: set[str] = set()
        """Reasons of being away that are told apart."""
        self.next_closed = 0
        """Number of the next engagement that becomes final."""
        self.dirty = Dirty()
        self._days = LocalDays(rules.timezone, rules.day_start_minutes)
        self._sources = sources

    @property
    def newest_at(self) -> int:
        """The newest instant of any feed; 0: none."""
        return max([self.said_at, *self.heard_at.values()])

    # -- what people say ----------------------------------------------------------

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
            if event.at < self.said_at - rules.horizon_ms:
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
        if person.is_full:
            counts.refused += 1
            self.changed[person.id] = person  # to fold away what has become too old
            return None
        if not person.say(self._with_known_reason(event), self.rules):
            counts.duplicate += 1
            return False
        counts.applied += 1
        self.changed[person.id] = person
        self.dirty.people.add(person.id)
        return True

    def _person(self, agent: str) -> Person | None:
        person = self.people.get(agent)
        if person is None and len(self.people) < self.rules.max_agents:
            person = self.people[agent] = Person(agent, self.base_at)
            self.dirty.people.add(agent)
        return person

    def _with_known_reason(self, event: AgentEvent) -> AgentEvent:
        reason = event.reason
        if not reason or reason in self.reasons:
            return event
        if len(self.reasons) >= self.rules.max_reasons:
            return event._replace(reason=OTHER_REASON)
        self.reasons.add(reason)
        return event

    # -- what contacts say --------------------------------------------------------

    def take(
        self, tellings: Iterable[Telling], watermark: int, source: int = 0
    ) -> None:
        """Take what contacts say of people; each replaces what it said before.

        `watermark` is the newest instant of the source partition's log.
        """
        for telling in tellings:
            self._take(telling)
        if watermark > self.heard_at.get(source, -1):
            self.heard_at[source] = watermark
            self._move_base()

    def _take(self, telling: Telling) -> None:
        contact = telling.contact
        engaged = self.engaged.get(contact, ())
        if not telling.unchanged:
            engaged = self._engage_all(contact, engaged, telling.engagements)
        if telling.final:
            self._close(contact, engaged)

    def _engage_all(
        self, contact: str, before: tuple[str, ...], told: Iterable[Engagement]
    ) -> tuple[str, ...]:
        """Replace what the contact says; returns who is engaged in it from now on."""
        by_agent: dict[str, list[Engagement]] = {agent: [] for agent in before}
        for engagement in told:
            by_agent.setdefault(engagement.agent, []).append(engagement)
        engaged = []
        for agent, each in by_agent.items():
            person = self._person(agent)
            if person is None or (
                contact not in person.contacts and len(person.contacts) >= MAX_CONTACTS
            ):
                self.counts.unengaged += 1
                continue
            self._engage(person, contact, each)
            if contact in person.contacts:
                engaged.append(agent)
        if engaged:
            self.engaged[contact] = tuple(engaged)
        else:
            self.engaged.pop(contact, None)
        return tuple(engaged)

    def _engage(self, person: Person, contact: str, told: list[Engagement]) -> None:
        """Replace what the contact says of a person; the part beyond memory stays."""
        since = max(self.base_at, person.base.at)
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
        now = {each.visit: each for each in result}
        for visit in old.keys() | now.keys():
            person.changes(_first_change(old.get(visit), now.get(visit)))
        self.changed[person.id] = person
        self.dirty.contacts.add(contact)

    def _close(self, contact: str, engaged: Iterable[str]) -> None:
        """Nothing will follow: what the contact said is final."""
        for agent in engaged:
            person = self.people[agent]
            closed = person.release(contact, self._days, self.next_closed)
            self.next_closed += len(closed)
            self.dirty.closed |= closed
            self.dirty.people.add(agent)
        if self.engaged.pop(contact, ()):
            self.dirty.contacts.add(contact)

    def _move_base(self) -> None:
        """Let memory begin later: every feed is two horizons beyond it."""
        if len(self.heard_at) < self._sources:
            return  # the slowest one is still to be heard
        feeds = [at for at in (self.said_at, min(self.heard_at.values())) if at]
        past = min(feeds, default=0) - 2 * self.rules.rules.horizon_ms
        self.base_at = max(self.base_at, past)

    def take_dirty(self) -> Dirty:
        """What changed since the last call."""
        taken, self.dirty = self.dirty, Dirty()
        return taken

    # -- what is too old ------------------------------------------------------------

    def fold_away(self, person: Person, until: int) -> None:
        """Forget what is older than memory need be, at most up to `until`.

        Call it when the person's spans are those of what is in memory.
        """
        crowded = person.crowded_before()
        cut = min(max(self.base_at, crowded), until)
        slack = self.rules.rules.horizon_ms // 2
        if not crowded and cut - person.base.at <= slack:
            return
        if cut <= person.base.at:
            return
        gone = person.forget_before(cut, self.rules, self._days)
        person.drop_days(self._days.start_of(cut))
        self.dirty.closed |= dict.fromkeys(gone)
        self.dirty.people.add(person.id)


def _first_change(old: Engagement | None, new: Engagement | None) -> int:
    """The instant from which on both say something else."""
    before = old.marks if old else ()
    after = new.marks if new else ()
    for one, other in zip_longest(before, after):
        if one != other:
            return min(mark[0] for mark in (one, other) if mark is not None)
    if old and new and (old.queue, old.channel) != (new.queue, new.channel):
        return before[0][0] if before else NOTHING_CHANGED
    return NOTHING_CHANGED
