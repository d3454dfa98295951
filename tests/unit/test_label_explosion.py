"""A million queue names, agents and sources: what is kept of them is bounded."""

import gc
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import islice

import pytest

from monitor.core.events import Event, Kind
from monitor.core.merge import Merge, merge_views
from monitor.core.partition import Partition
from monitor.core.queue_names import Names, share_of
from monitor.core.report import report
from monitor.core.rules import OTHER_QUEUE, QueueRules, Rules, default_queue_rules
from monitor.core.sources import MAX_SOURCE_NAME, MAX_SOURCES, MAX_STARTS, OTHER_SOURCE
from monitor.core.tally import OFFERED
from monitor.core.view import PartitionCounts, PartitionPart, QueuePart
from monitor.pipeline.outbox import MAX_MESSAGE_BYTES
from monitor.wire.migrations import META_KEY
from monitor.wire.partials import encode_part
from monitor.wire.state import restore, take_rows
from tests.support.contacts import at, heartbeat, queued, started

MILLION = 1_000_000
LIMIT = 1_000
RULES = Rules(queue=lambda *_: QueueRules(), max_queues=LIMIT)
LARGEST_ROW = 1_000_000
CHUNK = 1_000
STEP = 0.5
"""Seconds between two contacts of the flood."""


def lives(count: int) -> Iterator[list[Event]]:
    """Contacts of as many queues, agents and sources, each of them over at once."""
    for begin in range(0, count, CHUNK):
        chunk = []
        for number in range(begin, begin + CHUNK):
            seconds = number * STEP
            own = {"source": f"s{number}", "agent": f"a{number}"}
            name = f"c{number}"
            chunk += [
                queued(seconds, name, f"q{number}", **own),
                Event(at(seconds + 1), int(Kind.ANSWERED), name, **own),  # type: ignore[arg-type]
                Event(at(seconds + 2), int(Kind.ENDED), name, **own),  # type: ignore[arg-type]
            ]
        yield chunk


def feed(partition: Partition, chunks: Iterable[list[Event]]) -> None:
    for chunk in chunks:
        partition.apply(chunk, at(MILLION))
        partition.advance(partition.watermark)
        partition.finished()
        take_rows(partition)


def part_message(partition: Partition) -> bytes:
    return encode_part(
        PartitionPart(
            source=0,
            offset=1,
            complete=True,
            counts=partition.counts,
            queues=partition.parts(partition.now, everything=True),
        )
    )


def test_a_flood_of_names_takes_no_more_memory_the_longer_it_lasts() -> None:
    """Once the limits are reached, what is kept stays as large as it is."""
    partition = Partition(RULES, keep_finished=False)
    flood = lives(18_000)
    tracemalloc.start()
    sizes = []
    for _ in range(3):
        feed(partition, islice(flood, 6))
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    assert len(partition.queues) == LIMIT + 1
    assert len(partition.counts.last_event_at) <= MAX_SOURCES + 1
    assert partition.counts.queues_folded == 18_000 - LIMIT
    assert all(not state.agents for state in partition.queues.values())
    assert sizes[2] - sizes[1] < 2_000_000, sizes


def test_a_flood_of_names_keeps_partials_and_rows_sendable() -> None:
    """One message for all queues and each durable row is below Kafka's limits."""
    partition = Partition(RULES)
    feed(partition, lives(5_000))
    rows = dict(take_rows(partition))

    assert len(part_message(partition)) < MAX_MESSAGE_BYTES
    assert len(rows[META_KEY] or b"") < LARGEST_ROW


def test_long_names_of_sources_keep_the_meta_row_sendable() -> None:
    """The worst there can be: as many as are told apart, each as long as it gets."""
    partition = Partition(RULES)
    for number in range(2 * MAX_SOURCES):
        for length in (MAX_SOURCE_NAME, 512):
            name = f"{number:05d}".ljust(length, "\x01")
            partition.apply([heartbeat(1, name), started(2, name)], at(2))
    rows = dict(take_rows(partition))

    assert len(rows[META_KEY] or b"") < LARGEST_ROW
    assert len(partition.counts.last_event_at) <= MAX_SOURCES + 1
    assert len(partition.starts) == MAX_SOURCES


def test_restarts_are_remembered_up_to_a_limit() -> None:
    """A source that restarts without end is a flood, and expires nothing more."""
    partition = Partition(RULES)
    for number in range(MAX_STARTS + 50):
        partition.apply([started(number / 100, "pbx")], at(1_000))
    partition.apply([queued(60, "c"), started(61, "pbx")], at(1_000))

    assert len(partition.starts["pbx"]) == MAX_STARTS


def test_restarts_of_long_ago_make_room_for_new_ones() -> None:
    """What is beyond the horizon can't matter to any contact."""
    partition = Partition(RULES)
    for number in range(MAX_SOURCES):
        partition.apply([started(0, f"s{number}")], at(1))
    partition.apply([started(1, "late")], at(1))

    assert "late" not in partition.starts

    partition.apply([heartbeat(10_000), started(10_000, "new")], at(10_000))

    assert set(partition.starts) == {"new"}


def test_queues_of_the_configuration_are_never_folded() -> None:
    """Whatever flood came before, what the operator named is told apart."""
    rules = Rules(
        queue=lambda *_: QueueRules(), max_queues=2, own_queues=frozenset({"vip"})
    )
    partition = Partition(rules)
    events = [queued(n, f"c{n}", f"junk{n}") for n in range(5)]
    partition.apply([*events, queued(9, "v", "vip")], at(9))

    assert {name for name, _ in partition.queues} == {
        "junk0",
        "junk1",
        OTHER_QUEUE,
        "vip",
    }
    assert partition.counts.queues_folded == 3


def test_what_was_folded_is_restored_as_it_was() -> None:
    """A restart doesn't begin to tell apart what was counted together."""
    partition = Partition(RULES)
    feed(partition, lives(2_000))
    for state in partition.queues.values():
        state.panes.dirty.add(("t", 0))
    rows = [(key, row) for key, row in take_rows(partition) if row is not None]
    again = restore(RULES, rows)
    again.apply([queued(1, "n", "new")], at(1))

    assert ("new", "voice") not in again.queues
    assert again.queues.keys() == partition.queues.keys()


# -- merged ------------------------------------------------------------------------


def told(
    source: int, offset: int, queues: dict[str, int], *, complete: bool = True
) -> PartitionPart:
    return PartitionPart(
        source=source,
        offset=offset,
        complete=complete,
        counts=PartitionCounts(),
        queues=[
            QueuePart(queue=name, channel="voice", total={OFFERED: offered})
            for name, offered in queues.items()
        ],
    )


def shown(merge: Merge) -> dict[str, int]:
    return {
        queue: merge.view((queue, channel)).total[OFFERED]
        for queue, channel in merge.queues()
    }


def merge_of(sources: int, names: Names) -> Merge:
    return Merge(sources, default_queue_rules, 10_000, names)


def test_names_are_limited_over_all_partitions() -> None:
    """Each partition knows other names; together they are one flood."""
    merge = merge_of(4, Names(10))
    for source in range(4):
        junk = {f"q{source}-{n}": 1 for n in range(100)}
        merge.accept(told(source, 1, junk | {"support": 50}), 0)

    numbers = shown(merge)

    assert len(numbers) == 11
    assert numbers["support"] == 200
    assert sum(numbers.values()) == 4 * 150
    assert merge.counts(0) is not None


def test_the_busiest_queues_keep_their_names() -> None:
    """The same parts give the same names, in whichever order they are heard."""
    parts = [
        told(source, 1, {f"q{n}": (n * 7 + source) % 50 for n in range(50)})
        for source in range(3)
    ]
    ahead, back = merge_of(3, Names(5)), merge_of(3, Names(5))
    for part in parts:
        ahead.accept(part, 0)
    for part in reversed(parts):
        back.accept(part, 0)

    assert shown(ahead) == shown(back)
    assert set(shown(ahead)) == {"q21", "q28", "q35", "q42", "q49", OTHER_QUEUE}


def test_no_counter_goes_down_when_names_come() -> None:
    """Who is shown stays shown, and what is folded stays folded."""
    merge = merge_of(2, Names(3))
    known: dict[str, int] = {"a": 5, "b": 4}
    merge.accept(told(0, 1, known), 0)
    merge.accept(told(1, 1, known), 0)
    before = shown(merge)
    for offset in range(2, 40):
        known[f"new{offset}"] = offset * 10
        known = {name: offered + 1 for name, offered in known.items()}
        merge.accept(told(offset % 2, offset, known, complete=offset % 5 == 0), 0)
        after = shown(merge)

        assert all(after[name] >= offered for name, offered in before.items())
        assert len(after) <= 4
        before = after

    assert set(before) == {"a", "b", "new2", OTHER_QUEUE}


def test_a_new_owner_keeps_what_it_showed_before() -> None:
    """Prometheus compares a worker's counters with those before the rebalance."""
    names = Names(2)
    first = merge_of(1, names)
    first.accept(told(0, 1, {"a": 1, "b": 2, "c": 3}), 0)
    again = merge_of(1, names)
    again.accept(told(0, 2, {"a": 1, "b": 2, "c": 3, "d": 90}), 0)

    assert shown(first) == {"b": 2, "c": 3, OTHER_QUEUE: 1}
    assert shown(again) == {"b": 2, "c": 3, OTHER_QUEUE: 91}


def test_a_merge_that_showed_nothing_binds_nobody() -> None:
    """Names that were only heard of are no past."""
    names = Names(1)
    merge_of(2, names).accept(told(0, 1, {"junk": 1}), 0)
    merge = merge_of(1, names)
    merge.accept(told(0, 1, {"junk": 1, "support": 9}), 0)

    assert shown(merge) == {"support": 9, OTHER_QUEUE: 1}


def test_changed_queues_are_named_as_they_are_shown() -> None:
    """Whoever publishes what changed can look at each."""
    merge = merge_of(1, Names(1))
    merge.accept(told(0, 1, {"a": 5, "b": 1, "c": 1}), 0)

    assert merge.take_changed() == [(OTHER_QUEUE, "voice"), ("a", "voice")]

    merge.accept(told(0, 2, {"c": 2}, complete=False), 0)

    assert merge.take_changed() == [(OTHER_QUEUE, "voice")]
    with pytest.raises(KeyError):
        merge.view(("b", "voice"))


def test_folded_queues_that_are_gone_leave_the_sum() -> None:
    """A state that was reset is believed after a while, folded or not."""
    merge = merge_of(1, Names(1))
    merge.accept(told(0, 1, {"a": 5, "b": 1, "c": 1}), 0)
    merge.accept(told(0, 2, {"a": 5, "c": 1}), 0)

    assert shown(merge) == {"a": 5, OTHER_QUEUE: 1}

    merge.accept(told(0, 3, {"a": 5}), 0)

    assert shown(merge) == {"a": 5}


def test_shares_of_the_other_queue_are_added_up() -> None:
    """Each target partition has one; a worker that owns several shows one queue."""
    merges = [merge_of(1, Names(0)) for _ in range(2)]
    for number, merge in enumerate(merges):
        merge.accept(told(0, 1, {f"q{number}": 4 + number}), 0)

    view = merge_views([merge.view((OTHER_QUEUE, "voice")) for merge in merges])

    assert view.total == {OFFERED: 9}
    assert report([view], PartitionCounts(), at(0))["queues"][OTHER_QUEUE]


@pytest.mark.parametrize(
    "limit, targets, share", [(1_000, 1, 1_000), (1_000, 4, 314), (3, 4, 3), (10, 4, 9)]
)
def test_a_share_has_room_for_an_uneven_spread(
    limit: int, targets: int, share: int
) -> None:
    """Fewer names than the limit are never folded; all shares are not much more."""
    assert share_of(limit, targets) == share


def test_sources_beyond_the_limit_are_one() -> None:
    """Their newest event is still known."""
    partition = Partition(RULES)
    feed(partition, lives(3_000))

    assert partition.counts.last_event_at[OTHER_SOURCE] == at(2_999 * STEP + 2)
