"""What the people of a generated day say: shifts, breaks, heartbeats, some of it twice.

The same seed gives the same events. What they add up to, the core alone says.
"""

import random
from collections.abc import Iterator
from typing import Any

from monitor.core.people.events import AgentEvent, AgentKind
from tests.support.generated_day import DAY_START_MS, QUEUES

PEOPLE = tuple(f"agent-{number}" for number in range(40))
_MINUTE_MS = 60_000


def generate_people(seed: int, *, hours: float = 8.0) -> list[AgentEvent]:
    """Events of `PEOPLE` over `hours`, in the order of their arrival.

    Everybody logs in at the first instant. Some events come twice, and some come late,
    all within two minutes of their instant.
    """
    chance = random.Random(seed)
    arrivals: list[tuple[int, AgentEvent]] = []
    for agent in PEOPLE:
        for event in _shift(agent, chance, int(hours * 60)):
            late = event.kind != AgentKind.LOGGED_IN and chance.random() < 0.1
            delay = chance.randrange(2 * _MINUTE_MS) if late else 0
            arrivals.append((event.at + delay, event))
            if chance.random() < 0.1:
                arrivals.append((event.at + delay + 1_000, event))
    arrivals.sort(key=lambda arrival: arrival[0])
    return [event for _, event in arrivals]


def _shift(agent: str, chance: random.Random, minutes: int) -> Iterator[AgentEvent]:
    serves = tuple(sorted(chance.sample(QUEUES, chance.randrange(1, 5))))

    def said(minute: float, kind: AgentKind, **fields: Any) -> AgentEvent:
        at = DAY_START_MS + int(minute * _MINUTE_MS)
        return AgentEvent(at, int(kind), agent, source="test:people", **fields)

    yield said(0, AgentKind.LOGGED_IN, says_queues=True, queues=serves)
    end = minutes - chance.randrange(60)
    minute = chance.uniform(20, 90)
    while minute < end:
        reason = chance.choice(("break", "lunch", "meeting", ""))
        yield said(minute, AgentKind.AWAY, reason=reason)
        minute += chance.uniform(3, 40)
        yield said(minute, AgentKind.READY)
        if chance.random() < 0.3:
            more = tuple(sorted(chance.sample(QUEUES, 2)))
            yield said(minute + 1, AgentKind.QUEUES, says_queues=True, queues=more)
        minute += chance.uniform(20, 90)
    if chance.random() < 0.8:
        yield said(max(end, minute), AgentKind.LOGGED_OUT)
