"""A day of contact events that nobody recorded: every kind of end, repeats, disorder.

The same seed gives the same events. What they add up to, the core alone says.
"""

import random
from collections.abc import Iterable, Iterator
from typing import Any

from monitor.core.events import Event, Kind

DAY_START_MS = 1_767_250_800_000
"""2026-01-01T07:00:00Z."""
QUEUES = tuple(f"queue-{number}" for number in range(12))
SOURCE = "test:1"


def generate_day(contacts: int, seed: int, *, hours: float = 8.0) -> list[Event]:
    """Events of `contacts` contacts over `hours`, in the order of their arrival.

    Some come twice and some come late, all within a minute of their instant.
    """
    chance = random.Random(seed)
    arrivals: list[tuple[int, Event]] = []
    for number in range(contacts):
        begin = DAY_START_MS + chance.randrange(int(hours * 3_600_000))
        for event in _contact(f"c{number}", begin, chance):
            delay = chance.randrange(60_000) if chance.random() < 0.02 else 0
            arrivals.append((event.at + delay, event))
            if chance.random() < 0.01:
                arrivals.append((event.at + delay + 1_000, event))
    arrivals.sort(key=lambda arrival: arrival[0])
    return [event for _, event in arrivals]


def _contact(contact: str, begin: int, chance: random.Random) -> Iterator[Event]:
    queue = chance.choice(QUEUES)
    agent = f"agent-{chance.randrange(40)}"

    def event(at: int, kind: Kind, **fields: Any) -> Event:
        return Event(at, kind, contact, queue=queue, source=SOURCE)._replace(**fields)

    wait = int(chance.expovariate(1 / 25_000))
    yield event(begin, Kind.QUEUED)
    fate = chance.random()
    if fate < 0.10:
        yield event(begin + wait, Kind.ABANDONED)
    elif fate < 0.14:
        yield event(begin + wait, Kind.LEFT, reason="timeout")
    elif fate < 0.15:
        return  # nobody ever tells how it ended: it expires
    else:
        answered = begin + wait
        talk = 1_000 + int(chance.expovariate(1 / 180_000))
        yield event(answered, Kind.ANSWERED, agent=agent)
        yield event(answered + talk, Kind.ENDED, agent=agent, wrap_up=True)
        acw = 1_000 + int(chance.expovariate(1 / 30_000))
        yield event(answered + talk + acw, Kind.WRAPPED_UP, agent=agent)


def closing_event(events: Iterable[Event], *, later_ms: int = 86_400_000) -> Event:
    """A sign of life a day after the last of `events`: makes every visit final."""
    last = max(event.at for event in events)
    return Event(last + later_ms, Kind.SOURCE_HEARTBEAT, "", source=SOURCE)
