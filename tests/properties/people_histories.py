"""Random histories of people: what they say, and what contacts say of them.

Instants lie within the lateness horizon. A history is a list of inputs, each an event
of a person or of a contact; a contact's telling is made of its events so far.
"""

from collections.abc import Sequence
from itertools import chain

from hypothesis import strategies as st

from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.people.engagement import telling_of
from monitor.core.people.events import AgentEvent, AgentKind, Interval
from monitor.core.people.parts import PersonPart, StaffPart
from monitor.core.people.rules import StaffRules
from monitor.core.people.staff import StaffPartition
from tests.properties.histories import (
    AGENTS,
    QUEUES,
    RULES,
    SPAN_MS,
    START,
    contact_events,
    source_starts,
)

PEOPLE = (*AGENTS, "cy")
STAFF_RULES = StaffRules(
    rules=RULES,
    heartbeat_ms=60_000,
    unannounced_ms=200_000,
    timezone="Europe/Sofia",
)
Input = AgentEvent | Event
NOW = START + SPAN_MS

_KINDS = [kind for kind in AgentKind if kind > AgentKind.SOURCE_STARTED]
_KINDS += [AgentKind.READY, AgentKind.AWAY, AgentKind.HEARTBEAT, AgentKind.HEARTBEAT]
_SLOTS = ((), (), (("chat", 2), ("voice", 1)), (("voice", 2),), (("voice", 0),))
_ACTIVITIES = ("work", "break", "lunch", "off")
_LISTS = ((), ("sales",), ("support",), QUEUES)


def plans() -> st.SearchStrategy[tuple[Interval, ...]]:
    """A few activities that may overlap, some of them days away."""
    interval = st.builds(
        lambda start, length, activity: Interval(
            START + start * 45_000, START + (start + length) * 45_000, activity
        ),
        st.one_of(st.integers(0, 25), st.integers(0, 6_000)),
        st.one_of(st.integers(1, 12), st.just(2_000)),
        st.sampled_from(_ACTIVITIES),
    )
    return st.sets(interval, max_size=4).map(lambda each: tuple(sorted(each)))


@st.composite
def agent_events(draw: st.DrawFn) -> AgentEvent:
    """Anything that one of three people may say."""
    kind = draw(st.sampled_from(_KINDS))
    may = kind in (AgentKind.LOGGED_IN, AgentKind.QUEUES)
    says_queues = kind is AgentKind.QUEUES or (may and draw(st.booleans()))
    return AgentEvent(
        # Few instants, so that many events share one with each other and with calls.
        at=START + draw(st.integers(0, 29)) * 30_000,
        kind=int(kind),
        agent=draw(st.sampled_from(PEOPLE)),
        reason=draw(st.sampled_from(("", "break"))) if kind is AgentKind.AWAY else "",
        slots=draw(st.sampled_from(_SLOTS)) if kind is AgentKind.LOGGED_IN else (),
        intervals=draw(plans()) if kind is AgentKind.SCHEDULE else (),
        days=draw(st.sampled_from((0.1, 1.5))) if kind is AgentKind.TRAINED else 0.0,
        says_queues=says_queues,
        queues=draw(st.sampled_from(_LISTS)) if says_queues else (),
        # Heartbeats that say nothing new aren't kept, and their ids with them.
        id=""
        if kind is AgentKind.HEARTBEAT
        else draw(st.sampled_from(("", "", "", "e1", "e2"))),
    )


@st.composite
def calls(draw: st.DrawFn) -> list[Input]:
    """A contact that is offered, answered, held, passed on and ended, in part."""
    contact = draw(st.sampled_from("uvwxyz"))
    queue = draw(st.sampled_from(QUEUES))
    agent, other = draw(st.permutations(PEOPLE))[:2]
    first = Event(START + draw(st.integers(0, 60)) * 10_000, 0, contact)
    told = [
        first._replace(kind=int(Kind.QUEUED), queue=queue),
        first._replace(kind=int(Kind.ALERTING), agent=agent),
        first._replace(kind=int(Kind.ALERTING), agent=other),
        first._replace(kind=int(Kind.ALERT_ENDED), agent=other, reason="no_answer"),
        first._replace(kind=int(Kind.ANSWERED), agent=agent, queue=queue),
        first._replace(kind=int(Kind.HELD), agent=agent),
        first._replace(kind=int(Kind.RESUMED), agent=agent),
        first._replace(kind=int(Kind.ANSWERED), agent=other),
        first._replace(kind=int(Kind.ENDED), agent=other, wrap_up=draw(st.booleans())),
        first._replace(
            kind=int(Kind.WRAPPED_UP),
            agent=other,
            duration_ms=draw(st.sampled_from((-1, 3_000, 19_000))),
        ),
    ]
    left_out = draw(st.sets(st.integers(0, len(told) - 1), max_size=6))
    at = first.at
    result: list[Input] = []
    for index, event in enumerate(told):
        if index not in left_out:
            at = min(NOW, at + draw(st.sampled_from((0, 1_000, 7_000, 40_000, 90_000))))
            result.append(event._replace(at=at))
    return result


def inputs(max_size: int = 12) -> st.SearchStrategy[list[Input]]:
    """Inputs in any order: some calls, and whatever else may come."""
    noise: st.SearchStrategy[Input] = st.one_of(
        *[contact_events()] * 5, source_starts()
    )
    return st.builds(
        lambda some, said, others: [*chain.from_iterable(some), *said, *others],
        st.lists(calls(), max_size=4),
        st.lists(agent_events(), min_size=max_size // 2, max_size=max_size),
        st.lists(noise, max_size=max_size // 2),
    )


class Center:
    """Contacts and people fed as live: the people hear of contacts that changed."""

    def __init__(self, rules: StaffRules = STAFF_RULES) -> None:
        self.contacts = Partition(rules.rules)
        self.staff = StaffPartition(rules)

    def feed(self, item: Input) -> None:
        if isinstance(item, AgentEvent):
            self.staff.apply([item], NOW)
        else:
            self.contacts.apply([item], NOW)

    def tell(self) -> None:
        """The people hear what contacts say now."""
        changed, self.contacts.dirty = self.contacts.dirty, {}
        tellings = [telling_of(c) for c in changed.values() if c is not None]
        self.staff.take(tellings, self.contacts.watermark)

    def advance(self, now: int) -> None:
        self.contacts.advance(now)
        self.tell()
        self.staff.advance(now)

    def numbers(self, now: int = NOW) -> tuple[StaffPart, list[PersonPart]]:
        """Every number as of `now`, without what became of each record."""
        self.advance(now)
        part = self.staff.part(now)
        counts, part.counts = part.counts, type(part.counts)()
        assert counts.late == counts.clipped == counts.folded == 0
        # Which queues were ever heard of depends on the order.
        part.queues = [
            group for group in part.queues if group.total or any(group.states.values())
        ]
        return part, self.staff.persons()


def fed(items: Sequence[Input], rules: StaffRules = STAFF_RULES) -> Center:
    """A call center after these inputs in this order."""
    center = Center(rules)
    for item in items:
        center.feed(item)
    return center
