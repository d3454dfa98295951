"""The laws of messages: order, repetition, and that dropping them changes no number."""

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.rules import QueueRules, Rules
from monitor.core.view import QueuePart
from monitor.core.visit_record import VisitRecord, records_of
from monitor.wire.state import restore, take_rows
from tests.properties.histories import START

DEEP = settings(max_examples=200, deadline=None)
HORIZON_MS = 60_000
STEP_MS = 3_000
RULES = Rules(
    queue=lambda queue, _: QueueRules(
        max_age_ms=400_000 if queue == "sales" else 90_000, inactive_after_ms=20_000
    ),
    horizon_ms=HORIZON_MS,
)
ALWAYS, NEVER = 1, 1 << 40
_REASONS = {
    Kind.MESSAGE: ["customer", "customer", "agent", "agent", "bot", ""],
    Kind.LEFT: ["overflow"],
    Kind.TRANSFERRED: ["queue"],
}
_KINDS = (
    *[Kind.MESSAGE] * 9,
    *[Kind.QUEUED, Kind.ANSWERED] * 2,
    *[Kind.ENDED, Kind.LEFT, Kind.HELD, Kind.RESUMED, Kind.TRANSFERRED],
    *[Kind.WRAPPED_UP, Kind.ABANDONED, Kind.REJECTED],
)


@st.composite
def arrivals(draw: st.DrawFn) -> list[Event]:
    """Events of two conversations over several horizons, none of them late.

    Each comes up to almost a horizon after its instant, and some come twice.
    """
    arriving: list[tuple[int, Event]] = []
    at = START
    for _ in range(draw(st.integers(5, 40))):
        at += STEP_MS * draw(st.sampled_from((0, 1, 1, 1, 2, 5, 9)))
        kind = draw(st.sampled_from(_KINDS))
        event = Event(
            at,
            int(kind),
            draw(st.sampled_from("xxxy")),
            queue=(
                draw(st.sampled_from(("sales", "support")))
                if kind in (Kind.QUEUED, Kind.REJECTED, Kind.ANSWERED)
                else ""
            ),
            agent=draw(st.sampled_from(("", "ann", "bo"))),
            reason=draw(st.sampled_from(_REASONS.get(kind, [""]))),
            wrap_up=draw(st.booleans()) if kind is Kind.ENDED else False,
        )
        delays = draw(st.sampled_from(((0,), (0,), (45_000,), (0, 50_000))))
        arriving += [(at + delay, event) for delay in delays]
    arriving.sort(key=lambda arrival: arrival[0])
    return [event for _, event in arriving]


Folded = tuple[Partition, list[VisitRecord]]
"""A partition, and all visits that were ever in it."""


def folded(events: list[Event], thin: int, stop: int = -1) -> Folded:
    """A partition after the events, thinned after every `thin`-th of a contact.

    After `stop` events the state is written down, read back, and goes on.
    """
    partition = Partition(RULES)
    visits: list[VisitRecord] = []
    with (
        patch("monitor.core.partition.THIN", thin),
        patch("monitor.core.partition.CROWDED", 0),
    ):
        for count, event in enumerate(events):
            partition.apply([event], NEVER * NEVER)
            partition.advance(partition.watermark)
            visits += partition.finished()
            if count == stop:
                rows = take_rows(partition)
                partition = restore(RULES, [(k, v) for k, v in rows if v])
    there = [r for c in partition.contacts.values() for r in records_of(c)]
    return partition, sorted(visits + there)


def numbers(partition: Partition) -> list[QueuePart]:
    parts = partition.parts(partition.watermark, everything=True)
    return sorted(parts, key=lambda part: part.queue)


@DEEP
@given(arrivals())
def test_thinning_changes_no_number(events: list[Event]) -> None:
    """Not even what corrections took back: at no moment was anything different."""
    whole, visits = folded(events, NEVER)
    thinned, thinned_visits = folded(events, ALWAYS)

    assert numbers(thinned) == numbers(whole)
    assert thinned_visits == visits
    kept = {contact.id: len(contact.log) for contact in whole.contacts.values()}
    for contact in thinned.contacts.values():
        assert len(contact.log) <= kept[contact.id]


@DEEP
@given(arrivals(), st.integers(0, 40), st.sampled_from((1, 2, 7)))
def test_a_thinned_conversation_is_read_back_and_goes_on(
    events: list[Event], stop: int, thin: int
) -> None:
    """The durable row holds what the dropped messages have left."""
    straight, visits = folded(events, NEVER)
    stopped, stopped_visits = folded(events, thin, stop)

    assert numbers(stopped) == numbers(straight)
    assert stopped_visits == visits


@DEEP
@given(arrivals())
def test_each_response_is_counted_once_and_none_is_negative(
    events: list[Event],
) -> None:
    """Runs begin with customer messages and end with agents', first ones by visit."""
    partition, _ = folded(events, ALWAYS)
    for part in numbers(partition):
        total = part.total
        responses = total.get("responses", 0)
        firsts = total.get("first_responses", 0)
        assert 0 <= firsts <= total.get("offered", 0)
        assert 0 <= responses <= total.get("messages:agent", 0)
        assert total.get("first_response_ms", 0) >= 0
        assert total.get("response_ms", 0) >= 0
        buckets = (
            n for name, n in total.items() if name.startswith("first_response_le")
        )
        assert sum(buckets) == firsts
        in_hand = part.phases["talking"] + part.phases["held"]
        assert part.active + part.inactive <= in_hand
        assert len(part.active_agents) <= part.active
