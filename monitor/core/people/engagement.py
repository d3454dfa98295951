"""What a contact says of the people on it.

Rule: absolute. An engagement is a function of the contact's visits as they are now, and
a contact always tells all of its engagements at once; who hears it again, or hears a
newer one, replaces what was heard before. So order and repetition can't matter.

A visit is with one agent at a time: it is over for the one at the moment when another
one is connected. Who is offered the contact rings until that is refused, until the wait
is over, or until somebody answers.
"""

from collections.abc import Iterator
from typing import NamedTuple

from monitor.core.contact import Contact
from monitor.core.people.hands import Hand, Note
from monitor.core.people.states import HELD, OVER, RINGING, TALKING, WRAP_UP
from monitor.core.phases import Fate, Phase
from monitor.core.visit import Visit

Mark = tuple[int, str]
"""An instant in milliseconds UTC and the state from then on; `OVER`: it is over."""


class Engagement(NamedTuple):
    """One visit with one agent; instants and durations in milliseconds."""

    agent: str
    contact: str
    visit: int
    """The visit's place among those of its contact, from 1."""
    queue: str
    """The name that the events use."""
    channel: str
    marks: tuple[Mark, ...]
    """Ascending; two neighbours differ in instant and state. The last one goes on.
    None: it was there for no time, as far as a clock of whole seconds tells, and what
    was reported of it counts all the same."""
    handled_at: int = 0
    """When this agent was done with it; 0: not yet, or another one finished it."""
    talk_ms: int = 0
    hold_ms: int = 0
    acw_ms: int = 0


class Telling(NamedTuple):
    """Everything that one contact says; it replaces what the contact said before."""

    contact: str
    engagements: tuple[Engagement, ...]
    final: bool = False
    """Nothing will follow: a contact of this id begins another life."""
    others: tuple[str, ...] = ()
    """Agents who must hear it besides those engaged: they were told of the contact."""
    unchanged: bool = False
    """Its engagements are those that it told before; they aren't told again."""


def telling_of(contact: Contact, *, final: bool = False) -> Telling:
    """What the contact says now."""
    told = tuple(
        engagement
        for place, visit in enumerate(contact.visits, 1)
        if visit.agent or visit.hands
        for engagement in _engagements(place, visit)
    )
    return Telling(contact.id, told, final)


class _Marks:
    """Marks by agent, as they are found."""

    __slots__ = ("by_agent",)

    def __init__(self) -> None:
        self.by_agent: dict[str, list[Mark]] = {}

    def put(self, agent: str, at: int, state: str) -> None:
        """From `at` on it is `state`; instants before the latest mark count as its."""
        if not agent:
            return
        marks = self.by_agent.setdefault(agent, [])
        if marks and at <= marks[-1][0]:
            at = marks.pop()[0]
        if state != (marks[-1][1] if marks else OVER):
            marks.append((at, state))


def _engagements(place: int, visit: Visit) -> Iterator[Engagement]:
    marks = _Marks()
    _offers(visit, marks)
    if visit.fate is Fate.ANSWERED:
        _in_hand(visit, marks)
    for agent, found in marks.by_agent.items():
        is_done = bool(visit.handled_at) and agent == visit.agent
        if not found and not is_done:
            continue
        engagement = Engagement(
            agent,
            visit.contact,
            place,
            visit.queue,
            visit.state.channel,
            tuple(found),
        )
        if is_done:
            engagement = engagement._replace(
                handled_at=visit.handled_at,
                talk_ms=visit.talk_ms,
                hold_ms=visit.hold_ms,
                acw_ms=visit.acw_ms,
            )
        yield engagement


def _offers(visit: Visit, marks: _Marks) -> None:
    """Phones that ring, up to the end of the wait."""
    ringing: dict[str, None] = {}
    for at, hand, agent in visit.hands or ():
        if hand == Hand.RINGS:
            ringing[agent] = None
            marks.put(agent, at, RINGING)
        elif hand == Hand.SILENT:
            for silent in [agent] if agent else list(ringing):
                if silent in ringing:
                    del ringing[silent]
                    marks.put(silent, at, OVER)
    if visit.fate is not Fate.WAITING:
        for agent in ringing:
            marks.put(agent, visit.fate_at, OVER)


def _in_hand(visit: Visit, marks: _Marks) -> None:
    """From the answer to the end of after-contact work."""
    notes = [note for note in visit.hands or () if note[1] >= Hand.HOLDS]
    holder = _next_holder(notes, visit)
    marks.put(holder, visit.fate_at, TALKING)
    for place, (at, hand, _) in enumerate(notes, 1):
        if visit.ended_at and at >= visit.ended_at and hand != Hand.HANDED_OVER:
            continue
        if hand == Hand.HOLDS:
            marks.put(holder, at, HELD)
        elif hand == Hand.TALKS:
            marks.put(holder, at, TALKING)
        elif hand == Hand.HANDED_OVER:
            marks.put(holder, at, OVER)
            holder = _next_holder(notes[place:], visit)
            marks.put(holder, at, TALKING)
    _end(visit, holder, notes, marks)


def _next_holder(notes: list[Note], visit: Visit) -> str:
    """Who has it before the first of `notes`."""
    for _, hand, agent in notes:
        if hand == Hand.HANDED_OVER:
            return agent
    return visit.agent


def _end(visit: Visit, holder: str, notes: list[Note], marks: _Marks) -> None:
    if visit.ended_at:
        marks.put(holder, visit.ended_at, OVER)
        if visit.phase is Phase.WRAP_UP or visit.unfinished_at:
            marks.put(holder, visit.ended_at, WRAP_UP)
        elif visit.handled_at > visit.ended_at:
            begins = [at for at, hand, _ in notes if hand == Hand.WRAPS_UP]
            begun = max(visit.ended_at, begins[-1] if begins else 0)
            marks.put(holder, begun, WRAP_UP)
            marks.put(holder, visit.handled_at, OVER)
    if visit.unfinished_at:
        marks.put(holder, visit.unfinished_at, OVER)
