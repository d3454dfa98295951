"""The laws of the fold: order, repetition, conservation, checkpoints, time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core import kpi
from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.visit import post_all
from monitor.wire.state import restore, take_rows
from tests.properties.histories import (
    RULES,
    SPAN_MS,
    START,
    folded,
    histories,
    numbers,
)

NOW = START + SPAN_MS
DEEP = settings(max_examples=400, deadline=None)


@DEEP
@given(histories(), st.randoms(use_true_random=False))
def test_any_order_inside_the_horizon_gives_the_same_numbers(
    events: list[Event], rnd: object
) -> None:
    """Shuffled events end in the numbers of the sorted ones."""
    shuffled = list(events)
    rnd.shuffle(shuffled)  # type: ignore[attr-defined]

    assert numbers(folded(shuffled)) == numbers(folded(sorted(events)))


@DEEP
@given(histories(), st.randoms(use_true_random=False))
def test_time_may_pass_anywhere_between_events(
    events: list[Event], rnd: object
) -> None:
    """Clock-driven changes in between, at any instants up to now, change no number."""
    shuffled = list(events)
    rnd.shuffle(shuffled)  # type: ignore[attr-defined]
    partition = Partition(RULES)
    clock = START
    for event in shuffled:
        partition.apply([event], NOW)
        clock = min(NOW, max(clock, clock + rnd.randrange(90_000)))  # type: ignore[attr-defined]
        partition.parts(clock, everything=False)
    partition.advance(NOW)

    assert numbers(partition) == numbers(folded(sorted(events)))


@DEEP
@given(histories(), st.data())
def test_events_that_come_twice_count_once(
    events: list[Event], data: st.DataObject
) -> None:
    """Any events repeated at any later place change no number."""
    doubled = list(events)
    for event in data.draw(
        st.lists(st.sampled_from(events)) if events else st.just([])
    ):
        doubled.insert(data.draw(st.integers(0, len(doubled))), event)

    assert numbers(folded(doubled)) == numbers(folded(events))


@DEEP
@given(histories())
def test_every_visit_has_exactly_one_fate(events: list[Event]) -> None:
    """offered = answered + abandoned + diverted + expired + waiting, in every queue."""
    for part in numbers(folded(events)).values():
        assert kpi.drift(part.total, part.waiting) == 0


@DEEP
@given(histories())
def test_counters_never_go_down(events: list[Event]) -> None:
    """Total plus corrected of every name only grows, event by event."""
    partition = Partition(RULES)
    shown: dict[tuple[str, str], int] = {}
    for event in events:
        partition.apply([event], NOW)
        for part in partition.parts(NOW, everything=True):
            for name in part.total.keys() | part.corrected.keys():
                value = part.total.get(name, 0) + part.corrected.get(name, 0)
                assert value >= shown.get((part.queue, name), 0)
                shown[part.queue, name] = value


@DEEP
@given(histories())
def test_the_sums_are_those_of_the_visits(events: list[Event]) -> None:
    """What is in the total is what the visits' facts give, summed anew."""
    partition = folded(events)
    partition.parts(NOW, everything=True)
    expected: dict[str, dict[str, int]] = {}
    for contact in partition.contacts.values():
        for visit in contact.visits:
            pages: dict = {}  # type: ignore[type-arg]
            post_all(visit, pages)
            sums = expected.setdefault(visit.state.name, {})
            for page in pages.values():
                for name, amount in page.items():
                    sums[name] = sums.get(name, 0) + amount
    for state in partition.queues.values():
        sums = expected.get(state.name, {})
        assert state.panes.total == {n: v for n, v in sums.items() if v}


@DEEP
@given(histories(), st.integers(0, 30), st.randoms(use_true_random=False))
def test_a_checkpoint_at_any_point_changes_nothing(
    events: list[Event], cut: int, rnd: object
) -> None:
    """Rows written in steps, restored and continued: the numbers of no checkpoint."""
    shuffled = list(events)
    rnd.shuffle(shuffled)  # type: ignore[attr-defined]
    first = Partition(RULES)
    rows: dict[bytes, bytes] = {}
    clock = START
    for event in shuffled[:cut]:
        first.apply([event], NOW)
        first.next_offset += 1
        if rnd.random() < 0.3:  # type: ignore[attr-defined]
            clock = min(NOW, clock + rnd.randrange(200_000))  # type: ignore[attr-defined]
            first.advance(clock)
            _write(rows, first)
    _write(rows, first)
    second = restore(RULES, rows.items())
    assert second.next_offset == first.next_offset
    assert numbers(second, NOW) == numbers(first, NOW)
    second.apply(shuffled[cut:], NOW)

    assert numbers(second, NOW) == numbers(folded(sorted(events)))
    assert second.counts.read == len(events)


def _write(rows: dict[bytes, bytes], partition: Partition) -> None:
    for key, value in take_rows(partition):
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value


@DEEP
@given(histories(), st.integers(0, 3))
def test_forgetting_keeps_the_sums(events: list[Event], hours: int) -> None:
    """Long after, closed contacts are gone from memory and their sums are not."""
    partition = folded(events)
    before = {key: part.total for key, part in numbers(partition).items()}
    waiting = sum(part.waiting for part in numbers(partition).values())
    in_hand = sum(sum(part.phases.values()) for part in numbers(partition).values())
    later = NOW + 1_000_000 + hours * 3_600_000
    partition.apply([Event(later, int(Kind.SOURCE_HEARTBEAT), "", source="p")], later)
    partition.advance(later)
    partition.advance(later + 1)
    if not waiting and not in_hand:
        assert {k: p.total for k, p in numbers(partition).items()} == before
    assert not [c for c in partition.contacts.values() if not c.open] or hours == 0
