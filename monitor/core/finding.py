"""Which of a contact's visits an event speaks of.

Rule: the latest one that fits; a visit number or a queue that the event names must be
the visit's.
"""

from collections.abc import Sequence

from monitor.core.events import Event, Kind
from monitor.core.phases import Fate, Phase, phases_of
from monitor.core.visit import Visit

CAN_LEAVE = phases_of(Kind.ABANDONED)
"""Phases in which the contact waits."""
IN_HAND = phases_of(Kind.ANSWERED) - CAN_LEAVE
"""Phases in which the customer is with an agent."""
WITH_AGENT = phases_of(Kind.WRAPPED_UP) - {Phase.CLOSED}
"""Phases in which an agent is busy with it."""
ANY = frozenset(Phase)
_ANSWERED = Fate.ANSWERED


def latest(
    visits: Sequence[Visit], event: Event, phases: frozenset[Phase]
) -> Visit | None:
    """The latest visit in one of `phases`, of the event's number and queue if named."""
    for visit in reversed(visits):
        if visit.phase in phases and (
            # The usual event names its queue and no number.
            (event.queue == visit.queue and not event.visit) or named(visit, event)
        ):
            return visit
    return None


def named(visit: Visit, event: Event) -> bool:
    """Whether the event may speak of this visit: it names no other number or queue."""
    return (not event.visit or event.visit == visit.number) and (
        not event.queue or event.queue == visit.queue
    )


def latest_implied(visits: Sequence[Visit], event: Event) -> Visit | None:
    """The latest visit whose fate or end was only concluded."""
    for visit in reversed(visits):
        if visit.implied and named(visit, event):
            return visit
    return None


def latest_served(visits: Sequence[Visit], event: Event) -> Visit | None:
    """The latest visit that was answered."""
    for visit in reversed(visits):
        if visit.fate is _ANSWERED and named(visit, event):
            return visit
    return None


def of_agent(
    visits: Sequence[Visit], event: Event, phases: frozenset[Phase]
) -> Visit | None:
    """The latest visit in one of `phases` whose agent the event names."""
    if event.agent:
        for visit in reversed(visits):
            if (
                visit.agent == event.agent
                and visit.phase in phases
                and named(visit, event)
            ):
                return visit
    return None
