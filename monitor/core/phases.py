"""A visit's phases and fates, and which event may lead from which phase to which.

Rule: `TRANSITIONS` is the only place that says what can happen when.
"""

from enum import IntEnum

from monitor.core.events import Kind


class Phase(IntEnum):
    """Where a visit is in its life."""

    WAITING = 0
    ALERTING = 1
    """Waiting while an agent's phone rings."""
    TALKING = 2
    HELD = 3
    WRAP_UP = 4
    CLOSED = 5


class Fate(IntEnum):
    """How the wait ended (kpis.md section 1). `REJECTED` never queued."""

    WAITING = 0
    ANSWERED = 1
    ABANDONED = 2
    DIVERTED = 3
    EXPIRED = 4
    REJECTED = 5


_WAITS = {
    Kind.ALERTING: Phase.ALERTING,
    Kind.ANSWERED: Phase.TALKING,
    Kind.ABANDONED: Phase.CLOSED,
    Kind.LEFT: Phase.CLOSED,
    Kind.ENDED: Phase.CLOSED,
}
_HAND = {
    Kind.ANSWERED: Phase.TALKING,
    Kind.ENDED: Phase.CLOSED,
    Kind.WRAPPED_UP: Phase.CLOSED,
}

TRANSITIONS: dict[Phase, dict[Kind, Phase]] = {
    Phase.WAITING: _WAITS | {Kind.ALERT_ENDED: Phase.WAITING},
    Phase.ALERTING: _WAITS | {Kind.ALERT_ENDED: Phase.WAITING},
    Phase.TALKING: _HAND | {Kind.HELD: Phase.HELD, Kind.TRANSFERRED: Phase.TALKING},
    Phase.HELD: _HAND | {Kind.RESUMED: Phase.TALKING, Kind.TRANSFERRED: Phase.HELD},
    Phase.WRAP_UP: {
        Kind.WRAPPED_UP: Phase.CLOSED,
        Kind.TRANSFERRED: Phase.WRAP_UP,
    },
    Phase.CLOSED: {
        Kind.WRAPPED_UP: Phase.CLOSED,
        Kind.TRANSFERRED: Phase.CLOSED,
    },
}
"""Next phase by phase and kind; a kind that isn't there cannot happen in that phase.

`ENDED` leads to `WRAP_UP` instead when it announces after-contact work, `ALERT_ENDED`
stays in `ALERTING` while another phone rings, and what was only concluded (`implied`)
is replaced by the event that says it. Opening a visit is not a transition.
"""


def phases_of(kind: Kind) -> frozenset[Phase]:
    """The phases in which an event of this kind can happen."""
    return frozenset(phase for phase, to in TRANSITIONS.items() if kind in to)
