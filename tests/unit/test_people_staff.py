"""People of one partition: limits, lateness, memory, days, what is counted of it."""

import gc
from collections.abc import Iterable
from typing import Any

import pytest

from monitor.core.people import person as person_module
from monitor.core.people.engagement import Engagement, Telling
from monitor.core.people.events import AgentEvent, AgentKind
from monitor.core.people.group import Group
from monitor.core.people.parts import PersonPart, occupancy, staffed_ms
from monitor.core.people.person import Sums
from monitor.core.people.rules import StaffRules
from monitor.core.people.staff import StaffPartition
from monitor.core.rules import OTHER_QUEUE, QueueRules, Rules
from tests.support.contacts import START, at

HOUR = 3_600
DAY = 24 * HOUR
RULES = Rules(queue=lambda *_: QueueRules())


def staff_of(*events: AgentEvent, **rules: Any) -> StaffPartition:
    staff = StaffPartition(StaffRules(**{"rules": RULES} | rules))
    staff.apply(events, 1 << 60)
    return staff


def said(seconds: float, agent: str, kind: AgentKind, **fields: Any) -> AgentEvent:
    return AgentEvent(at(seconds), int(kind), agent, **fields)


def logged_in(seconds: float, agent: str, *queues: str, **fields: Any) -> AgentEvent:
    own = {"says_queues": bool(queues), "queues": queues} | fields
    return said(seconds, agent, AgentKind.LOGGED_IN, **own)


def talk(
    agent: str, contact: str, *marks: tuple[float, str], handled: float = 0
) -> Telling:
    engagement = Engagement(
        agent,
        contact,
        1,
        "q",
        "voice",
        tuple((at(seconds), state) for seconds, state in marks),
        handled_at=at(handled) if handled else 0,
        talk_ms=1_000 if handled else 0,
    )
    return Telling(contact, (engagement,))


def person(staff: StaffPartition, agent: str) -> PersonPart:
    [found] = [each for each in staff.persons() if each.agent == agent]
    return found


def seconds(staff: StaffPartition, window: str = "") -> dict[str, float]:
    """Seconds by state of everybody, of all time or in a window."""
    part = staff.part(staff.accrued).everybody
    sums = part.windows[window] if window else part.total
    return {key: ms / 1000 for key, ms in sums.items()}


def test_windows_forget_and_days_end() -> None:
    """Rolling windows hold their length; today begins at the local midnight."""
    midnight = 15 * HOUR
    staff = staff_of(logged_in(0, "ann"), timezone="UTC")
    staff.part(at(midnight - 10))

    assert seconds(staff, "5m")["available"] == pytest.approx(300, abs=5)
    assert seconds(staff, "1h")["available"] == pytest.approx(3_600, abs=60)
    assert seconds(staff, "today") == seconds(staff) == {"available": midnight - 10}

    staff.part(at(midnight + 20))

    assert seconds(staff, "today") == {"available": 20}
    assert seconds(staff) == {"available": midnight + 20}
    assert person(staff, "ann").today == {"available": 20_000}
    assert person(staff, "ann").total == {"available": (midnight + 20) * 1000}


def test_a_day_with_a_change_of_clocks_has_its_own_length() -> None:
    """In Sofia the day of 2026-03-29 has 23 hours."""
    staff = staff_of(timezone="Europe/Sofia")
    begin = 1_774_735_200_000
    staff.apply([AgentEvent(begin - 5_000, int(AgentKind.READY), "ann")], 1 << 60)
    staff.part(begin + 23 * 3_600_000 - 1)
    last = person(staff, "ann").today
    staff.part(begin + 23 * 3_600_000 + 1_000)

    assert last == {"available": 23 * 3_600_000 - 1}
    assert person(staff, "ann").today == {"available": 1_000}


def test_a_jump_of_the_clock_costs_no_pane_for_each_moment() -> None:
    """What no window can hold is added day by day, and the sums are the same."""
    group = Group("", RULES, QueueRules())
    group.spend({"talking": 2}, at(0), at(30 * DAY), at(30 * DAY))

    assert len(group.booked) < 800
    group.settle(at(30 * DAY))
    assert group.panes.total == {"talking": 2 * 30 * DAY * 1000}
    assert group.panes.windows()["today"] == {"talking": 2 * 9 * HOUR * 1000}


def test_late_events_are_counted_and_dropped() -> None:
    """Judged by the newest event of the same feed, not by a clock."""
    staff = staff_of(logged_in(HOUR, "ann"), logged_in(HOUR - 900, "bo"))
    staff.apply([logged_in(HOUR - 901, "cy")], 1 << 60)

    assert (staff.counts.applied, staff.counts.late) == (2, 1)
    assert sorted(staff.people) == ["ann", "bo"]


def test_an_event_of_the_future_is_taken_as_of_now() -> None:
    """Further ahead than the allowance."""
    staff = StaffPartition(StaffRules(rules=RULES))
    staff.apply([logged_in(1_000, "ann"), logged_in(50, "bo")], at(0))
    staff.part(at(0))

    assert staff.counts.future == 1
    assert person(staff, "ann").since == at(0)
    assert person(staff, "bo").state == "unknown"


def test_source_events_move_time_and_nobody() -> None:
    """A heartbeat of the source makes older events late."""
    staff = staff_of(
        AgentEvent(at(HOUR), int(AgentKind.SOURCE_HEARTBEAT), "", source="wfm"),
        logged_in(0, "ann"),
    )

    assert (staff.counts.applied, staff.counts.late, staff.people) == (1, 1, {})


def test_people_beyond_the_limit_are_counted_only() -> None:
    """A flood of ids takes no memory, by either way."""
    staff = staff_of(*[logged_in(0, f"a{n}") for n in range(5)], max_agents=2)
    staff.take([talk("a9", "c", (1, "talking"))], at(1))

    assert sorted(staff.people) == ["a0", "a1"]
    assert (staff.counts.folded, staff.counts.unengaged) == (3, 1)
    assert staff.counts.read == 5


def test_queues_beyond_the_limit_are_one() -> None:
    """Somebody who serves several of them is counted there once."""
    rules = Rules(queue=lambda *_: QueueRules(), max_queues=2)
    staff = staff_of(logged_in(0, "ann", *[f"q{n}" for n in range(6)]), rules=rules)
    part = staff.part(at(10))

    assert [group.name for group in part.queues] == sorted([OTHER_QUEUE, "q0", "q1"])
    assert [group.states["available"] for group in part.queues] == [1, 1, 1]
    assert [staffed_ms(group.total) for group in part.queues] == [10_000] * 3


def test_reasons_beyond_the_limit_are_other() -> None:
    """They become names of sums."""
    staff = staff_of(
        *[said(0, f"a{n}", AgentKind.AWAY, reason=f"r{n}") for n in range(4)],
        max_reasons=2,
    )

    assert staff.part(at(1)).everybody.away == {"other": 2, "r0": 1, "r1": 1}


def test_who_says_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once; the positions are told, for the dead letters."""
    monkeypatch.setattr(person_module, "MAX_CHARACTERS", 200)
    staff = StaffPartition(StaffRules(rules=RULES))
    events = [said(n, "ann", AgentKind.READY) for n in range(6)]

    assert staff.apply(events, 1 << 60) == [4, 5]
    assert (staff.counts.applied, staff.counts.refused) == (4, 2)


def test_who_said_too_much_at_once_is_heard_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When what they said is old enough to be folded away, on the next word."""
    monkeypatch.setattr(person_module, "MAX_CHARACTERS", 200)
    staff = StaffPartition(StaffRules(rules=RULES))
    staff.apply([said(0, "ann", AgentKind.READY, id=str(n)) for n in range(5)], 1 << 60)
    staff.advance(at(HOUR))
    refused = []
    for second in range(2):
        late = said(2 * HOUR + second, "ann", AgentKind.AWAY)
        refused.append(list(staff.apply([late], 1 << 60)))
        staff.take([], late.at)
        staff.advance(late.at)

    assert refused == [[0], []]
    assert person(staff, "ann").state == "away"


def test_who_says_much_in_a_long_time_is_folded_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A feed of contacts that is far behind is waited for as long as memory lasts."""
    monkeypatch.setattr(person_module, "MAX_CHARACTERS", 500)
    staff = staff_of(logged_in(0, "ann"))
    staff.take([talk("bo", "c", (0, "talking"))], at(0))
    for hour in range(1, 20):
        kind = AgentKind.AWAY if hour % 2 else AgentKind.READY
        staff.apply([said(HOUR * hour, "ann", kind)], 1 << 60)
        staff.advance(at(HOUR * hour))

    assert staff.counts.refused == 0
    assert len(staff.people["ann"].events) <= 4
    assert person(staff, "ann").total == {
        "available": HOUR * 10 * 1_000,
        "away:": HOUR * 9 * 1_000,
    }


def test_heartbeats_that_say_nothing_new_are_not_kept() -> None:
    """In any order, and the state is the one of all of them."""
    beats = [said(5 * n, "ann", AgentKind.HEARTBEAT) for n in range(1, 100)]
    for order in (beats, beats[::-1]):
        staff = staff_of(logged_in(0, "ann"), *order)
        staff.advance(at(0))

        assert len(staff.people["ann"].events) < 20
        assert [span.at for span in staff.people["ann"].spans] == [at(0), at(615)]


def test_memory_ends_where_the_slowest_feed_has_passed() -> None:
    """However far ahead the others are: its news still finds its place."""
    staff = staff_of(logged_in(0, "ann"))
    staff.take([talk("bo", "c", (0, "talking"))], at(0))
    staff.take([], at(2 * HOUR))
    staff.apply([logged_in(1, "cy")], 1 << 60)
    staff.take([], at(20 * HOUR))
    staff.apply([logged_in(2, "dee")], 1 << 60)

    assert staff.memory.base_at == at(2) - 2 * RULES.horizon_ms
    assert (staff.counts.applied, staff.counts.late) == (3, 0)


def test_memory_waits_for_every_source_of_contacts() -> None:
    """A partition that wasn't heard yet may have old news."""
    staff = StaffPartition(StaffRules(rules=RULES), sources=2)
    staff.take([], at(10 * HOUR), source=1)
    assert staff.memory.base_at == 0
    staff.take([], at(4 * HOUR), source=0)

    assert staff.memory.base_at == at(4 * HOUR) - 2 * RULES.horizon_ms


def test_long_days_take_the_memory_of_their_horizon() -> None:
    """And give the sums of all of it."""
    staff = staff_of(logged_in(0, "ann"))
    calls = 500
    for number in range(calls):
        begin = 60 * number
        contact = f"c{number}"
        done = talk(
            "ann", contact, (begin, "talking"), (begin + 45, ""), handled=begin + 45
        )
        staff.take([done], at(begin + 45))
        staff.take([done._replace(final=True)], at(begin + 45))
        staff.apply([said(begin + 50, "ann", AgentKind.READY)], 1 << 60)
        staff.part(at(begin + 60))
    ann = staff.people["ann"]

    assert len(ann.events) + len(ann.closed) + len(ann.spans) < 300
    assert ann.contacts == {}
    assert len(staff.memory.engaged) == 0
    assert len(staff._changes) < 10
    assert person(staff, "ann").total == {
        "talking": 45_000 * calls,
        "available": 15_000 * calls,
        "handled": calls,
        "talk_ms": 1_000 * calls,
    }
    assert seconds(staff) == {"talking": 45 * calls, "available": 15 * calls}


def test_a_person_with_too_many_contacts_is_folded_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A robot: its sums are right as long as nothing comes late."""
    monkeypatch.setattr(person_module, "MAX_CLOSED", 10)
    staff = staff_of()
    for number in range(100):
        begin = number
        told = talk("bot", f"c{number}", (begin, "talking"), (begin + 0.5, ""))
        staff.take([told._replace(final=True)], at(begin))
        staff.advance(at(begin + 1))
    staff.apply([logged_in(5, "bot")], 1 << 60)

    assert len(staff.people["bot"].closed) <= 12
    assert seconds(staff) == {"talking": 50, "available": 50}
    assert staff.counts.late == 1


def test_a_contact_says_everything_anew_each_time() -> None:
    """Who isn't in it any more is free; handled counts once."""
    staff = staff_of()
    first = talk("ann", "c", (0, "talking"), (30, ""), handled=30)
    staff.take([first], at(30))
    staff.take([first], at(30))
    staff.part(at(60))
    handled, before = person(staff, "ann").total["handled"], seconds(staff)
    staff.take([talk("bo", "c", (0, "talking"))], at(60))
    staff.part(at(60))

    assert handled == 1
    assert before == {"talking": 30, "available": 30}
    assert [each.agent for each in staff.persons()] == ["bo"]
    assert seconds(staff) == {"talking": 60}


def test_two_lives_of_one_id_are_two_contacts() -> None:
    """What the first one said last stays."""
    staff = staff_of()
    first = talk("ann", "c", (0, "talking"), (30, ""), handled=30)
    second = talk("ann", "c", (40, "talking"), (50, ""), handled=50)
    staff.take([first._replace(final=True), second], at(50))
    staff.part(at(50))

    assert person(staff, "ann").total["handled"] == 2
    assert seconds(staff) == {"talking": 40, "available": 10}


def test_what_a_contact_says_of_the_time_beyond_memory_is_clipped() -> None:
    """And counted."""
    staff = staff_of()
    staff.take([], at(2 * HOUR))
    staff.take([talk("ann", "c", (0, "talking"))], at(2 * HOUR))
    staff.part(at(2 * HOUR))

    assert staff.counts.clipped == 1
    assert seconds(staff) == {"talking": 1_800}


def test_occupancy_of_nothing_is_nothing() -> None:
    """Never 0 and never 1."""
    assert occupancy({}) is None
    assert occupancy({"away:": 5}) is None
    assert occupancy({"ringing": 5}) == 0


def test_every_state_is_there_always() -> None:
    """Zeros too, before anybody is known."""
    part = staff_of().part(START)

    assert list(part.everybody.states.values()) == [0] * 8
    assert list(part.everybody.windows) == ["5m", "15m", "30m", "1h", "today"]


def test_sums_add_days_apart() -> None:
    """A stretch over midnight is in both days."""
    sums = Sums()
    days = staff_of()._days
    sums.spend("talking", at(15 * HOUR - 10), at(15 * HOUR + 5), days)

    assert sorted(day["talking"] for day in sums.days.values()) == [5_000, 10_000]
    assert sums.total == {"talking": 15_000}


def test_people_leave_no_cycles_to_collect() -> None:
    """State is a large heap; it must not depend on the cyclic collector."""
    gc.collect()
    staff = staff_of(logged_in(0, "ann", "q"))
    for number in range(200):
        some_calls(staff, number)
    del staff

    assert gc.collect() == 0


def some_calls(staff: StaffPartition, number: int) -> Iterable[None]:
    staff.take([talk(f"a{number % 7}", f"c{number}", (number, "talking"))], at(number))
    staff.part(at(number))
    return ()
