"""The settings that the numbers depend on, as the core wants to be told them.

Rule: values only, all durations in milliseconds. `monitor.config` builds them from
files and environment; tests build them by hand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

POLICIES = (
    "abandons_ignored",
    "abandons_negative",
    "abandons_positive",
    "answered_only",
)
"""Service-level policies (kpis.md section 3), the default first."""

WAIT_BUCKETS_MS = tuple(
    seconds * 1000
    for seconds in (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200)
)
"""Upper bounds (inclusive) of the wait histograms, kpis.md section 4."""

HANDLE_BUCKETS_MS = tuple(
    seconds * 1000 for seconds in (15, 30, 60, 120, 180, 300, 450, 600, 900, 1800, 3600)
)
"""Upper bounds (inclusive) of the handle-time histogram."""

RESPONSE_BUCKETS_MS = tuple(
    seconds * 1000
    for seconds in (
        *(5, 15, 30, 60, 120, 300, 600, 1_800, 3_600),
        *(4 * 3_600, 8 * 3_600, 24 * 3_600),
    )
)
"""Upper bounds (inclusive) of the first-response histogram: chats and mails."""

DEFAULT_WINDOWS_MS: Mapping[str, int] = {
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
}
TODAY = "today"
"""Name of the window that starts at the queue's local day start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    """How one queue and channel is judged."""

    threshold_ms: int = 20_000
    """Service-level threshold T: in time means `wait <= T`."""
    target_ratio: float = 0.8
    """Service level that the queue is meant to reach, 0-1. Never changes a number."""
    policy: str = POLICIES[0]
    """Which of `POLICIES` is the queue's own service level."""
    diverted_negative: bool = False
    """Whether contacts diverted in time join the service level's denominator."""
    short_abandon_ms: int = 5_000
    """An abandon with `wait <` this is short; 0 switches short abandons off."""
    timezone: str = "UTC"
    """IANA name of the zone of the queue's day."""
    day_start_minutes: int = 0
    """Local minute of the day at which `today` starts."""
    max_age_ms: int = 4 * 3_600_000
    """A waiting visit expires this long after it was queued; a visit in hand is given
    up this long after its last event."""
    inactive_after_ms: int = 600_000
    """A conversation in hand is inactive this long after its last message."""
    wait_buckets_ms: tuple[int, ...] = field(default=WAIT_BUCKETS_MS, compare=False)
    """`Rules.wait_buckets_ms`: by them its wait percentiles are read."""


VOICE_RULES = QueueRules()
CHAT_RULES = QueueRules(threshold_ms=60_000, max_age_ms=24 * 3_600_000)


def default_queue_rules(queue: str, channel: str) -> QueueRules:
    """Rules of a queue that nobody configured: kpis.md's defaults of its channel."""
    del queue
    return VOICE_RULES if channel in ("voice", "callback") else CHAT_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that a partition's fold depends on besides its events."""

    queue: Callable[[str, str], QueueRules] = default_queue_rules
    """Rules of `(queue, channel)`; called once for each that appears."""
    windows_ms: Mapping[str, int] = field(default_factory=lambda: DEFAULT_WINDOWS_MS)
    """Rolling windows by name; `today` is always there besides."""
    wait_buckets_ms: tuple[int, ...] = WAIT_BUCKETS_MS
    """Bounds of the wait histograms; configuration adds every threshold in use."""
    horizon_ms: int = 900_000
    """Lateness horizon: an event older than the newest by more than this is late."""
    future_ms: int = 60_000
    """An event further ahead of now than this is clamped to now."""
    max_queues: int = 1_000
    """New queue names beyond this are folded into `OTHER_QUEUE`."""
    own_queues: frozenset[str] = frozenset()
    """Queues that the configuration names: never folded, however many names come."""


OTHER_QUEUE = "__other__"
