"""Merging: sums of absolute parts, healed by the next one, never going down."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.merge import Merge, goes_down, merge_parts
from monitor.core.rules import default_queue_rules
from monitor.core.tally import ANSWERED, CROSSED, OFFERED
from monitor.core.view import PartitionCounts, PartitionPart, QueuePart

STALE_MS = 10_000
WINDOW = "5m"


def queue_part(
    offered: int = 0, *, queue: str = "support", **fields: object
) -> QueuePart:
    tally = {OFFERED: offered} if offered else {}
    part = QueuePart(queue=queue, channel="voice", total=dict(tally))
    part.windows = {WINDOW: dict(tally)}
    return replace(part, **fields)  # type: ignore[arg-type]


def told(
    source: int,
    offset: int,
    *queues: QueuePart,
    complete: bool = True,
    counts: PartitionCounts | None = None,
) -> PartitionPart:
    return PartitionPart(
        source=source,
        offset=offset,
        complete=complete,
        counts=counts or PartitionCounts(read=offset),
        queues=list(queues),
    )


def merge_of(sources: int = 2) -> Merge:
    return Merge(sources, default_queue_rules, STALE_MS)


def offered(merge: Merge, queue: str = "support") -> int:
    return merge.view((queue, "voice")).total.get(OFFERED, 0)


names = st.sampled_from([OFFERED, ANSWERED, CROSSED])
tallies = st.dictionaries(names, st.integers(1, 50))
parts = st.builds(
    QueuePart,
    queue=st.just("support"),
    channel=st.just("voice"),
    waiting=st.integers(0, 9),
    waiting_over_threshold=st.integers(0, 9),
    oldest_waiting=st.integers(0, 99),
    phases=st.fixed_dictionaries({"talking": st.integers(0, 9)}),
    agents_in_hand=st.integers(0, 9),
    active=st.integers(0, 9),
    inactive=st.integers(0, 9),
    active_agents=st.lists(st.integers(0, 9), unique=True).map(sorted),
    windows=st.dictionaries(st.sampled_from(["5m", "today"]), tallies),
    total=tallies,
    corrected=tallies,
)


@given(st.lists(parts, min_size=1, max_size=6), st.randoms())
def test_the_order_of_parts_does_not_matter(
    some: Sequence[QueuePart], chance: Random
) -> None:
    """Merging is commutative."""
    shuffled = list(some)
    chance.shuffle(shuffled)

    assert merge_parts(shuffled) == merge_parts(some)


@given(parts, parts, parts)
def test_the_grouping_of_parts_does_not_matter(
    a: QueuePart, b: QueuePart, c: QueuePart
) -> None:
    """Merging is associative."""
    left = merge_parts([merge_parts([a, b]), c])

    assert left == merge_parts([a, merge_parts([b, c])]) == merge_parts([a, b, c])


@given(parts)
def test_merging_leaves_the_parts_as_they_were(part: QueuePart) -> None:
    """A merge makes new dictionaries, so a view that was read never changes."""
    before = merge_parts([part])
    merged = merge_parts([part, part])
    merged.total["other"] = 1

    assert merge_parts([part]) == before


def test_nothing_to_merge_is_an_error() -> None:
    """There is no part without a queue."""
    with pytest.raises(ValueError, match="nothing to merge"):
        merge_parts([])


def test_the_longest_wait_is_the_oldest_of_all_partitions() -> None:
    """0 says that nobody waits, so it is no instant."""
    merged = merge_parts(
        [
            queue_part(oldest_waiting=0),
            queue_part(oldest_waiting=70),
            queue_part(oldest_waiting=50),
        ]
    )

    assert merged.oldest_waiting == 50


def test_numbers_of_all_source_partitions_are_added_up() -> None:
    """A queue's number is the sum over the partitions of its contacts."""
    merge = merge_of()
    merge.accept(told(0, 5, queue_part(3)), 0)
    merge.accept(told(1, 7, queue_part(4)), 0)

    view = merge.view(("support", "voice"))

    assert (view.total, view.windows) == ({OFFERED: 7}, {WINDOW: {OFFERED: 7}})
    assert view.rules == default_queue_rules("support", "voice")


def test_an_agent_with_chats_in_several_partitions_is_one_agent() -> None:
    """Contacts are spread by their id, so one person's chats are everywhere."""
    queue = QueuePart(queue="support", channel="chat")
    merged = merge_parts(
        [
            replace(queue, active=3, inactive=1, active_agents=[4, 7]),
            replace(queue, active=1, active_agents=[7]),
            replace(queue, inactive=2),
        ]
    )

    assert (merged.active, merged.inactive) == (4, 3)
    assert merged.active_agents == [4, 7]


def test_a_source_starts_with_a_complete_part() -> None:
    """What only tells of changed queues says nothing about the others."""
    merge = merge_of(1)

    assert not merge.accept(told(0, 5, queue_part(3), complete=False), 0)
    assert merge.queues() == []
    assert merge.unheard(0) == [0]


def test_a_part_of_changes_leaves_the_other_queues() -> None:
    """Queues that didn't change aren't told again."""
    merge = merge_of(1)
    merge.accept(told(0, 5, queue_part(3), queue_part(1, queue="sales")), 0)
    merge.accept(told(0, 6, queue_part(4), complete=False), 0)

    assert (offered(merge), offered(merge, "sales")) == (4, 1)


def test_a_complete_part_forgets_queues_that_it_does_not_have() -> None:
    """A queue that no source tells of is gone."""
    merge = merge_of(1)
    merge.accept(told(0, 5, queue_part(3), queue_part(1, queue="sales")), 0)
    merge.accept(told(0, 6, queue_part(3)), 0)

    assert merge.queues() == [("support", "voice")]
    with pytest.raises(KeyError):
        merge.view(("sales", "voice"))


def test_a_queue_stays_while_one_source_tells_of_it() -> None:
    """Another source's part of the queue still counts."""
    merge = merge_of()
    merge.accept(told(0, 5, queue_part(3)), 0)
    merge.accept(told(1, 5, queue_part(4)), 0)
    merge.accept(told(0, 6), 0)

    assert offered(merge) == 4


def test_a_part_behind_what_was_accepted_is_refused() -> None:
    """A zombie, or a successor that catches up, takes no counter down."""
    merge = merge_of(1)
    merge.accept(told(0, 5, queue_part(3)), 0)

    assert not merge.accept(told(0, 4, queue_part(2)), 1)
    assert offered(merge) == 3


def test_refused_parts_are_no_sign_of_life() -> None:
    """Numbers that don't move any more are stale, whoever sends old ones."""
    merge = merge_of(1)
    merge.accept(told(0, 5, queue_part(3)), 0)
    merge.accept(told(0, 4, queue_part(2)), STALE_MS)

    assert merge.is_complete(STALE_MS)
    assert merge.unheard(STALE_MS + 1) == [0]


def test_a_source_that_was_never_heard_makes_the_sum_incomplete() -> None:
    """A sum without one partition is no number."""
    merge = merge_of()
    merge.accept(told(1, 5, queue_part(3)), 0)

    assert not merge.is_complete(0)
    assert merge.unheard(0) == [0]


def test_an_empty_complete_part_is_a_sign_of_life() -> None:
    """That is what complete parts to every target are for."""
    merge = merge_of(1)

    assert merge.accept(told(0, 0), 0)
    assert merge.is_complete(0)


def test_a_counter_that_a_clock_set_back_is_held_until_the_source_is_stale() -> None:
    """Workers' clocks differ by a little; a state that was reset is seen at last."""
    merge = merge_of(1)
    merge.accept(told(0, 5, queue_part(total={CROSSED: 2})), 0)
    back = told(0, 5, queue_part(total={CROSSED: 1}))

    assert not merge.accept(back, 1_000)
    assert not merge.accept(back, 1_000 + STALE_MS - 1)
    assert merge.accept(back, 1_000 + STALE_MS)


def test_a_counter_that_came_up_again_is_believed_at_once() -> None:
    """Doubt ends with the first part that takes nothing down."""
    merge = merge_of(1)
    merge.accept(told(0, 5, queue_part(total={CROSSED: 2})), 0)
    merge.accept(told(0, 5, queue_part(total={CROSSED: 1})), 1_000)

    assert merge.accept(told(0, 5, queue_part(total={CROSSED: 2})), 2_000)
    assert not merge.accept(told(0, 5, queue_part(total={CROSSED: 1})), 11_500)


def test_a_correction_takes_no_counter_down() -> None:
    """A counter is what was ever added: what is there and what was taken back."""
    shown = queue_part(total={ANSWERED: 3})

    assert not goes_down(
        shown, queue_part(total={ANSWERED: 2}, corrected={ANSWERED: 1})
    )
    assert goes_down(shown, queue_part(total={ANSWERED: 2}))
    assert goes_down(
        queue_part(total={ANSWERED: 2}, corrected={ANSWERED: 1}),
        queue_part(total={ANSWERED: 3}),
    )


def test_the_most_that_waited_at_once_is_remembered() -> None:
    """As merged and seen: over all partitions, at the moments of their parts."""
    merge = merge_of()
    merge.accept(told(0, 1, queue_part(waiting=2)), 0)
    merge.accept(told(1, 1, queue_part(waiting=3)), 0)
    merge.accept(told(0, 2, queue_part(waiting=0)), 0)

    view = merge.view(("support", "voice"))

    assert (view.waiting, view.waiting_max) == (3, 5)


def test_changed_queues_are_told_once() -> None:
    """Whoever publishes changes sees each of them."""
    merge = merge_of(1)
    merge.accept(told(0, 5, queue_part(3)), 0)

    assert merge.take_changed() == [("support", "voice")]
    assert merge.take_changed() == []


def test_counts_are_those_of_the_latest_believed_part() -> None:
    """The pipeline's counters obey the rule of the queues'."""
    merge = merge_of(1)
    newest = PartitionCounts(read=5, last_event_at={"pbx": 70})
    merge.accept(told(0, 5, counts=newest), 0)
    merge.accept(told(0, 4, counts=PartitionCounts(read=4)), 0)

    assert merge.counts(0) == newest
    assert merge.counts(1) is None
    assert merge.newest_event() == 70


def test_without_any_part_there_is_no_newest_event() -> None:
    """0 stands for none."""
    assert merge_of().newest_event() == 0


@st.composite
def deliveries(draw: st.DrawFn) -> list[PartitionPart]:
    """What one source says, in order: lost, repeated and late parts among them."""
    grown = draw(st.lists(st.integers(0, 5), min_size=1, max_size=12))
    said: list[PartitionPart] = []
    total = 0
    for offset, more in enumerate(grown):
        total += more
        complete = draw(st.booleans())
        said.append(told(0, offset, queue_part(total), complete=complete))
    got: list[PartitionPart] = []
    for index, part in enumerate(said):
        got += [part] * draw(st.integers(0, 2))
        if draw(st.booleans()):
            got.append(said[draw(st.integers(0, index))])
    return [*got, replace(said[-1], complete=True)]


@given(deliveries())
def test_lost_repeated_and_late_parts_are_healed_by_the_next_complete_one(
    delivered: list[PartitionPart],
) -> None:
    """Whatever came before, the last complete part is the truth, and nothing fell."""
    merge = merge_of(1)
    shown = 0
    for part in delivered:
        merge.accept(part, 0)
        if merge.queues():
            assert offered(merge) >= shown
            shown = offered(merge)

    assert offered(merge) == delivered[-1].queues[0].total.get(OFFERED, 0)


# -- pieces and lateness ---------------------------------------------------------------


def pieces(source: int, offset: int, *queues: QueuePart) -> list[PartitionPart]:
    """A complete part with one queue in each message."""
    return [
        replace(told(source, offset, queue), piece=number, pieces=len(queues))
        for number, queue in enumerate(queues)
    ]


def test_a_complete_part_in_pieces_is_believed_when_it_is_whole() -> None:
    """Half of it would forget the queues of the other half."""
    merge = merge_of(1)
    merge.accept(told(0, 1, queue_part(1), queue_part(1, queue="sales")), 0)
    first, second = pieces(0, 2, queue_part(2), queue_part(3, queue="sales"))

    assert not merge.accept(first, 1)
    assert (offered(merge), offered(merge, "sales")) == (1, 1)
    assert merge.accept(second, 2)
    assert (offered(merge), offered(merge, "sales")) == (2, 3)


def test_a_piece_without_those_before_it_is_dropped() -> None:
    """One was lost; the next complete part heals it."""
    merge = merge_of(1)
    first, second, third = pieces(
        0, 2, queue_part(2), queue_part(3, queue="sales"), queue_part(1, queue="chat")
    )
    assert not merge.accept(first, 0)
    assert not merge.accept(third, 0)
    assert not merge.accept(second, 0)
    assert merge.unheard(0) == [0]

    believed = [merge.accept(piece, 1) for piece in (first, second, third)]
    assert believed == [False, False, True]
    assert merge.unheard(1) == []


def test_pieces_of_different_offsets_are_not_joined() -> None:
    """Two workers may speak of one partition for a moment."""
    merge = merge_of(1)
    first, _ = pieces(0, 2, queue_part(2), queue_part(3, queue="sales"))
    _, other = pieces(0, 5, queue_part(4), queue_part(4, queue="sales"))

    assert not merge.accept(first, 0)
    assert not merge.accept(other, 0)
    assert merge.queues() == []


def test_numbers_are_as_of_the_partition_that_is_furthest_behind() -> None:
    merge = merge_of(2)
    merge.accept(replace(told(0, 1), now=90_000), 0)
    merge.accept(replace(told(1, 1), now=40_000, behind=True), 0)
    assert merge.as_of() == 40_000

    merge.accept(replace(told(1, 9), now=90_000), 1)
    assert merge.as_of() == 0
