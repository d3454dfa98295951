"""The states of a person.

Rule: a person is in exactly one state, the first of `STATES` that holds (kpis.md
section 5); so three chats at once are one state for one time. What contacts say comes
before what the person said: a contact in hand is never hidden.
"""

from typing import NamedTuple

TALKING = "talking"
"""Any contact is connected."""
HELD = "held"
"""Contacts are connected, and all of them are on hold."""
WRAP_UP = "wrap_up"
RINGING = "ringing"
AWAY = "away"
AVAILABLE = "available"
LOGGED_OUT = "logged_out"
UNKNOWN = "unknown"
"""Nothing was heard for too long; or nothing but plans and trainings ever."""

STATES = (
    TALKING,
    HELD,
    WRAP_UP,
    RINGING,
    AWAY,
    AVAILABLE,
    LOGGED_OUT,
    UNKNOWN,
)
"""Every state, in the order of precedence."""
WITH_CONTACT = STATES[:4]
"""States that contacts give, in the order of precedence."""
STAFFED = STATES[:6]
"""States whose seconds are summed: together they are the time logged in."""
HANDLING = (TALKING, HELD, WRAP_UP)
CAN_TAKE = frozenset((*HANDLING, RINGING, AVAILABLE))
"""States of who is there for contacts: what occupancy divides by."""
OVER = ""
"""Of a contact: it is no longer with the person."""


Load = tuple[tuple[str, int], ...]
"""Names of sums besides the state's, and how often the time counts in each."""


class Span(NamedTuple):
    """A stretch of a person's time: from `at` (inclusive) to the next span's."""

    at: int
    state: str
    reason: str
    """Why away, `""` in any other state."""
    queues: tuple[str, ...]
    """Queues that the person serves, sorted."""
    load: Load = ()
    """Slots (`slots`) and the plan (`plan`); empty of who said neither."""
