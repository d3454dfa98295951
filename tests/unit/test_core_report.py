"""The report: names, order, what doesn't exist, sums over queues and channels."""

from typing import Any

import pytest

from monitor.core.events import Kind
from monitor.core.kpi import answer_wait_quantiles_seconds
from monitor.core.report import instant, queue_report, report
from monitor.core.rules import QueueRules, Rules
from monitor.core.view import PartitionCounts, QueueView
from tests.support.contacts import (
    abandoned,
    answered,
    at,
    ended,
    event,
    heartbeat,
    left,
    partition_of,
    queued,
    report_of,
)

INTERFACE = set(
    """channels offered answered abandoned abandoned_short diverted expired rejected
    waiting in_progress waiting_max longest_wait_seconds answered_wait_seconds_sum
    abandoned_wait_seconds_sum talk_seconds_sum hold_seconds_sum acw_seconds_sum
    handled speed_of_answer_seconds time_to_abandon_seconds handle_time_seconds
    abandonment_ratio service_level windows first_response_seconds response_seconds
    inactive concurrency messages""".split()
)
SERVICE_LEVEL = set(
    """threshold_seconds policy ratio in_time counted answered_in_time
    abandoned_in_time crossed policies""".split()
)
LIVE = set(
    """channels waiting in_progress waiting_max longest_wait_seconds inactive
    concurrency""".split()
)


def a_report(queue_rules: QueueRules | None = None) -> dict[str, Any]:
    rules = Rules(queue=lambda *_: queue_rules or QueueRules())
    events = [
        queued(0, "a"),
        answered(10, "a"),
        ended(70, "a"),
        queued(0, "b", "sales"),
        abandoned(30, "b"),
        queued(5, "c", "sales", channel="chat"),
        left(9, "c", "callback"),
        queued(50, "d"),
        queued(20, "e", "sales"),
    ]
    return report_of(partition_of(events, 80, rules), at(80))


def test_every_name_of_the_interface_is_there() -> None:
    """Of the report, a queue, its service level and its windows."""
    numbers = a_report()
    queue = numbers["queues"]["sales"]

    assert list(numbers) == ["now", "events", "drift", "queues", "total"]
    assert list(numbers["events"]) == [
        "read",
        "applied",
        "duplicate",
        "late",
        "ignored",
        "dead_letters",
    ]
    assert queue.keys() >= INTERFACE
    assert queue["service_level"].keys() >= SERVICE_LEVEL
    assert list(queue["windows"]) == ["5m", "15m", "30m", "1h", "today"]
    for window in queue["windows"].values():
        assert INTERFACE - LIVE - {"windows"} <= window.keys()


def test_the_order_of_names_is_the_same_everywhere() -> None:
    """In each queue and in the total, so that texts can be compared."""
    numbers = a_report()

    assert list(numbers["queues"]) == ["q", "sales"]
    for queue in numbers["queues"].values():
        assert list(queue) == list(numbers["total"])


def test_the_total_is_the_sum_of_the_queues() -> None:
    """Counts are added; ratios are formed of the sums."""
    numbers = a_report()
    queues, total = numbers["queues"].values(), numbers["total"]

    for name in ("offered", "answered", "abandoned", "waiting", "handled"):
        assert total[name] == sum(queue[name] for queue in queues)
    assert total["offered"] == 5
    assert total["diverted"] == {"callback": 1}
    assert total["longest_wait_seconds"] == 60
    assert total["abandonment_ratio"] == pytest.approx(1 / 3)
    assert total["channels"] == ["chat", "voice"]


def test_the_setting_of_the_queue_stands_beside_its_service_level() -> None:
    """Threshold, target and policy; whole seconds as they were configured."""
    rules = QueueRules(
        threshold_ms=30_000, target_ratio=0.9, policy="abandons_positive"
    )
    level = a_report(rules)["queues"]["sales"]["service_level"]

    assert level["threshold_seconds"] == 30
    assert isinstance(level["threshold_seconds"], int)
    assert (level["target_ratio"], level["policy"]) == (0.9, "abandons_positive")
    assert level["ratio"] == level["policies"]["abandons_positive"]


def test_half_a_second_s_threshold_is_shown_as_such() -> None:
    """Not rounded."""
    level = a_report(QueueRules(threshold_ms=1_500))["total"]["service_level"]

    assert level["threshold_seconds"] == 1.5


def test_what_does_not_exist_is_none() -> None:
    """Nobody came: no ratio, no mean, no quantile, and zeros for counts."""
    total = report_of(partition_of([heartbeat(0)]), at(0))["total"]

    assert total["service_level"]["ratio"] is None
    assert set(total["service_level"]["policies"].values()) == {None}
    assert set(total["answer_wait_quantiles_seconds"].values()) == {None}
    for name in ("speed_of_answer_seconds", "handle_time_seconds", "abandonment_ratio"):
        assert total[name] is None
    assert (total["offered"], total["longest_wait_seconds"]) == (0, 0.0)
    assert total["estimated_wait"] is None


def test_a_threshold_of_each_channel_judges_its_own_contacts() -> None:
    """Voice within 20 s, chat within 60 s, in one queue."""
    rules = Rules()
    events = [
        queued(0, "a"),
        answered(30, "a"),
        queued(0, "b", channel="chat"),
        answered(30, "b"),
    ]
    level = report_of(partition_of(events, rules=rules), at(40))["total"]

    assert level["service_level"]["in_time"] == 1
    assert level["service_level"]["counted"] == 2


def test_offers_and_transfers_are_told() -> None:
    """Attempts that weren't taken, and how contacts were passed on."""
    events = [
        queued(0, "a"),
        event(1, "a", Kind.ALERTING, agent="ann"),
        event(9, "a", Kind.ALERT_ENDED, agent="ann", reason="no_answer"),
        answered(20, "a", agent="bo"),
        event(30, "a", Kind.TRANSFERRED, agent="bo", reason="blind"),
        ended(30, "a", agent="bo"),
    ]
    queue = report_of(partition_of(events), at(40))["queues"]["q"]

    assert (queue["alerts"], queue["ring_no_answer"]) == (1, 1)
    assert (queue["transferred"], queue["transfer_ratio"]) == ({"blind": 1}, 1.0)


def test_quantiles_come_from_the_histogram() -> None:
    """Of 100 waits between 15 and 20 s the median is in the middle of the bucket."""
    events = [answered(n, f"c{n}", queue="q", duration_ms=17_000) for n in range(100)]
    quantiles = report_of(partition_of(events), at(100))["total"]

    assert quantiles["answer_wait_quantiles_seconds"] == {
        "p50": 17.5,
        "p90": 19.5,
        "p95": 19.75,
    }


def test_quantiles_use_every_bound_that_the_histogram_can_have() -> None:
    """As `/metrics` does: all waits were over 25 s, so none is taken for 21 s."""
    bounds = (10_000, 25_000, 30_000)
    rules = Rules(
        queue=lambda *_: QueueRules(threshold_ms=25_000, wait_buckets_ms=bounds),
        wait_buckets_ms=bounds,
    )
    events = [queued(0, "a"), answered(28, "a"), queued(0, "b"), answered(29, "b")]
    numbers = report_of(partition_of(events, 80, rules), at(80))["queues"]["q"]
    shown = numbers["answer_wait_quantiles_seconds"]

    sums = {"answer_wait_le:30000": 2}
    assert list(shown.values()) == answer_wait_quantiles_seconds(sums, bounds)
    assert shown["p50"] == 27.5
    assert numbers["windows"]["5m"]["answer_wait_quantiles_seconds"] == shown


def test_conversations_have_their_parts_beside_them() -> None:
    """Means with their counts and sums, concurrency with contacts and agents."""
    said = {"channel": "chat"}
    events = [
        queued(0, "a", **said),
        answered(5, "a"),
        event(10, "a", Kind.MESSAGE, reason="customer"),
        event(25, "a", Kind.MESSAGE, reason="agent", agent="ann"),
        queued(0, "b", **said),
        answered(5, "b"),
        event(30, "b", Kind.MESSAGE, reason="bot"),
    ]
    numbers = report_of(partition_of(events, 80), at(80))
    queue = numbers["queues"]["q"]

    for place in (queue, queue["windows"]["5m"], queue["windows"]["today"]):
        assert (place["first_responses"], place["first_response_seconds_sum"]) == (
            1,
            15,
        )
        assert (place["responses"], place["response_seconds_sum"]) == (1, 15)
        assert place["first_response_seconds"] == place["response_seconds"] == 15
        assert place["messages"] == {"agent": 1, "bot": 1, "customer": 1}
    assert (queue["active"], queue["inactive"], queue["active_agents"]) == (2, 0, 1)
    assert queue["concurrency"] == numbers["total"]["concurrency"] == 2


def test_drift_is_seen_in_the_queue_and_in_the_whole() -> None:
    """If the law were broken, it would show."""
    broken = QueueView(
        queue="q", channel="voice", rules=QueueRules(), waiting=1, total={"offered": 3}
    )
    whole = report([broken], PartitionCounts(), 0)

    assert queue_report([broken], 0)["drift"] == 2
    assert whole["drift"] == 2


def test_instants_are_rfc_3339() -> None:
    """UTC, with milliseconds."""
    assert instant(at(0)) == "2026-11-20T09:00:00.000Z"
    assert instant(at(0) + 7) == "2026-11-20T09:00:00.007Z"
