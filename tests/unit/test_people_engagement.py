"""What contacts say of people: marks of every way that a visit can go."""

from itertools import permutations
from typing import Any

from monitor.core.events import Event, Kind
from monitor.core.people.engagement import Engagement, telling_of
from monitor.core.people.timeline import with_past
from monitor.core.rules import QueueRules, Rules
from tests.support.contacts import (
    START,
    abandoned,
    answered,
    at,
    ended,
    event,
    left,
    partition_of,
    queued,
    started,
)

RULES = Rules(queue=lambda *_: QueueRules(max_age_ms=600_000))


def told(*events: Event, seconds: float = 0) -> list[Engagement]:
    partition = partition_of(events, seconds, RULES)
    return list(telling_of(partition.contacts["a"]).engagements)


def marks(*events: Event, seconds: float = 0) -> dict[str, list[tuple[float, str]]]:
    """Marks by agent, in seconds."""
    return {
        each.agent: [((at_ms - START) / 1000, state) for at_ms, state in each.marks]
        for each in told(*events, seconds=seconds)
    }


def rings(seconds: float, agent: str) -> Event:
    return event(seconds, "a", Kind.ALERTING, agent=agent)


def rings_out(seconds: float, agent: str = "") -> Event:
    return event(seconds, "a", Kind.ALERT_ENDED, agent=agent, reason="no_answer")


def wrapped_up(seconds: float, acw_ms: int = -1) -> Event:
    return event(seconds, "a", Kind.WRAPPED_UP, agent="ann", duration_ms=acw_ms)


def test_a_contact_of_no_time_is_handled_all_the_same() -> None:
    """Sources with whole seconds report answer and end in one; it leaves no marks."""
    [engagement] = told(queued(0, "a"), answered(5, "a"), ended(5, "a"))

    assert engagement.marks == ()
    assert engagement.handled_at == at(5)


def test_the_usual_visit_needs_no_notes() -> None:
    """Queued, answered, ended: the facts say all, and the fold writes nothing more."""
    events = (queued(0, "a"), answered(5, "a"), ended(65, "a"))
    [visit] = partition_of(events).contacts["a"].visits

    assert visit.hands is None
    assert told(*events) == [
        Engagement(
            "ann",
            "a",
            1,
            "q",
            "voice",
            ((at(5), "talking"), (at(65), "")),
            handled_at=at(65),
            talk_ms=60_000,
        )
    ]


def test_nobody_is_engaged_by_a_contact_without_an_agent() -> None:
    """It waits, or is answered by somebody who isn't named."""
    assert told(queued(0, "a"), abandoned(9, "a")) == []
    assert told(queued(0, "a"), answered(5, "a", agent="")) == []


def test_holds_are_told_apart() -> None:
    """And a takeover ends a hold."""
    assert marks(
        queued(0, "a"),
        answered(5, "a"),
        event(10, "a", Kind.HELD, agent="ann"),
        event(20, "a", Kind.RESUMED, agent="ann"),
        event(30, "a", Kind.HELD, agent="ann"),
        answered(40, "a", agent="bo"),
    ) == {
        "ann": [(5, "talking"), (10, "held"), (20, "talking"), (30, "held"), (40, "")],
        "bo": [(40, "talking")],
    }


def test_it_is_over_for_one_when_the_next_is_connected() -> None:
    """However many pass it on; only the last one handled it."""
    found = told(
        queued(0, "a"),
        answered(5, "a", agent="ann"),
        answered(10, "a", agent="bo"),
        answered(20, "a", agent="cy"),
        ended(30, "a", agent="cy"),
    )

    assert [(each.agent, each.handled_at) for each in found] == [
        ("ann", 0),
        ("bo", 0),
        ("cy", at(30)),
    ]
    assert [each.marks[-1] for each in found] == [
        (at(10), ""),
        (at(20), ""),
        (at(30), ""),
    ]


def test_after_contact_work_goes_on_until_it_is_over() -> None:
    """Or until nobody believes in it any more."""
    talked = (queued(0, "a"), answered(5, "a"), ended(65, "a", wrap_up=True))

    assert marks(*talked) == {"ann": [(5, "talking"), (65, "wrap_up")]}
    assert marks(*talked, wrapped_up(95)) == {
        "ann": [(5, "talking"), (65, "wrap_up"), (95, "")]
    }
    assert marks(*talked, wrapped_up(95, 10_000)) == {
        "ann": [(5, "talking"), (65, "wrap_up"), (95, "")]
    }
    assert marks(*talked, seconds=700) == {
        "ann": [(5, "talking"), (65, "wrap_up"), (665, "")]
    }


def test_work_that_nobody_announced_is_as_long_as_reported() -> None:
    """Without a report it began when the contact ended."""
    talked = (queued(0, "a"), answered(5, "a"), ended(65, "a"))

    assert marks(*talked, wrapped_up(95, 10_000)) == {
        "ann": [(5, "talking"), (65, ""), (85, "wrap_up"), (95, "")]
    }
    assert marks(*talked, wrapped_up(95)) == {
        "ann": [(5, "talking"), (65, "wrap_up"), (95, "")]
    }


def test_what_never_ends_runs_out() -> None:
    """By age, and by a restart of its source."""
    talking = (queued(0, "a"), answered(5, "a"))

    assert marks(*talking, seconds=700) == {"ann": [(5, "talking"), (605, "")]}
    assert marks(*talking, started(50, "unknown")) == {
        "ann": [(5, "talking"), (50, "")]
    }


def test_work_after_a_concluded_end_runs_out_in_any_order() -> None:
    """The end comes after the contact was in another queue: the visit is open again."""
    events = [
        queued(0, "a", "sales"),
        answered(10, "a"),
        answered(40, "a", queue="q", agent="bo"),
        event(50, "a", Kind.WRAPPED_UP, agent="ann"),
        ended(60, "a", queue="sales", wrap_up=True),
    ]
    expected = [(10, "talking"), (60, "wrap_up"), (660, "")]

    for order in permutations(events):
        assert marks(*order, seconds=700)["ann"] == expected


def test_a_phone_rings_until_the_wait_is_over() -> None:
    """By an answer of anybody, a hang-up, another way out, or age."""
    rung = (queued(0, "a"), rings(5, "ann"))

    assert marks(*rung) == {"ann": [(5, "ringing")]}
    for last in (abandoned(9, "a"), left(9, "a", "timeout"), ended(9, "a")):
        assert marks(*rung, last) == {"ann": [(5, "ringing"), (9, "")]}
    assert marks(*rung, answered(9, "a", agent="bo")) == {
        "ann": [(5, "ringing"), (9, "")],
        "bo": [(9, "talking")],
    }
    assert marks(*rung, answered(9, "a")) == {"ann": [(5, "ringing"), (9, "talking")]}
    assert marks(*rung, seconds=700) == {"ann": [(5, "ringing"), (600, "")]}


def test_phones_fall_silent_one_by_one() -> None:
    """The last one may go unnamed; among several, who isn't named rings on."""
    rung = (queued(0, "a"), rings(5, "ann"), rings(6, "bo"))

    assert marks(*rung, rings_out(9, "ann")) == {
        "ann": [(5, "ringing"), (9, "")],
        "bo": [(6, "ringing")],
    }
    assert marks(*rung, rings_out(9)) == {
        "ann": [(5, "ringing")],
        "bo": [(6, "ringing")],
    }
    assert marks(*rung, rings_out(9), rings_out(10)) == {
        "ann": [(5, "ringing"), (10, "")],
        "bo": [(6, "ringing"), (10, "")],
    }


def test_each_stay_in_a_queue_is_told_apart() -> None:
    """With its queue and channel."""
    found = told(
        queued(0, "a", "sales", channel="chat"),
        answered(5, "a"),
        queued(10, "a", "support", channel="chat"),
        answered(20, "a", agent="bo"),
    )

    assert [(each.agent, each.visit, each.queue, each.channel) for each in found] == [
        ("ann", 1, "sales", "chat"),
        ("bo", 2, "support", "chat"),
    ]


def test_what_is_beyond_memory_stays_as_it_was() -> None:
    """News change what comes after its beginning only, here from 10 on."""
    cases: list[tuple[Any, Any, Any]] = [
        ((), ((20, "talking"),), ((20, "talking"),)),
        ((), ((5, "talking"), (20, "")), ((10, "talking"), (20, ""))),
        ((), ((5, "talking"), (8, "")), ()),
        (((5, "talking"),), (), ((5, "talking"), (10, ""))),
        (((5, "talking"),), ((5, "talking"), (8, "")), ((5, "talking"), (10, ""))),
        (((5, "talking"),), ((7, "held"), (9, "talking")), ((5, "talking"),)),
        (((5, "talking"),), ((5, "talking"), (10, "")), ((5, "talking"), (10, ""))),
    ]
    for old, new, expected in cases:
        assert with_past(old, new, 10) == expected
