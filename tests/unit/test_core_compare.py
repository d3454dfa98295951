"""Numbers compared with the log's: what differs, and what can't be compared."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from monitor.core.compare import (
    FOLDED,
    ONE_SIDED,
    TOO_OLD,
    Comparison,
    Difference,
    Numbers,
    Reach,
    Scope,
    Skip,
    compare,
    scope_of,
)
from monitor.core.events import Event
from monitor.core.partition import Partition
from monitor.core.rules import QueueRules, Rules
from monitor.core.view import PartitionCounts, QueuePart
from tests.support.contacts import RULES, START, at
from tests.support.generated_day import generate_day

WHOLE = Scope(is_whole=True)
HOUR = 3_600_000
NEVER_AHEAD = 1 << 60


def part(**fields: Any) -> QueuePart:
    """A queue of which every group of numbers has some."""
    given: dict[str, Any] = {
        "waiting": 2,
        "waiting_over_threshold": 1,
        "oldest_waiting": START,
        "agents_in_hand": 1,
        "phases": {"alerting": 1, "talking": 1, "held": 0, "wrap_up": 0},
        "windows": {
            **{window: {"offered": 3} for window in ("5m", "15m", "30m", "1h")},
            "today": {"offered": 5},
        },
        "total": {"offered": 7, "answered": 4},
    }
    return QueuePart(queue="support", channel="voice", **given | fields)


def numbers(*parts: QueuePart, now: int = START, **counts: Any) -> Numbers:
    given: dict[str, Any] = {"read": 9, "applied": 8, "dead_letters": {"not_json": 1}}
    return Numbers(now, PartitionCounts(**given | counts), parts)


def compared(live: Numbers, recomputed: Numbers, rules: Rules = RULES) -> Comparison:
    return compare(live, recomputed, WHOLE, rules)


def test_equal_numbers_have_no_difference() -> None:
    """And every one of them was looked at."""
    result = compared(numbers(part()), numbers(part()))

    assert result.differences == []
    assert result.skipped == {}
    # read … ignored, one reason; live, phases, windows, total.
    assert result.numbers == 5 + 1 + 7 + 4 + 5 + 2


@pytest.mark.parametrize(
    "fields, number, live",
    [
        ({"waiting": 3}, "waiting", 3),
        ({"waiting_over_threshold": 2}, "waiting_over_threshold", 2),
        ({"oldest_waiting": START - 1}, "oldest_waiting", START - 1),
        ({"agents_in_hand": 0}, "agents_in_hand", 0),
        ({"active": 1}, "active", 1),
        ({"inactive": 1}, "inactive", 1),
        ({"active_agents": [7]}, "active_agents", 1),
        (
            {"phases": {"alerting": 1, "talking": 2, "held": 0, "wrap_up": 0}},
            "phases.talking",
            2,
        ),
        (
            {"windows": part().windows | {"30m": {"offered": 4}}},
            "windows.30m.offered",
            4,
        ),
        ({"windows": part().windows | {"today": {}}}, "windows.today.offered", 0),
        ({"total": {"offered": 8, "answered": 4}}, "total.offered", 8),
        ({"total": {"offered": 7}}, "total.answered", 0),
    ],
)
def test_a_queues_number_that_differs_is_named(
    fields: dict[str, Any], number: str, live: int
) -> None:
    """With the queue and both values; nothing else is named."""
    result = compared(numbers(part(**fields)), numbers(part()))

    [difference] = result.differences
    assert difference[:4] == ("support", "voice", number, live)
    assert difference.recomputed != live


@pytest.mark.parametrize(
    "counts, number, values",
    [
        ({"read": 10}, "counts.read", (10, 9)),
        ({"applied": 7}, "counts.applied", (7, 8)),
        ({"duplicate": 1}, "counts.duplicate", (1, 0)),
        ({"late": 1}, "counts.late", (1, 0)),
        ({"ignored": 1}, "counts.ignored", (1, 0)),
        ({"dead_letters": {}}, "counts.dead_letters.not_json", (0, 1)),
        ({"last_event_at": {"pbx": 5}}, "counts.last_event_at.pbx", (5, 0)),
    ],
)
def test_a_count_that_differs_is_named(
    counts: dict[str, Any], number: str, values: tuple[int, int]
) -> None:
    """It is the partition's, not a queue's."""
    result = compared(numbers(part(), **counts), numbers(part()))

    assert result.differences == [Difference("", "", number, *values)]


def test_a_queue_that_one_side_does_not_know_has_zeros_there() -> None:
    """Which queues were ever heard of may depend on the order of events."""
    empty = QueuePart(queue="calm", channel="chat", windows=dict(part().windows))
    for window in empty.windows:
        empty.windows[window] = {}
    lone = replace(part(), queue="lone")

    assert compared(numbers(part(), empty), numbers(part())).differences == []
    found = compared(numbers(part()), numbers(part(), lone)).differences
    assert Difference("lone", "voice", "total.offered", 0, 7) in found
    assert {difference.queue for difference in found} == {"lone"}


def test_what_depends_on_who_looked_is_not_compared() -> None:
    """Corrections, events ahead of the clock, folded queues."""
    live = numbers(part(corrected={"crossed": 3}), future=2, queues_folded=1)

    assert compared(live, numbers(part())).differences == []


def test_a_window_of_one_side_only_is_named_and_not_compared() -> None:
    """Workers and command have different settings then; it is no drift."""
    windows = dict(part().windows)
    windows["10m"] = windows.pop("5m")
    result = compared(numbers(part(windows=windows)), numbers(part()))

    assert result.differences == []
    assert result.skipped == {
        Skip(window, ONE_SIDED): [("support", "voice")] for window in ("10m", "5m")
    }


@pytest.mark.parametrize(
    "first_offset, live_read, is_whole", [(0, 9, True), (5, 9, True), (5, 14, False)]
)
def test_a_log_is_whole_if_the_state_was_made_from_it(
    first_offset: int, live_read: int, is_whole: bool
) -> None:
    """From offset 0, or from later when the state was begun later, too."""
    live = numbers(part(), read=live_read)
    scope = scope_of(Reach(first_offset, START), live, numbers(part()), RULES)

    assert scope.is_whole == is_whole


def test_a_log_without_its_beginning_is_complete_a_horizon_later() -> None:
    """Events that it lost may be that much newer than the first one it has."""
    live = numbers(part(), read=100)
    scope = scope_of(Reach(5, START), live, numbers(part()), RULES)

    assert scope == Scope(is_whole=False, complete_at=START + RULES.horizon_ms)


def test_a_log_without_any_event_tells_nothing() -> None:
    """Then nothing is called equal."""
    live, recomputed = numbers(part(), read=100), numbers(read=0)
    scope = scope_of(Reach(5, 0), live, recomputed, RULES)
    result = compare(live, recomputed, scope, RULES)

    assert result.numbers == 0
    assert skipped(result) == {
        *("counts", "total", "live", "5m", "15m", "30m", "1h", "today")
    }


def skipped(result: Comparison) -> set[str]:
    """The groups that weren't compared, of one queue or of several."""
    return {skip.group for skip in result.skipped}


def cut_compared(
    live: Numbers, complete_at: int, max_age: int = 0, **queue: Any
) -> Comparison:
    """Compared with the usual numbers by a log that is complete from then on."""
    rules = Rules(queue=lambda *_: QueueRules(max_age_ms=max_age, **queue))
    recomputed = numbers(part(), now=live.now)
    return compare(live, recomputed, Scope(False, complete_at), rules)


def test_only_windows_that_began_late_enough_are_compared() -> None:
    """The others, and what is counted since the beginning, are named."""
    now = START + 3 * HOUR
    live = numbers(part(waiting=9), now=now, read=100)
    result = cut_compared(live, now - HOUR)

    assert result.skipped == {
        Skip("counts", TOO_OLD): [],
        Skip("total", TOO_OLD): [("support", "voice")],
        Skip("1h", TOO_OLD): [("support", "voice")],
        Skip("today", TOO_OLD): [("support", "voice")],
    }
    assert result.differences == [Difference("support", "voice", "waiting", 9, 2)]
    assert result.numbers == 7 + 4 + 3


def test_a_visit_may_have_begun_a_full_age_earlier() -> None:
    """Before the log's beginning, that is; each queue by its own age."""
    now = START + 3 * HOUR
    live = numbers(part(), now=now, read=100)
    start = now - 2 * HOUR - 400_000

    assert "5m" not in skipped(cut_compared(live, start, 2 * HOUR))
    assert "5m" in skipped(cut_compared(live, start, 2 * HOUR + 60_000))
    ages = {"support": HOUR, "mail": 300 * HOUR}
    rules = Rules(queue=lambda queue, _: QueueRules(max_age_ms=ages[queue]))
    both = live._replace(queues=[part(), replace(part(), queue="mail", waiting=8)])
    result = compare(both, both, Scope(False, start), rules)
    assert result.skipped[Skip("live", TOO_OLD)] == [("mail", "voice")]


def test_a_pane_that_reaches_into_the_unknown_is_not_compared() -> None:
    """A window holds up to one pane more than its length."""
    live = numbers(part(), read=100)

    assert "5m" in skipped(cut_compared(live, START - 300_000))
    assert "5m" not in skipped(cut_compared(live, START - 360_000))


@pytest.mark.parametrize("zone, is_compared", [("UTC", False), ("Asia/Dubai", True)])
def test_today_begins_at_the_queues_own_midnight(zone: str, is_compared: bool) -> None:
    """At 21:00 UTC a day has begun in Dubai one hour ago."""
    now = at(12 * 3600)
    live = numbers(part(), now=now, read=100)
    result = cut_compared(live, now - 2 * HOUR, timezone=zone)

    assert ("today" not in skipped(result)) == is_compared


def test_folded_queues_need_the_whole_log() -> None:
    """Names from before its beginning have taken the room."""
    live = numbers(part(), read=100, queues_folded=1)
    result = cut_compared(live, 1)

    assert result.numbers == 0
    assert Skip("live", FOLDED) in result.skipped
    assert Skip("5m", FOLDED) in result.skipped


def fold(events: list[Event], now: int) -> Numbers:
    partition = Partition(RULES)
    for begin in range(0, len(events), 500):
        partition.apply(events[begin : begin + 500], NEVER_AHEAD)
        partition.advance(partition.watermark)
    return Numbers(now, partition.counts, partition.parts(now, everything=True))


def tampered(
    live: Numbers, change: Callable[[QueuePart], QueuePart]
) -> tuple[str, Numbers]:
    first, *rest = live.queues
    return first.queue, live._replace(queues=[change(first), *rest])


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_the_rest_of_a_log_agrees_in_all_that_it_can_tell(share: float) -> None:
    """A day with late and repeated events, cut: what is compared is equal."""
    day = generate_day(1_500, seed=6, hours=12)
    now = max(event.at for event in day)
    cut = int(len(day) * share)
    live, recomputed = fold(day, now), fold(day[cut:], now)
    begins_at = max(event.at for event in day[cut : cut + 100])
    scope = scope_of(Reach(cut, begins_at), live, recomputed, RULES)
    result = compare(live, recomputed, scope, RULES)

    assert compared(live, recomputed).differences  # a careless comparison would differ
    assert not scope.is_whole
    assert result.differences == []
    assert result.numbers > 400
    assert skipped(result) == {"counts", "total", "today"}
    queue, wrong = tampered(live, lambda part: replace(part, waiting=part.waiting + 1))
    found = compare(wrong, recomputed, scope, RULES).differences
    assert [(d.queue, d.number) for d in found] == [(queue, "waiting")]
