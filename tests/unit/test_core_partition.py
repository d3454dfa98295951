"""The state of a partition: late and future events, limits, memory, changes."""

import gc
from collections.abc import Iterator

import pytest

from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.rules import OTHER_QUEUE, QueueRules, Rules
from monitor.core.sources import MAX_SOURCES, OTHER_SOURCE
from tests.support.contacts import (
    RULES,
    abandoned,
    answered,
    at,
    ended,
    event,
    heartbeat,
    part_of,
    partition_of,
    queued,
    started,
)

HORIZON = 900
"""The default lateness horizon, seconds."""


def changed(partition: Partition, seconds: float) -> list[str]:
    """Queues whose numbers changed since the last call."""
    parts = partition.parts(at(seconds), everything=False)
    return sorted(part.queue for part in parts)


# -- late, future, duplicate ----------------------------------------------------


def test_an_event_of_exactly_the_horizon_is_not_late() -> None:
    """One millisecond more is, and counts nothing."""
    partition = partition_of([heartbeat(HORIZON), queued(0, "a"), queued(-0.001, "b")])

    assert (partition.counts.applied, partition.counts.late) == (2, 1)
    assert part_of(partition).waiting == 1


def test_lateness_is_judged_by_the_log_not_by_the_clock() -> None:
    """A worker that catches up hours later finds nothing late that wasn't late then."""
    partition = Partition(RULES)
    partition.apply([queued(0, "a"), queued(60, "b")], at(7 * 3600))
    partition.advance(at(7 * 3600))
    partition.apply([answered(5, "a"), answered(70, "b")], at(7 * 3600))

    assert partition.counts.late == 0
    assert part_of(partition).total["answered"] == 2


def test_lateness_is_judged_by_all_contacts_together() -> None:
    """The newest event of any contact or source moves the horizon on."""
    partition = partition_of([queued(0, "a"), heartbeat(HORIZON + 10)])
    partition.apply([abandoned(5, "a")], at(HORIZON + 10))

    assert partition.counts.late == 1
    assert part_of(partition).waiting == 1


@pytest.mark.parametrize("batches", [1, 2, 7])
def test_what_is_late_does_not_depend_on_batches(batches: int) -> None:
    """The same log gives the same counts, however it is cut."""
    events = [queued(s, f"c{s}") for s in (0, 950, 20, 49, 51, 2000, 1100, 1099, 3000)]
    partition = Partition(RULES)
    for start in range(0, len(events), -(-len(events) // batches)):
        partition.apply(events[start : start + -(-len(events) // batches)], at(5000))
        partition.advance(at(5000))

    assert partition.counts.late == 3
    assert partition.counts.read == len(events)


def test_an_event_far_ahead_of_now_is_taken_as_of_now() -> None:
    """A clock that is wrong must not make all others late."""
    partition = Partition(RULES)
    partition.apply([queued(86_400, "a")], at(0))
    partition.apply([queued(1, "b")], at(1))

    assert partition.counts.future == 1
    assert partition.counts.late == 0
    assert partition.watermark == at(1)
    assert part_of(partition).oldest_waiting == at(0)


def test_an_event_a_little_ahead_of_now_is_taken_as_it_is() -> None:
    """Up to 60 s, inclusive, clocks may differ."""
    partition = Partition(RULES)
    partition.apply([queued(60, "a"), queued(60.001, "b")], at(0))

    assert partition.counts.future == 1
    assert partition.contacts["a"].visits[0].queued_at == at(60)
    assert partition.contacts["b"].visits[0].queued_at == at(0)


def test_a_contact_from_a_little_ahead_waits_no_negative_time() -> None:
    """The longest wait is 0 until now comes to its entry."""
    partition = Partition(RULES)
    partition.apply([queued(30, "a")], at(0))
    partition.advance(at(0))

    assert part_of(partition).waiting == 1
    assert part_of(partition).waiting_over_threshold == 0


def test_counts_add_up_to_what_was_read() -> None:
    """Applied, duplicate and late are all that events can be."""
    events = [queued(0, "a"), queued(0, "a"), heartbeat(2_000), abandoned(3, "a")]
    counts = partition_of(events).counts

    assert (counts.applied, counts.duplicate, counts.late) == (2, 1, 1)
    assert counts.read == 4


def test_the_newest_instant_of_each_source_is_known() -> None:
    """For the lag; an older event doesn't move it back."""
    events = [
        queued(5, "a", source="pbx"),
        queued(3, "b", source="pbx"),
        heartbeat(9, "chat"),
    ]

    assert partition_of(events).counts.last_event_at == {"pbx": at(5), "chat": at(9)}


def test_sources_beyond_the_limit_are_counted_together() -> None:
    """A producer that invents a name for each event can't fill the memory."""
    events = [heartbeat(1, f"s{number}") for number in range(MAX_SOURCES + 5)]
    newest = partition_of(events).counts.last_event_at

    assert len(newest) == MAX_SOURCES + 1
    assert newest[OTHER_SOURCE] == at(1)


# -- queues ---------------------------------------------------------------------


def test_queue_names_beyond_the_limit_are_counted_as_other() -> None:
    """Names that are known stay themselves, and each fold is counted."""
    rules = Rules(max_queues=2)
    events = [queued(n, f"c{n}", f"q{n}") for n in range(4)]
    partition = partition_of([*events, queued(9, "d", "q0")], rules=rules)

    assert sorted(queue for queue, _ in partition.queues) == [OTHER_QUEUE, "q0", "q1"]
    assert part_of(partition, OTHER_QUEUE).waiting == 2
    assert part_of(partition, "q0").waiting == 2
    assert partition.counts.queues_folded == 2


def test_channels_of_a_known_queue_need_no_more_room() -> None:
    """The limit is on names, because names are what grows without end."""
    rules = Rules(max_queues=1)
    events = [queued(0, "a", "q"), queued(0, "b", "q", channel="chat")]

    assert partition_of(events, rules=rules).counts.queues_folded == 0


def test_events_that_name_a_folded_queue_find_its_visit() -> None:
    """They use the queue's own name, not the one that it is counted under."""
    rules = Rules(max_queues=1)
    partition = partition_of(
        [
            queued(0, "a", "q0"),
            queued(0, "b", "q1"),
            answered(5, "b", queue="q1"),
            ended(9, "b", queue="q1"),
        ],
        rules=rules,
    )
    total = part_of(partition, OTHER_QUEUE).total

    assert (total["offered"], total["answered"], total["handled"]) == (1, 1, 1)


def test_a_folded_queue_stays_folded_when_its_contact_is_folded_anew() -> None:
    """A late event changes no queue's name, and no contact is counted twice."""
    rules = Rules(max_queues=1)
    partition = partition_of(
        [
            queued(0, "a", "q0"),
            queued(1, "b", "q1"),
            answered(20, "b"),
            event(5, "b", Kind.ALERTING, agent="ann"),
        ],
        rules=rules,
    )

    assert part_of(partition, OTHER_QUEUE).total["offered"] == 1
    assert part_of(partition, OTHER_QUEUE).total["alerts"] == 1


def test_who_waits_longest_is_known_as_contacts_come_and_go() -> None:
    """By the instant of entry, whatever the order of arrival."""
    partition = partition_of([queued(5, "b"), queued(2, "a"), queued(9, "c")])
    assert part_of(partition).oldest_waiting == at(2)
    partition.apply([abandoned(10, "a")], at(10))
    assert part_of(partition).oldest_waiting == at(5)
    partition.apply([abandoned(11, "b"), abandoned(12, "c")], at(12))

    assert part_of(partition).oldest_waiting == 0


def test_an_agent_with_two_contacts_is_one_agent_in_hand() -> None:
    """Chats at once; wrap-up counts too."""
    partition = partition_of(
        [
            answered(0, "a", queue="q"),
            answered(1, "b", queue="q"),
            answered(2, "c", queue="q", agent="bo"),
            ended(9, "c", agent="bo", wrap_up=True),
        ]
    )
    assert part_of(partition).agents_in_hand == 2
    partition.apply([ended(10, "a")], at(10))
    assert part_of(partition).agents_in_hand == 2
    partition.apply([ended(11, "b"), event(12, "c", Kind.WRAPPED_UP)], at(12))

    assert part_of(partition).agents_in_hand == 0


# -- what has changed -----------------------------------------------------------


def test_only_queues_that_changed_are_told() -> None:
    """By event; everything is told when everything is asked for."""
    partition = partition_of([queued(0, "a", "p"), queued(0, "b", "q")])
    assert changed(partition, 1) == ["p", "q"]
    assert changed(partition, 1) == []
    partition.apply([answered(2, "a")], at(2))

    assert changed(partition, 2) == ["p"]
    assert len(partition.parts(at(2), everything=True)) == 2


def test_the_clock_changes_queues_too() -> None:
    """T is crossed, windows decay, the day begins anew; in between there is peace."""
    partition = partition_of([queued(0, "a")])
    changed(partition, 1)

    assert changed(partition, 20) == []
    assert changed(partition, 20.001) == ["q"]
    assert changed(partition, 299) == []
    assert changed(partition, 306) == ["q"]
    assert changed(partition, 307) == []


def test_a_correction_is_a_change_even_when_it_changes_no_window() -> None:
    """The counter of corrections is shown as well."""
    partition = partition_of([queued(0, "a"), answered(9, "a")])
    changed(partition, 10)
    partition.apply([answered(5, "a")], at(10))

    assert changed(partition, 10) == ["q"]
    assert part_of(partition).corrected["answered_wait_ms"] > 0


def test_an_earlier_now_is_the_one_before() -> None:
    """Clocks are set back now and then; nothing is taken back for it."""
    partition = partition_of([queued(0, "a")], 25)
    partition.advance(at(3))

    assert partition.now == at(25)
    assert part_of(partition).waiting_over_threshold == 1


def test_changes_for_a_checkpoint_are_seen() -> None:
    """An empty partition has none; an event, an offset make some."""
    partition = Partition(RULES)
    before = partition.has_changes
    partition.apply([queued(0, "a")], at(0))

    assert (before, partition.has_changes) == (False, True)
    assert partition.dirty_rows > 0


# -- memory ---------------------------------------------------------------------


def one_call_a_second(count: int) -> Iterator[Event]:
    for second in range(count):
        yield queued(second, f"c{second}")
        yield answered(second, f"c{second}")
        yield ended(second, f"c{second}")


def test_closed_contacts_are_forgotten_beyond_the_horizon() -> None:
    """Memory holds the horizon, not the history."""
    partition = Partition(RULES)
    most = 0
    for one in one_call_a_second(5_000):
        partition.apply([one], one.at)
        partition.advance(one.at)
        most = max(most, len(partition.contacts))

    assert HORIZON <= most <= HORIZON + 2
    assert part_of(partition).total["handled"] == 5_000


def test_open_contacts_are_kept_however_old() -> None:
    """And forgotten once they are over and the horizon has passed over that."""
    partition = partition_of([queued(0, "a")])
    for second in range(0, 3 * HORIZON, 10):
        partition.apply([heartbeat(second)], at(second))
        partition.advance(at(second))
    assert set(partition.contacts) == {"a"}
    partition.apply([abandoned(3 * HORIZON, "a")], at(3 * HORIZON))
    for second in range(3 * HORIZON, 4 * HORIZON, 10):
        partition.apply([heartbeat(second)], at(second))
        partition.advance(at(second))
    assert set(partition.contacts) == {"a"}
    partition.apply([heartbeat(5 * HORIZON)], at(5 * HORIZON))
    partition.advance(at(5 * HORIZON))

    assert partition.contacts == {}


def timers(partition: Partition) -> int:
    """How many timers are set, of all kinds."""
    live = partition.live
    lanes = (live.crossings, live.ages, partition.reviews, partition.endings)
    return sum(len(lane) for lane in lanes)


def test_contacts_that_wait_for_hours_cost_no_more_each_second() -> None:
    """Timers are as many as contacts, not as seconds; a quiet log changes nothing."""
    partition = partition_of([queued(n, f"c{n}", channel="chat") for n in range(20)])
    for half in range(2 * 3 * HORIZON):
        if half < 2 * 2 * HORIZON and half % 20 == 0:
            partition.apply([heartbeat(half / 2)], at(half / 2))
        partition.parts(at(half / 2), everything=False)

    assert len(partition.contacts) == 20
    assert timers(partition) <= 3 * 20


def test_a_second_visit_with_a_shorter_age_expires_too() -> None:
    """The contact's first visit might have waited for a day, this one for an hour."""
    day, hour = QueueRules(max_age_ms=86_400_000), QueueRules(max_age_ms=3_600_000)
    rules = Rules(queue=lambda queue, _: day if queue == "slow" else hour)
    partition = partition_of([queued(0, "a", "slow")], rules=rules)
    for second in range(0, 6_000, 10):
        partition.apply([heartbeat(second)], at(second))
        if second == 2_000:
            partition.apply([queued(second, "a", "quick")], at(second))
        partition.advance(at(second))

    assert part_of(partition, "quick").total["expired"] == 1
    assert partition.contacts["a"].visits[1].fate_at == at(5_600)


def test_a_quiet_log_makes_no_work_of_closed_contacts() -> None:
    """They can't be forgotten before the log goes on, so nobody looks again."""
    partition = partition_of([queued(n, f"c{n}") for n in range(20)])
    partition.apply([abandoned(n, f"c{n}") for n in range(20)], at(20))
    partition.advance(at(2 * HORIZON))
    before = list(partition.endings._line)
    partition.advance(at(3 * HORIZON))

    assert list(partition.endings._line) == before
    assert len(partition.contacts) == 20


def test_a_restart_of_a_source_is_forgotten_beyond_the_horizon() -> None:
    """A source that starts again and again keeps its last starts only."""
    partition = Partition(RULES)
    for second in range(0, 10_000, 100):
        partition.apply([started(second, "pbx")], at(second))

    assert len(partition.starts["pbx"]) == HORIZON // 100 + 1


def test_visits_are_finished_once_the_horizon_has_passed_over_them() -> None:
    """Each is handed out once."""
    partition = partition_of([queued(0, "a"), abandoned(5, "a"), queued(6, "b")])
    assert partition.finished() == []
    partition.apply([heartbeat(HORIZON + 6)], at(HORIZON + 6))
    partition.advance(at(HORIZON + 6))
    [record] = partition.finished()

    assert (record.contact, record.fate, record.wait_ms) == ("a", "abandoned", 5_000)
    assert partition.finished() == []


def test_finished_visits_are_not_gathered_for_nobody() -> None:
    """Where visits aren't published."""
    partition = Partition(RULES, keep_finished=False)
    partition.apply([queued(0, "a"), abandoned(5, "a"), heartbeat(2_000)], at(2_000))
    partition.advance(at(2_000))

    assert partition.contacts == {}
    assert partition.finished() == []


def test_a_replay_leaves_no_cycles_to_collect() -> None:
    """The heap is large, and the collector's cost is half of the throughput.

    Corrections, expiries, restarts and forgetting among them.
    """
    rules = Rules(queue=lambda *_: QueueRules(max_age_ms=60_000))
    gc.collect()
    gc.disable()
    try:
        partition = Partition(rules)
        for second in range(0, 3_000, 3):
            contact = f"c{second}"
            events = [
                answered(second + 2, contact),
                queued(second, contact),
                event(second + 1, contact, Kind.ALERTING, agent="ann"),
                queued(second, f"open{second}"),
            ]
            partition.apply(events, at(second))
            partition.apply([started(second, "pbx")] * (second % 300 == 0), at(second))
            partition.parts(at(second), everything=True)
            partition.finished()
        found = gc.collect()
    finally:
        gc.enable()

    assert len(partition.contacts) < 1_200
    assert found == 0
