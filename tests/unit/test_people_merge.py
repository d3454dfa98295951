"""From partitions of people to everybody: sums, staleness, pieces, names."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.people.merge import StaffMerge, merge_groups
from monitor.core.people.parts import GroupPart, StaffCounts, StaffMessage
from monitor.core.people.states import STATES
from monitor.core.queue_names import Names
from monitor.core.rules import OTHER_QUEUE

STALE_MS = 10_000


def group(name: str, available: int = 0, since: int = 0) -> GroupPart:
    sums = {"available": 1_000 * available} if available else {}
    part = GroupPart(name=name, windows={"5m": dict(sums)}, total=dict(sums))
    part.states["available"] = available
    if since:
        part.oldest["available"] = since
    return part


def message(source: int, *groups: GroupPart, offset: int = 0, **more: Any) -> Any:
    told: dict[str, Any] = {"complete": True, "counts": StaffCounts()} | more
    return StaffMessage(source=source, offset=offset, groups=list(groups), **told)


def shown(merge: StaffMerge) -> dict[str, int]:
    return {each.name: each.states["available"] for each in merge.groups()}


def test_partitions_are_added_up() -> None:
    """The oldest of any is the oldest of all."""
    merge = StaffMerge(2, STALE_MS)
    merge.accept(message(0, group("", 2, since=50), group("help", 1)), 0)
    assert not merge.is_complete(0)
    merge.accept(message(1, group("", 3, since=20)), 0)

    assert merge.is_complete(0)
    assert shown(merge) == {"": 5, "help": 1}
    everybody = merge.groups()[0]
    assert everybody.windows == {"5m": {"available": 5_000}}
    assert everybody.oldest == {"available": 20}


def test_a_partition_that_is_not_heard_makes_all_stale() -> None:
    """Until it is heard again."""
    merge = StaffMerge(2, STALE_MS)
    merge.accept(message(0, group("", 1)), 0)
    merge.accept(message(1, group("", 1)), 5_000)

    assert merge.is_complete(10_000)
    assert not merge.is_complete(10_001)
    merge.accept(message(0, group("", 1)), 10_001)
    assert merge.is_complete(10_001)


def test_what_is_behind_is_not_believed() -> None:
    """A zombie's news; when nobody else tells anything it is all there is."""
    merge = StaffMerge(1, STALE_MS)
    merge.accept(message(0, group("", 4), offset=9), 0)

    assert not merge.accept(message(0, group("", 1), offset=8), 1_000)
    assert shown(merge) == {"": 4}
    assert merge.accept(message(0, group("", 1), offset=8), 10_001)
    assert shown(merge) == {"": 1}


def test_a_partition_begins_with_something_complete() -> None:
    """Of which every piece must have come."""
    merge = StaffMerge(1, STALE_MS)
    assert not merge.accept(message(0, group("", 1), complete=False), 0)
    first = message(0, group("", 1), piece=0, pieces=2)
    last = message(0, group("help", 1), piece=1, pieces=2)

    assert not merge.accept(last, 0)
    assert not merge.accept(first, 0)
    assert merge.accept(last, 0)
    assert shown(merge) == {"": 1, "help": 1}
    assert merge.accept(message(0, group("help", 2), complete=False), 0)
    assert shown(merge) == {"": 1, "help": 2}


def test_names_beyond_the_limit_are_shown_together() -> None:
    """Everybody is no queue's name."""
    merge = StaffMerge(1, STALE_MS, Names(1, frozenset({"own"})))
    merge.accept(
        message(0, group("", 9), group("a", 1), group("b", 2), group("own", 3)), 0
    )

    assert shown(merge) == {"": 9, "a": 1, "own": 3, OTHER_QUEUE: 2}


@given(st.lists(st.integers(0, 5), min_size=3, max_size=3), st.integers(0, 2))
def test_merging_is_associative(counts: list[int], cut: int) -> None:
    """Sums of sums are the sum; every state is there, zeros too."""
    parts = [group("help", count, since=count) for count in counts]
    halves = [merge_groups("help", parts[:cut]), merge_groups("help", parts[cut:])]
    merged = merge_groups("help", parts)

    assert merge_groups("help", halves) == merged
    assert tuple(merged.states) == STATES
