"""Canonical contact events, version 1, as plain values.

Rule: an event says what happened, never what it means. `wire` makes events from bytes,
`contact` folds them. The order of the fields is the canonical order of events: tuples
compare by instant, then by kind, so that sorting a set of events is a total order that
doesn't depend on arrival.
"""

from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """What happened. Among events of one instant the lower kind is folded first.

    Exits come before entries, because sources with whole seconds (Asterisk) write the
    exit from one queue and the entry into the next with the same instant.
    """

    SOURCE_HEARTBEAT = 0
    SOURCE_STARTED = 1
    TRANSFERRED = 2
    ENDED = 3
    WRAPPED_UP = 4
    ABANDONED = 5
    LEFT = 6
    REJECTED = 7
    QUEUED = 8
    ALERTING = 9
    ALERT_ENDED = 10
    ANSWERED = 11
    HELD = 12
    RESUMED = 13
    MESSAGE = 14
    SURVEY_SENT = 15
    RATED = 16
    RESOLVED = 17
    SALE = 18


class Event(NamedTuple):
    """One canonical contact event, or a source event of the contacts topic.

    Absent values are `""`, `-1` (durations) and `0` (visit number), never `None`, so
    that any two events compare.
    """

    at: int
    """Instant of the event by the source's clock, milliseconds UTC."""
    kind: int
    """A `Kind`, as a plain integer."""
    contact: str
    """Contact id; `""` for source events."""
    visit: int = 0
    """Visit number from 1; 0: not said."""
    queue: str = ""
    channel: str = ""
    """`voice`, `chat`, `email`, `callback`, `task`; `""`: not said (means voice)."""
    agent: str = ""
    reason: str = ""
    """`reason` of rejected, left, alert_ended; `kind` of transferred; `by` of ended;
    `author` of message."""
    duration_ms: int = -1
    """Reported `wait_ms` (answered, left, abandoned), `talk_ms` (ended) or `acw_ms`
    (wrapped_up)."""
    hold_ms: int = -1
    """Reported hold of `contact.ended`."""
    wrap_up: bool = False
    """`contact.ended`: after-contact work follows."""
    to_queue: str = ""
    """`contact.transferred`: the queue that it goes to."""
    source: str = "unknown"
    customer: str = ""
    """Pseudonymous customer id."""
    id: str = ""
    """The source's unique event id; two of one contact with the same id are one."""


CHANNELS = frozenset({"voice", "chat", "email", "callback", "task"})
DIVERTED_REASONS = frozenset(
    {
        "timeout",
        "empty",
        "key",
        "overflow",
        "voicemail",
        "callback",
        "transfer",
        "withdrawn",
        "full",
        "closed",
        "error",
    }
)
"""Reasons of `contact.left`, kpis.md section 1. `wire` makes `other` of any other."""
REJECTED_REASONS = frozenset({"full", "closed", "empty", "unavailable", "overload"})
"""Reasons of `contact.rejected`. `wire` makes `other` of any other."""
ALERT_END_REASONS = frozenset({"no_answer", "rejected", "cancelled", "error"})
TRANSFER_KINDS = frozenset({"blind", "attended", "queue"})
ENDED_BY = frozenset({"customer", "agent", "system"})
AUTHORS = frozenset({"customer", "agent", "bot", "system"})
"""Who writes messages; only `agent` is a person of the contact center."""
