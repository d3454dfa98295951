"""Durable rows: what is written down is all there is to know of a partition."""

from collections.abc import Iterable

import orjson
import pytest

from monitor.core.events import Event
from monitor.core.partition import Partition
from monitor.core.rules import OTHER_QUEUE, QueueRules, Rules
from monitor.core.view import PartitionCounts, QueuePart
from monitor.wire.errors import UnknownStateVersion, WireError
from monitor.wire.migrations import META_KEY, STATE_VERSION
from monitor.wire.state import restore, take_rows
from tests.support.contacts import (
    RULES,
    abandoned,
    answered,
    at,
    ended,
    heartbeat,
    part_of,
    partition_of,
    queued,
    started,
)

Rows = dict[bytes, bytes]

EVENTS = [
    queued(0, "a"),
    queued(1, "b", "sales", channel="chat"),
    answered(12, "a", duration_ms=12_000),
    abandoned(14, "b"),
    queued(20, "c"),
    answered(30, "d", queue="q", duration_ms=3_000),
    ended(60, "a", wrap_up=True),
]


def written(partition: Partition, rows: Rows | None = None) -> Rows:
    """What the mirror holds after a checkpoint: the last row of each key, none gone."""
    mirror = {} if rows is None else rows
    for key, value in take_rows(partition):
        if value is None:
            mirror.pop(key, None)
        else:
            mirror[key] = value
    return mirror


def numbers(partition: Partition, seconds: float) -> list[QueuePart]:
    parts = partition.parts(at(seconds), everything=True)
    return sorted(parts, key=lambda part: (part.queue, part.channel))


def keys(rows: Iterable[tuple[bytes, bytes | None]], mark: bytes) -> set[bytes]:
    return {key for key, _ in rows if key[:1] == mark}


def test_a_restored_partition_is_what_it_was() -> None:
    """Numbers, counts, offset, watermark and clock, and nothing is dirty."""
    partition = partition_of(EVENTS, 70)
    partition.next_offset = 1234
    partition.counts.ignored = 5
    partition.counts.dead_letters["not_json"] = 2
    again = restore(RULES, written(partition).items())

    assert numbers(again, 70) == numbers(partition, 70)
    assert again.counts == partition.counts
    assert (again.next_offset, again.watermark) == (1234, at(60))
    assert again.now == partition.now
    assert not again.has_changes


def test_a_restored_partition_goes_on_as_the_first_one_would() -> None:
    """Open contacts are found again, waits run on, and time brings the same."""
    first = partition_of(EVENTS, 30)
    second = restore(RULES, written(first).items())
    more = [answered(75, "c"), ended(80, "d"), answered(15, "a", agent="bo")]
    for partition in (first, second):
        partition.apply(more, at(80))

    assert numbers(second, 90) == numbers(first, 90)
    assert second.counts == first.counts


def test_a_restored_partition_expires_and_crosses_by_the_clock() -> None:
    """Timers aren't in the rows; they come back with the contacts."""
    rows = written(partition_of([queued(0, "a")]))
    crossed = restore(RULES, rows.items())
    expired = restore(RULES, rows.items())

    assert part_of_at(crossed, 20.001).waiting_over_threshold == 1
    assert part_of_at(expired, 5 * 3600).total["expired"] == 1


def part_of_at(partition: Partition, seconds: float) -> QueuePart:
    partition.advance(at(seconds))
    return part_of(partition)


def test_what_is_late_stays_late_after_a_restore() -> None:
    """Lateness is judged by the newest event, and that is in the rows."""
    partition = partition_of([queued(0, "a"), heartbeat(1_000)])
    again = restore(RULES, written(partition).items())
    again.apply([abandoned(50, "a")], at(1_000))

    assert again.counts.late == 1


def test_a_restart_of_a_source_is_remembered() -> None:
    """An event from before it that comes after the restore belongs to the old life."""
    partition = partition_of([started(30, "pbx")])
    again = restore(RULES, written(partition).items())
    again.apply([queued(10, "a", source="pbx")], at(40))

    assert part_of_at(again, 40).total["expired"] == 1


def test_a_second_checkpoint_has_only_the_meta_row() -> None:
    """Nothing changed, so nothing is written but the offset."""
    partition = partition_of(EVENTS, 70)
    take_rows(partition)

    assert [key for key, _ in take_rows(partition)] == [META_KEY]
    assert not partition.has_changes


def test_the_meta_row_comes_last() -> None:
    """So that a reader who has it has all."""
    assert take_rows(partition_of(EVENTS))[-1][0] == META_KEY


def test_an_offset_alone_is_a_change() -> None:
    """Records that gave no event move it; the successor must not read them again."""
    partition = partition_of(EVENTS)
    take_rows(partition)
    partition.next_offset += 1

    assert partition.has_changes


def test_only_rows_that_changed_are_written() -> None:
    """One contact's event: its row, its queue's panes and the total."""
    partition = partition_of(EVENTS, 70)
    take_rows(partition)
    partition.apply([abandoned(75, "c")], at(75))
    rows = take_rows(partition)

    assert keys(rows, b"c") == {b"cc"}
    assert {tuple(orjson.loads(key[1:])[:3]) for key in keys(rows, b"q")} == {
        ("q", "voice", kind) for kind in "fcdt"
    }


def test_a_forgotten_contact_leaves_a_tombstone() -> None:
    """And the mirror shrinks with the memory."""
    partition = partition_of([queued(0, "a"), abandoned(5, "a")])
    rows = written(partition)
    assert b"ca" in rows
    partition.apply([heartbeat(2_000)], at(2_000))
    partition.advance(at(2_000))

    assert (b"ca", None) in take_rows(partition)
    assert partition.contacts == {}


def test_panes_that_are_gone_leave_tombstones() -> None:
    """Fine panes after a quarter of an hour, coarse ones after an hour."""
    partition = partition_of([queued(0, "a"), abandoned(5, "a")])
    rows = written(partition)
    fine = [key for key in rows if b'"f"' in key]
    assert len(fine) == 2
    partition.parts(at(4_000), everything=False)
    left = written(partition, rows)

    assert [key for key in left if b'"f"' in key or b'"c"' in key] == []
    assert [key for key in left if b'"d"' in key] != []


def test_no_rows_are_an_empty_partition() -> None:
    """As on the first start."""
    partition = restore(RULES, [])

    assert partition.counts == PartitionCounts()
    assert (partition.next_offset, partition.queues) == (0, {})


@pytest.mark.parametrize("version", [STATE_VERSION + 1, 99, None, "1"])
def test_an_unknown_version_is_refused(version: object) -> None:
    """The message names both versions and what to do."""
    rows = written(partition_of(EVENTS))
    rows[META_KEY] = orjson.dumps(orjson.loads(rows[META_KEY]) | {"v": version})

    told = rf"version .* release reads version {STATE_VERSION}"
    with pytest.raises(UnknownStateVersion, match=told):
        restore(RULES, rows.items())


def test_an_unknown_version_is_refused_before_its_rows_are_read() -> None:
    """Rows of another version may hold anything; the version is what must be said."""
    rows = {
        b"ca": b'{"a": "row of the future"}',
        b'q{"a": "key of the future"}': b"17",
        b"z": b"a kind of the future",
        META_KEY: b'{"v": 99}',
    }

    with pytest.raises(UnknownStateVersion):
        restore(RULES, rows.items())


def test_rows_without_a_meta_row_are_refused() -> None:
    """Their offset is unknown; guessing it would count events twice."""
    rows = written(partition_of(EVENTS))
    del rows[META_KEY]

    with pytest.raises(WireError, match="no meta row"):
        restore(RULES, rows.items())


def test_rows_that_nobody_wrote_are_refused() -> None:
    """The key is named."""
    rows = written(partition_of(EVENTS)) | {b"x1": b"{}"}

    with pytest.raises(WireError, match="b'x1'"):
        restore(RULES, rows.items())


def test_new_settings_judge_new_visits_only() -> None:
    """A visit keeps the threshold under which it opened, also across a restart."""
    events = [queued(0, "a"), queued(0, "b"), answered(30, "b")]
    rows = written(partition_of(events, 31))
    relaxed = Rules(queue=lambda *_: QueueRules(threshold_ms=60_000))
    again = restore(relaxed, rows.items())
    again.apply([answered(45, "a"), queued(50, "c"), answered(95, "c")], at(95))
    total = part_of_at(again, 95).total

    assert total["answered_late"] == 2
    assert total["crossed"] == 2
    assert total["answered_in_time"] == 1


def test_a_correction_after_new_settings_takes_back_what_was_added() -> None:
    """Otherwise the sums would never be right again."""
    rows = written(partition_of([queued(0, "a"), answered(30, "a")], 31))
    relaxed = Rules(queue=lambda *_: QueueRules(threshold_ms=60_000))
    again = restore(relaxed, rows.items())
    again.apply([answered(5, "a", agent="bo")], at(40))
    total = part_of_at(again, 40).total

    assert (total["answered"], total["answered_in_time"]) == (1, 1)
    assert total.keys() & {"answered_late", "crossed"} == set()


def test_a_folded_queue_stays_folded() -> None:
    """Its open contacts end where they began, though there is room now."""
    small = Rules(max_queues=1)
    rows = written(
        partition_of([queued(0, "a", "q"), queued(1, "b", "r")], rules=small)
    )
    again = restore(Rules(max_queues=10), rows.items())
    again.apply([abandoned(9, "b"), queued(10, "c", "r")], at(10))
    again.advance(at(10))

    assert part_of(again, OTHER_QUEUE).total["abandoned"] == 1
    assert part_of(again, "r").waiting == 1


def test_a_contact_with_a_clamped_event_is_restored() -> None:
    """The instant that was taken for it is the one that is written down."""
    partition = Partition(RULES)
    partition.apply([queued(0, "a"), answered(9_000, "a")], at(10))
    again = restore(RULES, written(partition).items())

    assert numbers(again, 20) == numbers(partition, 20)
    assert again.counts.future == 1


def test_names_may_hold_anything() -> None:
    """Keys keep non-ASCII, quotes and NUL apart."""
    names = ['a"b', "ä\x00ö", "c\n", "電話", "m"]
    events: list[Event] = [queued(0, name, f"q{name}") for name in names]
    partition = partition_of(events, 1)
    again = restore(RULES, written(partition).items())

    assert set(again.contacts) == set(names)
    assert numbers(again, 2) == numbers(partition, 2)
