"""What the edges see: the live state of queues, merged, and the pipeline's own health.

Rule: plain values that are complete at the instant `now`; whoever shows them computes
nothing but ratios (`kpi`) from them. Exposition, web and reports read these and nothing
else.
"""

from dataclasses import dataclass, field
from typing import Protocol

from monitor.core.people.parts import GroupPart, PersonPart, StaffCounts
from monitor.core.rules import QueueRules
from monitor.core.tally import Tally

PHASES = ("alerting", "talking", "held", "wrap_up")
"""Phases of a contact in hand. An alerting contact is still waiting too."""


SELF_CHECK_RESULTS = ("equal", "different", "unread")
"""What a look of a worker at its own state can find."""


@dataclass(slots=True, kw_only=True)
class QueuePart:
    """One queue and channel of one source partition at one instant: its partial.

    Absolute, not a delta. `windows` are net sums by window name (`5m` … `today`);
    `total` is the net sum since the state began; `corrected` is what corrections took
    back since then, so `total + corrected` never goes down and is what a Prometheus
    counter shows.
    """

    queue: str
    channel: str
    waiting: int = 0
    waiting_over_threshold: int = 0
    oldest_waiting: int = 0
    """Queued instant of the longest-waiting contact; 0 when nobody waits."""
    phases: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PHASES, 0))
    agents_in_hand: int = 0
    """Agents who have a contact of this queue in hand now."""
    active: int = 0
    """Contacts with messages that are with an agent, somebody having written lately."""
    inactive: int = 0
    """The same, nobody having written for `inactive_after`."""
    active_agents: list[int] = field(default_factory=list)
    """Marks (`conversation.mark_of`) of the agents who have an active one, ascending:
    an agent may have one in each source partition and still is one agent."""
    windows: dict[str, Tally] = field(default_factory=dict)
    total: Tally = field(default_factory=dict)
    corrected: Tally = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class QueueView(QueuePart):
    """One queue and channel over all source partitions at one instant."""

    rules: QueueRules
    waiting_max: int = 0
    """Most contacts that waited at once, as it was seen."""
    people: GroupPart | None = None
    """Who serves the queue, by whichever channel; None: not known here and now."""


@dataclass(slots=True, kw_only=True)
class PartitionCounts:
    """Durable counts of one source partition's fold; they never go down."""

    read: int = 0
    """Records read; the sum of the others but `future` and `queues_folded`."""
    applied: int = 0
    duplicate: int = 0
    late: int = 0
    ignored: int = 0
    """Unknown event types."""
    dead_letters: dict[str, int] = field(default_factory=dict)
    """By reason."""
    future: int = 0
    """Applied events that were clamped to now."""
    queues_folded: int = 0
    """Visits of queues beyond the limit, counted under `OTHER_QUEUE`."""
    last_event_at: dict[str, int] = field(default_factory=dict)
    """Newest event instant by source, milliseconds UTC."""


@dataclass(slots=True, kw_only=True)
class PartitionPart:
    """Everything that one source partition tells one queue partition: one message."""

    source: int
    """Source partition number."""
    offset: int
    """Next source offset of the state that this was read from."""
    complete: bool
    """Whether every queue of this target is in it, not only the changed ones."""
    counts: PartitionCounts
    queues: list[QueuePart]
    now: int = 0
    """The instant for which the numbers hold."""
    behind: bool = False
    """Whether unread events were waiting: then `now` is the newest event's instant."""
    piece: int = 0
    """Which of `pieces` messages this is that are one complete part together."""
    pieces: int = 1


@dataclass(slots=True, kw_only=True)
class PipelineView:
    """The pipeline's own state on this worker at one instant.

    `counts` are by source partition and taken from accepted partials, so that they obey
    the same rule as the queues' counters: each partition on one worker, never down.
    """

    stream: str = "contacts"
    counts: dict[int, PartitionCounts] = field(default_factory=dict)
    staff: dict[int, StaffCounts] = field(default_factory=dict)
    """The same of the stream processor `staff`, by partition of the people."""
    last_event_at: dict[int, dict[str, int]] = field(default_factory=dict)
    """Newest event instants by source partition and source, milliseconds UTC, also
    while `counts` may not be shown."""
    lag_ms: dict[int, int] = field(default_factory=dict)
    """Now less the newest applied event, by owned source partition."""
    lag_records: dict[int, int] = field(default_factory=dict)
    """Records in the log that are not applied yet, by owned source partition."""
    checkpoint_age_ms: dict[int, int] = field(default_factory=dict)
    """Time since the last checkpoint that covered everything applied, by owned source
    partition; 0 when nothing is uncommitted."""
    staff_checkpoint_age_ms: dict[int, int] = field(default_factory=dict)
    """The same of people, by owned partition of theirs."""
    as_of: int = 0
    """The instant for which the shown numbers hold while events are still unread,
    milliseconds UTC; 0: they are of now."""
    stale_partitions: int = 0
    """Source partitions unheard for 10 s, or never heard, by owned queue partitions."""
    self_checks: dict[str, int] = field(default_factory=dict)
    """Looks at the own state since the worker started, by result."""
    loop_delay: float = 0.0
    """The longest that the event loop was held up lately, seconds."""
    loop_blocked: int = 0
    """How often it was held up for more than 50 ms."""
    ready: bool = False
    """Whether every owned partition is loaded and complete."""
    reason: str = "starting"
    """Why not ready, for a person; empty when ready."""


class Board(Protocol):
    """The read model of one worker, called at scrape time on the event loop.

    What it hands out is never changed afterwards, only replaced by something new.
    """

    async def prepare(self) -> None:
        """Make ready what is to be shown, giving others their turns; then read it."""
        ...

    def queues(self) -> list[QueueView]:
        """Every queue of owned and complete partitions, sorted by queue and channel."""
        ...

    def stale_queues(self) -> list[tuple[str, str]]:
        """Owned queues and channels whose state isn't known now.

        None of them is in `queues()`.
        """
        ...

    def groups(self) -> list[GroupPart]:
        """Who serves each queue, by name, and everybody under `""`, who come first.

        What isn't surely known on this worker isn't there.
        """
        ...

    def stale_groups(self) -> list[str]:
        """Names of owned groups that aren't known now; none is in `groups()`."""
        ...

    async def persons(self) -> list[PersonPart]:
        """Everybody whose own partition is on this worker, by id."""
        ...

    def pipeline(self) -> PipelineView:
        """The pipeline's own state."""
        ...

    def now(self) -> int:
        """Now by the worker's clock (`wall`, `event` or `scaled`), milliseconds UTC."""
        ...
