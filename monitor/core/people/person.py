"""One person: what is in memory of them, and their sums.

Rule: the timeline is made anew whenever something changes, from everything in memory;
what is older than memory is folded into the base and into the sums, where it is final.
`StaffPartition` decides when; it changes no number.
"""

from bisect import bisect_left
from collections.abc import Iterable

from monitor.core.calendar import LocalDays
from monitor.core.people.engagement import Engagement
from monitor.core.people.events import AgentEvent, AgentKind
from monitor.core.people.group import key_of
from monitor.core.people.plan import NEVER, characters_of, looked_ahead
from monitor.core.people.rules import StaffRules
from monitor.core.people.states import OVER, STAFFED, Span
from monitor.core.people.timeline import Base, base_at, span_at, timeline
from monitor.core.tally import ACW, HANDLED, HOLD, TALK, Tally, add

MAX_CHARACTERS = 40_000
"""Names and ids in a person's events in memory, with `EVENT_CHARACTERS` for each event:
some 400 events. The older half of more is folded away. Their durable row must fit into
one record, six bytes a character at worst. Heartbeats that say nothing new aren't kept.
"""
EVENT_CHARACTERS = 100
BOOKMARK_MS = 120_000
"""How far the bookmark is behind what is settled: further back little changes."""
NOTHING_CHANGED = 1 << 62
MAX_CONTACTS = 1_000
"""Contacts with one person in memory: more has a robot only."""
MAX_CLOSED = 2_000
"""Final engagements of one person in memory; the older half of more is folded away."""
TRAINED = "trained_micro_days"
"""Name of the sum of training, in millionths of a day."""
_DAY_MS = 86_400_000


class Sums:
    """What one person did, since ever and by local day: today and the day before."""

    __slots__ = ("days", "total")

    def __init__(self) -> None:
        """Nothing yet."""
        self.total: Tally = {}
        self.days: dict[int, Tally] = {}

    def copy(self) -> "Sums":
        """The same sums, to be changed on their own."""
        other = Sums()
        other.total = dict(self.total)
        other.days = {day: dict(tally) for day, tally in self.days.items()}
        return other

    def add(self, at: int, tally: Tally, days: LocalDays) -> None:
        """Add what happened at `at`."""
        add(self.total, tally)
        add(self.days.setdefault(days.start_of(at), {}), tally)

    def spend(
        self, key: str, start: int, end: int, days: LocalDays, times: int = 1
    ) -> None:
        """Add the time in a state (`group.key_of`) in `[start, end)`, so many times."""
        while start < end:
            stop = min(end, days.end_of(start))
            self.add(start, {key: times * (stop - start)}, days)
            start = stop

    def drop_before(self, day: int) -> None:
        """Forget the days before the one that starts at `day`."""
        for start in [start for start in self.days if start < day]:
            del self.days[start]


class Person:
    """A person's events, contacts, timeline and sums."""

    __slots__ = (
        "base",
        "bookmark",
        "changed_at",
        "characters",
        "closed",
        "complete_until",
        "contacts",
        "counted",
        "due",
        "events",
        "id",
        "past",
        "since",
        "spans",
    )

    def __init__(self, agent: str, at: int) -> None:
        """A person of whom nothing from before `at` is known."""
        self.id = agent
        self.base = Base(at)
        self.events: list[AgentEvent] = []
        """What they said since `base.at`, in canonical order, each once."""
        self.bookmark: Base | None = None
        """A base further on, for the timeline alone; None: there is none yet."""
        self.changed_at = NOTHING_CHANGED
        """From where on the timeline isn't that of what is in memory."""
        self.characters = 0
        """What the events take, see `MAX_CHARACTERS`."""
        self.contacts: dict[str, tuple[Engagement, ...]] = {}
        """What contacts say that aren't final, by contact."""
        self.closed: dict[int, Engagement] = {}
        """What final contacts said, as long as the timeline needs it, by a number."""
        self.spans: list[Span] = []
        self.complete_until = NEVER
        """From then on `spans` lack the plan."""
        self.counted: Span | None = None
        """The span that the live counts hold; None: not counted yet."""
        self.since = 0
        """When the state that is counted began; 0: nobody knows."""
        self.due = 0
        """The next change of the timeline that has a timer; 0: none has."""
        self.past = Sums()
        """What is final: time before `base.at`, and contacts that are final."""

    def say(self, event: AgentEvent, rules: StaffRules) -> bool:
        """Remember an event; False: it is there already."""
        events = self.events
        place = bisect_left(events, event)
        if place < len(events) and events[place] == event:
            return False
        if event.id:
            for index, other in enumerate(events):
                if other.id == event.id:
                    if other < event:
                        return False
                    self.changes(other.at)
                    self._drop(index)
                    break
        events.insert(place, event)
        self.changes(event.at)
        self.characters += _characters_of(event)
        if event.kind == AgentKind.HEARTBEAT:
            self._thin_out(place, 2 * rules.heartbeat_ms)
        return True

    def _thin_out(self, place: int, silence_ms: int) -> None:
        """Drop a heartbeat between two others that leave no silence without it."""
        events = self.events
        for middle in (place + 1, place, place - 1):
            if 0 < middle < len(events) - 1:
                around = events[middle - 1 : middle + 2]
                if (
                    all(each.kind == AgentKind.HEARTBEAT for each in around)
                    and around[2].at - around[0].at <= silence_ms
                ):
                    self._drop(middle)

    def _drop(self, index: int) -> None:
        self.characters -= _characters_of(self.events.pop(index))

    def rebuild(self, rules: StaffRules, settled: int) -> list[Span]:
        """Make the timeline of what is in memory now; returns the one before.

        Changes are rarely far back: the part before the bookmark, which stays a while
        behind the instant `settled`, is made anew only if something in it changed. It
        shows the plan of a day after `settled` at least.
        """
        old, mark = self.spans, self.bookmark
        kept: list[Span] = []
        events, engagements = self.events, self.engagements()
        if mark is None or self.changed_at < mark.at or mark.at < self.base.at:
            mark = self.base
        else:
            at = mark.at
            kept = old[: bisect_left(old, (at,))]
            events = events[bisect_left(events, (at,)) :]
            engagements = [
                each
                for each in engagements
                if each.marks and (each.marks[-1][0] >= at or each.marks[-1][1] != OVER)
            ]
        until = looked_ahead(settled)
        cut = settled - BOOKMARK_MS
        if cut - mark.at <= BOOKMARK_MS:
            cut = 0
        spans, self.complete_until, mark = timeline(
            mark, events, engagements, rules, until=until, cut=cut
        )
        if kept and spans and kept[-1][1:] == spans[0][1:]:
            del spans[0]
        self.spans, self.bookmark, self.changed_at = kept + spans, mark, NOTHING_CHANGED
        return old

    def changes(self, at: int) -> None:
        """Note that something is another one from the instant `at` on."""
        self.changed_at = min(self.changed_at, at)

    def engagements(self) -> list[Engagement]:
        """What all contacts say."""
        told = [each for told in self.contacts.values() for each in told]
        return told + list(self.closed.values())

    def forget_before(self, cut: int, rules: StaffRules, days: LocalDays) -> list[int]:
        """Fold what is before `cut` into the base and the sums.

        Call it when `spans` are those of what is in memory. Returns the numbers of the
        closed engagements that are gone.
        """
        if cut <= self.base.at:
            return []
        self._spend(self.past, self.base.at, cut, days)
        engagements = self.engagements()
        _add_trained(self.past, [e for e in self.events if e.at < cut], days)
        self.base = base_at(cut, self.base, self.events, engagements, rules)
        self.put_back([event for event in self.events if event.at >= cut])
        gone = [n for n, each in self.closed.items() if each.marks[-1][0] < cut]
        for number in gone:
            del self.closed[number]
        first = span_at(self.spans, cut)
        if first >= 0:
            self.spans = self.spans[first:]
            if self.spans[0].at < cut:
                self.spans[0] = self.spans[0]._replace(at=cut)
        return gone

    def release(
        self, contact: str, days: LocalDays, first: int
    ) -> dict[int, Engagement]:
        """A contact is final: its sums are, and its marks stay for the timeline only.

        The contact's id may begin another life. Returns what is closed by it, numbered
        from `first` on.
        """
        told = self.contacts.pop(contact, ())
        _add_handled(self.past, told, days)
        marked = [each for each in told if each.marks]
        closed = dict(enumerate(marked, first))
        self.closed |= closed
        return closed

    def put_back(self, events: list[AgentEvent]) -> None:
        """Exactly these events are in memory."""
        self.events = events
        self.characters = sum(map(_characters_of, events))

    @property
    def is_full(self) -> bool:
        """Whether no more events fit into memory until some were folded away."""
        return self.characters > 2 * MAX_CHARACTERS

    def crowded_before(self) -> int:
        """Up to when to forget because too much is in memory; 0: it isn't."""
        crowded = 0
        if len(self.closed) > MAX_CLOSED:
            ends = sorted(each.marks[-1][0] for each in self.closed.values())
            crowded = ends[len(ends) // 2]
        if self.characters > MAX_CHARACTERS:
            crowded = max(crowded, self.events[len(self.events) // 2].at)
        return crowded

    def sums(self, until: int, days: LocalDays) -> Sums:
        """Everything that the person did up to `until`."""
        sums = self.past.copy()
        self._spend(sums, self.base.at, until, days)
        for told in self.contacts.values():
            _add_handled(sums, told, days)
        _add_trained(sums, self.events, days)
        return sums

    def _spend(self, sums: Sums, start: int, end: int, days: LocalDays) -> None:
        for span, begin, stop in stretches(self.spans, start, end):
            if span.state in STAFFED:
                sums.spend(key_of(span.state, span.reason), begin, stop, days)
            for name, times in span.load:
                sums.spend(name, begin, stop, days, times)

    def drop_days(self, today: int) -> None:
        """Keep today and the day before, which has at most 25 hours."""
        self.past.drop_before(today - _DAY_MS - 3_600_000)


def _characters_of(event: AgentEvent) -> int:
    return (
        EVENT_CHARACTERS
        + len(event.reason)
        + len(event.id)
        + len(event.source)
        + sum(map(len, event.queues))
        + EVENT_CHARACTERS * len(event.slots)
        + sum(map(characters_of, event.intervals))
    )


def stretches(spans: list[Span], start: int, end: int) -> list[tuple[Span, int, int]]:
    """The spans that are in `[start, end)`, each with its part of it."""
    result = []
    for index in range(len(spans) - 1, -1, -1):
        span = spans[index]
        begin = max(start, span.at)
        if begin < end:
            result.append((span, begin, end))
            end = begin
        if span.at <= start:
            break
    return result[::-1]


def _add_trained(sums: Sums, events: Iterable[AgentEvent], days: LocalDays) -> None:
    for event in events:
        if event.days:
            sums.add(event.at, {TRAINED: round(event.days * 1_000_000)}, days)


def _add_handled(sums: Sums, told: tuple[Engagement, ...], days: LocalDays) -> None:
    for each in told:
        if each.handled_at:
            done = {
                HANDLED: 1,
                TALK: each.talk_ms,
                HOLD: each.hold_ms,
                ACW: each.acw_ms,
            }
            sums.add(each.handled_at, done, days)
