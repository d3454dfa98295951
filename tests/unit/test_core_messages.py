"""Messages are events like others: they say that a contact goes on, in any order."""

from random import Random

import pytest

from monitor.core.contact import CROWDED, TOO_MANY_EVENTS
from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.rules import QueueRules, Rules
from monitor.core.view import QueuePart
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
)

MINUTE = Rules(queue=lambda *_: QueueRules(max_age_ms=60_000))


def message(seconds: float, contact: str = "a", **fields: object) -> Event:
    return event(seconds, contact, Kind.MESSAGE, **fields)


def in_steps(events: list[Event], rules: Rules = RULES) -> Partition:
    """Time passes up to each event before it comes."""
    partition = Partition(rules)
    for one in events:
        partition.advance(one.at)
        partition.apply([one], one.at)
        partition.advance(partition.watermark)
    return partition


def at_once(events: list[Event], rules: Rules = RULES) -> Partition:
    partition = Partition(rules)
    partition.apply(events, events[-1].at)
    return partition


def numbers(partition: Partition, seconds: float) -> list[QueuePart]:
    return partition.parts(at(seconds), everything=True)


def test_a_message_does_not_bring_a_contact_back_that_is_over() -> None:
    """What it does must not depend on whether somebody has looked before."""
    events = [
        queued(0, "a"),
        abandoned(10, "a"),
        heartbeat(1200),
        message(1201),
        queued(1202, "a", visit=1),
    ]
    assert numbers(at_once(events), 1300) == numbers(in_steps(events), 1300)
    assert numbers(at_once(events), 1300)[0].total["offered"] == 2


@pytest.mark.parametrize("looks", [[75], [72, 75], [61, 70.5, 72, 75]])
def test_a_message_that_comes_late_takes_an_expiry_back(looks: list[float]) -> None:
    """The conversation went on, whoever looked in between."""
    partition = Partition(MINUTE)
    partition.apply([queued(0, "a"), answered(10, "a")], at(10))
    for seconds in looks:
        partition.advance(at(seconds))
    partition.apply([message(69)], at(75))
    part = part_of(partition)

    assert part.phases["talking"] == 1
    assert "unfinished" not in part.total
    assert numbers(partition, 130)[0].total["unfinished"] == 1


def test_a_message_may_come_before_the_contacts_first_event() -> None:
    """Inside the horizon any order gives the same."""
    events = [queued(60, "a"), answered(61, "a"), message(65), message(100)]
    expected = numbers(at_once(events, MINUTE), 159)
    for seed in range(10):
        shuffled = list(events)
        Random(seed).shuffle(shuffled)
        partition = Partition(MINUTE)
        for one in shuffled:
            partition.apply([one], at(101))

        assert numbers(partition, 159) == expected
    assert expected[0].phases["talking"] == 1


def test_a_message_twice_is_a_message_once() -> None:
    partition = partition_of([queued(0, "a"), message(5), message(5)])

    assert partition.counts.duplicate == 1


def test_whose_contact_it_is_the_message_does_not_say() -> None:
    """A restart of the source must end it, whoever wrote in it before."""
    partition = partition_of(
        [message(0, source="bot"), queued(1, "a", source="pbx"), answered(2, "a")]
    )
    partition.apply([Event(at(9), Kind.SOURCE_STARTED, "", source="pbx")], at(9))

    assert part_of(partition).total["unfinished"] == 1


def test_a_visit_that_opens_after_the_first_review_has_an_age_too() -> None:
    """No event comes any more, and the clock alone must expire it."""
    events = [
        queued(0, "b"),
        answered(60, "b"),
        ended(840, "b"),
        heartbeat(910),
        queued(960, "b"),
    ]
    part = numbers(in_steps(events), 960 + 5 * 3600)[0]

    assert (part.waiting, part.total["expired"]) == (0, 1)


def test_a_long_conversation_is_thinned_and_stays_the_same() -> None:
    """Days of messages fit into one row, and no message is refused."""
    events = [queued(0, "a"), answered(5, "a")]
    events += [message(10 + 20 * n, id=f"m{n}") for n in range(4_000)]
    partition = Partition(RULES)
    for begin in range(0, len(events), 100):
        chunk = events[begin : begin + 100]
        partition.apply(chunk, chunk[-1].at)
        partition.advance(partition.watermark)
    log = partition.contacts["a"].log

    assert TOO_MANY_EVENTS not in partition.counts.dead_letters
    assert CROWDED < len(log) < 150
    assert part_of(partition).phases["talking"] == 1
    # An event that comes late folds the contact anew, from what was kept.
    last = events[-1].at
    partition.apply([event(0, "a", Kind.HELD)._replace(at=last - 30_000)], last)
    assert part_of(partition).phases["held"] == 1


def test_messages_that_a_gap_makes_necessary_are_kept() -> None:
    """Without them the conversation would have run out in between."""
    rules = Rules(queue=lambda *_: QueueRules(max_age_ms=600_000), horizon_ms=100_000)
    events = [queued(0, "a"), answered(5, "a")]
    events += [message(10 + 500 * n) for n in range(200)]
    partition = in_steps(events, rules)
    partition.apply([message(10 + 500 * 199 - 50)], at(10 + 500 * 199))

    assert part_of(partition).phases["talking"] == 1
    assert "unfinished" not in part_of(partition).total
