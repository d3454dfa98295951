"""What others read of people: plain values, complete at one instant.

Rule: absolute, not deltas, and addable: sums of several partitions' parts are the part
of all, because each person is in one partition. Ratios are formed last.
"""

from dataclasses import dataclass, field

from monitor.core.people.group import state_ms
from monitor.core.people.plan import ADHERED, SCHEDULED
from monitor.core.people.states import AVAILABLE, HANDLING, RINGING, STAFFED, STATES
from monitor.core.tally import Tally


@dataclass(slots=True, kw_only=True)
class GroupPart:
    """Everybody, or those who serve one queue."""

    name: str
    """The queue; `""`: everybody, each once however many queues they serve."""
    states: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    """People by state: every state, zeros too."""
    away: dict[str, int] = field(default_factory=dict)
    """People who are away, by reason."""
    oldest: dict[str, int] = field(default_factory=dict)
    """By state, since when the one who has been in it longest has been; milliseconds
    UTC, a few seconds old. Only states that somebody is in."""
    windows: dict[str, Tally] = field(default_factory=dict)
    """Milliseconds by state (away: by `away:` and reason), of slots (`slots`) and of
    plans (`plan`) in each window."""
    total: Tally = field(default_factory=dict)
    """The same since the state began."""


@dataclass(slots=True, kw_only=True)
class PersonPart:
    """One person."""

    agent: str
    state: str
    reason: str
    since: int
    """When state and reason began; 0: not known."""
    queues: tuple[str, ...]
    total: Tally
    """Milliseconds as in a group; `handled`, `talk_ms`, `hold_ms` and `acw_ms` of the
    contacts that the person finished; training in millionths of a day."""
    today: Tally


@dataclass(slots=True, kw_only=True)
class StaffCounts:
    """What became of what was fed; none of them goes down."""

    read: int = 0
    """Agent events; the sum of applied, duplicate, late, ignored, refused and folded,
    and of dead letters that are none of these."""
    applied: int = 0
    duplicate: int = 0
    late: int = 0
    ignored: int = 0
    """Unknown event types; whoever decodes counts them."""
    dead_letters: dict[str, int] = field(default_factory=dict)
    """By reason, refused events too; whoever writes them counts them."""
    refused: int = 0
    """Events of people who said more than fits into memory."""
    folded: int = 0
    """Events of people beyond `max_agents`."""
    future: int = 0
    """Applied events that were clamped to now."""
    unengaged: int = 0
    """Contacts of people beyond `max_agents`, or beyond what one can have in hand."""
    clipped: int = 0
    """Engagements of which only the part within memory counts."""


@dataclass(slots=True, kw_only=True)
class StaffMessage:
    """What one partition of people tells one partition of queues in one message."""

    source: int
    """The partition of the people."""
    offset: int
    """How far it had read its logs; grows with every record."""
    complete: bool
    """Whether all groups of this target are in it and its other pieces."""
    groups: list[GroupPart]
    counts: StaffCounts
    piece: int = 0
    pieces: int = 1


@dataclass(slots=True, kw_only=True)
class StaffPart:
    """All people of one partition at one instant."""

    now: int
    everybody: GroupPart
    queues: list[GroupPart]
    """By name."""
    counts: StaffCounts


def handling_ms(sums: Tally) -> int:
    """Time with contacts in hand, after-contact work too.

    By the clock: contacts at the same time count once.
    """
    return sum(sums.get(state, 0) for state in HANDLING)


def available_ms(sums: Tally) -> int:
    """Time ready for contacts; ringing counts as available."""
    return sums.get(AVAILABLE, 0) + sums.get(RINGING, 0)


def staffed_ms(sums: Tally) -> int:
    """Time logged in."""
    return sum(state_ms(sums, state) for state in STAFFED)


def occupancy(sums: Tally) -> float | None:
    """Share of handling in handling and available, 0-1; None if there was neither."""
    handling = handling_ms(sums)
    whole = handling + available_ms(sums)
    return handling / whole if whole > 0 else None


def adherence(sums: Tally) -> float | None:
    """Share of the planned time that is over in which the person did what was planned.

    0-1; None if nothing was planned.
    """
    scheduled = sums.get(SCHEDULED, 0)
    return sums.get(ADHERED, 0) / scheduled if scheduled > 0 else None
