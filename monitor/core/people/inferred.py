"""What people must have said, concluded from the contacts that they had.

Rule: for recordings that tell of contacts only, and after the fact: it knows the next
contact when one ends, so it is no source of live events. Whoever takes a contact is
logged in; what lies between two contacts says the rest:

```
up to 30 minutes    ready for the next one, all of the time
more than that      away, from the end of one to the next
more than 6 hours   logged out in between: the end of one shift, the start of another
```

They log in when the first contact of a shift is answered, for the queues whose contacts
they have in that shift, and log out when the last one ends.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from monitor.core.events import Event, Kind
from monitor.core.people.events import AgentEvent, AgentKind

AWAY_AFTER_MS = 30 * 60_000
"""Without a contact for longer than this, somebody was not there,"""
OUT_AFTER_MS = 6 * 3_600_000
"""and for longer than this, not at work."""


class Service(NamedTuple):
    """One contact with one agent; `[start, end)` in milliseconds UTC."""

    start: int
    end: int
    queue: str


def inferred_people(events: Iterable[Event], source: str) -> list[AgentEvent]:
    """What the agents of these contacts said, in order of time.

    `events` are all that there are, in any order. Only contacts count that an agent who
    is named answered and that lasted: one of no length is a slip of the record, not
    somebody's shift. The same contacts give the same ids.
    """
    found = [
        event._replace(source=source, id=f"{agent}-{AgentKind(event.kind)}-{event.at}")
        for agent, services in _services(events).items()
        for shift in _shifts(sorted(services))
        for event in _said(agent, shift)
    ]
    return sorted(found)


def _services(events: Iterable[Event]) -> dict[str, list[Service]]:
    answered: dict[str, Event] = {}
    ended: dict[str, int] = {}
    for event in events:
        if event.kind == Kind.ANSWERED and event.agent:
            answered[event.contact] = event
        elif event.kind == Kind.ENDED:
            ended[event.contact] = event.at
    services: dict[str, list[Service]] = {}
    for contact, answer in answered.items():
        if (end := ended.get(contact, 0)) > answer.at:
            service = Service(answer.at, end, answer.queue)
            services.setdefault(answer.agent, []).append(service)
    return services


def _shifts(services: list[Service]) -> Iterator[list[Service]]:
    """The services, which are in order, cut where somebody went home."""
    shift: list[Service] = []
    busy_until = 0
    for service in services:
        if shift and service.start - busy_until > OUT_AFTER_MS:
            yield shift
            shift = []
        shift.append(service)
        busy_until = max(busy_until, service.end)
    yield shift


def _said(agent: str, shift: list[Service]) -> Iterator[AgentEvent]:
    queues = tuple(sorted({service.queue for service in shift if service.queue}))
    yield AgentEvent(
        shift[0].start,
        AgentKind.LOGGED_IN,
        agent,
        says_queues=bool(queues),
        queues=queues,
    )
    busy_until = shift[0].end
    for service in shift[1:]:
        if service.start - busy_until > AWAY_AFTER_MS:
            yield AgentEvent(busy_until, AgentKind.AWAY, agent)
            yield AgentEvent(service.start, AgentKind.READY, agent)
        busy_until = max(busy_until, service.end)
    yield AgentEvent(busy_until, AgentKind.LOGGED_OUT, agent)
