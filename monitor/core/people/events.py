"""Canonical agent events, version 1, as plain values.

Rule: an event says what a person said, never what it means; `said` knows that. The
order of the fields is the canonical order: tuples compare by instant, then by kind, so
that who logs in and pauses in the same second is away, in whichever order it came.
"""

from enum import IntEnum
from typing import NamedTuple

from monitor.core.events import Event


class AgentKind(IntEnum):
    """What was said. Among events of one instant the lower kind is taken first."""

    SOURCE_HEARTBEAT = 0
    """Of the source, not of a person: only time passes."""
    SOURCE_STARTED = 1
    LOGGED_OUT = 2
    LOGGED_IN = 3
    QUEUES = 4
    READY = 5
    AWAY = 6
    HEARTBEAT = 7
    SCHEDULE = 8
    TRAINED = 9


class Interval(NamedTuple):
    """A planned activity in `[start, end)`, milliseconds UTC."""

    start: int
    end: int
    activity: str


class AgentEvent(NamedTuple):
    """One canonical agent event, or a source event of the agents topic."""

    at: int
    """Instant of the event by the source's clock, milliseconds UTC."""
    kind: int
    """An `AgentKind`, as a plain integer."""
    agent: str
    """The person's id; `""` for source events."""
    reason: str = ""
    """Why away; `""`: not said."""
    says_queues: bool = False
    """Whether `queues` was said: no queue at all is something else than not said."""
    queues: tuple[str, ...] = ()
    """Queues that the person serves, sorted, each once."""
    slots: tuple[tuple[str, int], ...] = ()
    """Contacts that the person takes at once, by channel, sorted."""
    intervals: tuple[Interval, ...] = ()
    """The plan, sorted."""
    days: float = 0.0
    """Days of training."""
    source: str = "unknown"
    id: str = ""
    """The source's unique event id; two of one person with the same id are one."""


AnyEvent = Event | AgentEvent
"""What happened to a contact, or what a person said."""
