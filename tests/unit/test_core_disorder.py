"""What the independent judge of tests/faults found in the core, each held by a test."""

import pytest

from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.view import QueuePart
from tests.support.contacts import (
    RULES,
    answered,
    at,
    ended,
    event,
    heartbeat,
    part_of,
    queued,
    started,
)

HOUR = 3600


def folded(events: list[Event], *, looks: bool) -> Partition:
    """The partition of `events`, looked at after each of them or only at the end."""
    partition = Partition(RULES)
    for one in events:
        partition.apply([one], at(24 * HOUR))
        if looks:
            partition.advance(partition.watermark)
    partition.advance(partition.watermark)
    return partition


def numbers(part: QueuePart) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    return part.total, part.windows


@pytest.mark.parametrize("wait", [1_000, 2_000])
def test_what_comes_after_a_contact_is_over_depends_on_the_log_alone(wait: int) -> None:
    """Not on whether the clock had made the worker forget the contact by then."""
    events = [
        queued(0, "a"),
        answered(10, "a"),
        ended(60, "a"),
        heartbeat(wait),
        event(wait + 5, "a", Kind.WRAPPED_UP, agent="ann"),
        queued(wait + 10, "a"),
    ]
    often, once = folded(events, looks=True), folded(events, looks=False)

    assert numbers(part_of(often)) == numbers(part_of(once))
    assert part_of(once).total["handled"] == 1
    assert "acw_ms" not in part_of(once).total
    assert [len(p.finished()) for p in (often, once)] == [1, 1]


def test_a_contact_that_expired_long_ago_is_over_though_nobody_looked() -> None:
    """Its id begins another life, and the expired one is written as final."""
    events = [queued(0, "a"), heartbeat(9 * HOUR), answered(9 * HOUR + 5, "a")]
    often, once = folded(events, looks=True), folded(events, looks=False)

    assert numbers(part_of(often)) == numbers(part_of(once))
    assert part_of(once).total["expired"] == 1
    assert [v.fate for v in once.finished()] == ["expired"]


def test_an_id_that_lives_again_is_forgotten_once_for_each_life() -> None:
    """The timers of its first life wake nobody of the second."""
    partition = folded(
        [
            queued(0, "a"),
            ended(60, "a"),
            queued(2_000, "a"),
            ended(2_060, "a"),
            heartbeat(9 * HOUR),
        ],
        looks=False,
    )

    assert len(partition.finished()) == 2
    assert partition.contacts == {}


def test_a_restart_is_remembered_as_long_as_a_contact_has_lived_through_it() -> None:
    """A later restart drops the ones beyond the horizon, not what they closed."""
    source = {"source": "pbx"}
    events = [
        queued(0, "a", **source),
        started(10, "pbx"),
        # A call that goes on though its source began anew.
        *[event(since, "a", Kind.ALERTING, **source) for since in (600, 1_200)],
        answered(1_250, "a", **source),
        started(1_300, "pbx"),
        # Folds the contact anew, because it comes before what is known.
        event(1_100, "a", Kind.ALERTING, **source),
    ]
    total = part_of(folded(events, looks=True)).total

    assert (total["offered"], total["expired"]) == (1, 1)
    assert "answered" not in total


def test_an_older_event_never_sets_a_visits_last_sign_of_life_back() -> None:
    """An answer and a hold by a slow clock, tried again when the entry has come."""
    events = [
        started(5, "pbx"),
        started(15, "pbx"),
        answered(10, "a", source="pbx"),
        event(11, "a", Kind.HELD, agent="ann", source="pbx"),
        event(12, "a", Kind.RESUMED, agent="ann", source="pbx"),
        queued(30, "a", source="pbx"),
        ended(90, "a", source="pbx"),
    ]
    in_order = part_of(folded(events, looks=True))
    reverse = part_of(folded(list(reversed(events)), looks=True))

    assert numbers(in_order) == numbers(reverse)
    assert in_order.total["handled"] == 1
