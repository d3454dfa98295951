"""Random histories of contacts for property tests, and how to fold them.

Instants lie within the lateness horizon, so that any order is allowed. Histories hold
what real sources send: several visits, transfers, exits without entries, repeated and
contradicting events, and reported durations that differ from the clocks.
"""

from collections.abc import Sequence

from hypothesis import strategies as st

from monitor.core.events import (
    ALERT_END_REASONS,
    DIVERTED_REASONS,
    TRANSFER_KINDS,
    Event,
    Kind,
)
from monitor.core.merge import merge_parts
from monitor.core.partition import Partition
from monitor.core.rules import QueueRules, Rules
from monitor.core.view import QueuePart

START = 1_780_000_000_000
SPAN_MS = 890_000
AGENTS = ("ann", "bo")
QUEUES = ("sales", "support")
RULES = Rules(
    queue=lambda queue, _: QueueRules(
        threshold_ms=20_000 if queue == "sales" else 60_000,
        max_age_ms=300_000,
        timezone="Europe/Sofia",
    )
)

_REASONS = {
    Kind.LEFT: sorted(DIVERTED_REASONS),
    Kind.ALERT_ENDED: sorted(ALERT_END_REASONS),
    Kind.TRANSFERRED: sorted(TRANSFER_KINDS),
    Kind.ENDED: ["customer", "agent", "system"],
    Kind.REJECTED: ["full", "closed"],
    Kind.MESSAGE: ["customer", "customer", "agent", "agent", "bot", "system", ""],
}
_NAMED = (Kind.QUEUED, Kind.REJECTED)
_TIMED = (Kind.ANSWERED, Kind.ABANDONED, Kind.LEFT, Kind.ENDED, Kind.WRAPPED_UP)
_KINDS = (
    Kind.QUEUED,
    Kind.REJECTED,
    Kind.ALERTING,
    Kind.ALERT_ENDED,
    Kind.ANSWERED,
    Kind.ABANDONED,
    Kind.LEFT,
    Kind.HELD,
    Kind.RESUMED,
    Kind.TRANSFERRED,
    Kind.ENDED,
    Kind.WRAPPED_UP,
    Kind.MESSAGE,
    Kind.MESSAGE,
)


@st.composite
def contact_events(draw: st.DrawFn) -> Event:
    """Any contact event of a few contacts, sensible or not."""
    kind = draw(st.sampled_from(_KINDS))
    # Few instants, so that many events share one.
    at = START + draw(st.integers(0, 89)) * (SPAN_MS // 89)
    named = kind in _NAMED or draw(st.booleans())
    return Event(
        at=at,
        kind=int(kind),
        contact=draw(st.sampled_from("xyz")),
        visit=draw(st.sampled_from((0, 0, 0, 0, 1, 2))),
        queue=draw(st.sampled_from(QUEUES)) if named else "",
        agent=draw(st.sampled_from(("", *AGENTS))),
        reason=draw(st.sampled_from(_REASONS.get(kind, [""]))),
        duration_ms=(
            draw(st.sampled_from((-1, -1, 0, 3_000, 19_000, 61_000)))
            if kind in _TIMED
            else -1
        ),
        hold_ms=draw(st.sampled_from((-1, 2_000))) if kind is Kind.ENDED else -1,
        wrap_up=draw(st.booleans()) if kind is Kind.ENDED else False,
        source=draw(st.sampled_from(("pbx1", "pbx1", "pbx2"))),
        id=draw(st.sampled_from(("", "", "", "e1", "e2"))),
    )


def source_starts() -> st.SearchStrategy[Event]:
    """A restart of one of the sources."""
    return st.builds(
        lambda step, source: Event(
            START + step * 10_000, int(Kind.SOURCE_STARTED), "", source=source
        ),
        st.integers(0, 89),
        st.sampled_from(("pbx1", "pbx2")),
    )


def histories(max_size: int = 30) -> st.SearchStrategy[list[Event]]:
    """Events in any order."""
    any_event = st.one_of(*[contact_events()] * 9, source_starts())
    return st.lists(any_event, max_size=max_size)


def folded(
    events: Sequence[Event], *, now: int = START + SPAN_MS, rules: Rules = RULES
) -> Partition:
    """A partition after these events in this order, as of `now`."""
    partition = Partition(rules)
    partition.apply(events, now)
    partition.advance(now)
    return partition


def numbers(partition: Partition, now: int | None = None) -> dict[str, QueuePart]:
    """Every number by queue, without what corrections took back on the way.

    A queue of which nothing is known any more is left out: which queues were ever
    heard of depends on the order.
    """
    parts = partition.parts(partition.now if now is None else now, everything=True)
    result = {}
    for part in parts:
        merged = merge_parts([part])
        merged.corrected = {}
        if merged != QueuePart(
            queue=part.queue,
            channel=part.channel,
            windows={name: {} for name in part.windows},
        ):
            result[f"{part.queue}/{part.channel}"] = merged
    return result
