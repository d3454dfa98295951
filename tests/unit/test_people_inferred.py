"""What people must have said, concluded from recorded contacts."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.events import Event, Kind
from monitor.core.people.events import AgentKind
from monitor.core.people.inferred import inferred_people
from monitor.wire.agent_events import decode_agent_event, encode_agent_event

MINUTE = 60_000
DAY = 24 * 60


def served(agent: str, start: float, end: float, queue: str = "q") -> list[Event]:
    """A call of this agent's; minutes."""
    contact = f"{agent}-{start}"
    at, until = round(start * MINUTE), round(end * MINUTE)
    return [
        Event(at, Kind.ANSWERED, contact, queue=queue, agent=agent),
        Event(until, Kind.ENDED, contact, queue=queue, agent=agent),
    ]


def said(*calls: list[Event]) -> list[str]:
    """What is concluded, as short words: minutes, what, queues."""
    events = inferred_people([event for call in calls for event in call], "x")
    return [
        f"{event.at / MINUTE:g} {event.agent} {AgentKind(event.kind).name.lower()} "
        f"{','.join(event.queues)}".strip()
        for event in events
    ]


def test_a_shift_lasts_from_the_first_call_to_the_end_of_the_last() -> None:
    """For all queues whose calls came; half an hour without a call is being ready."""
    assert said(
        served("a", 40, 45, "sales"),
        served("a", 5, 10, "support"),
        served("b", 7, 9),
    ) == [
        "5 a logged_in sales,support",
        "7 b logged_in q",
        "9 b logged_out",
        "45 a logged_out",
    ]


def test_more_than_half_an_hour_without_a_call_is_being_away() -> None:
    """From the end of one to the start of the next, however they overlap."""
    assert said(served("a", 0, 100), served("a", 10, 20), served("a", 130.5, 140)) == [
        "0 a logged_in q",
        "100 a away",
        "130.5 a ready",
        "140 a logged_out",
    ]


def test_more_than_six_hours_without_a_call_is_the_end_of_a_shift() -> None:
    """A night lies between two days of work, a midnight within one doesn't matter."""
    assert said(
        served("a", DAY - 5, DAY + 5),
        served("a", DAY + 10, DAY + 12),
        served("a", DAY + 12 + 6 * 60 + 1, DAY + 500),
    ) == [
        f"{DAY - 5} a logged_in q",
        f"{DAY + 12} a logged_out",
        f"{DAY + 373} a logged_in q",
        f"{DAY + 500} a logged_out",
    ]


def test_calls_that_say_of_nobody_that_they_were_there_are_left_out() -> None:
    """Nobody named, no end, no length."""
    no_end = served("a", 1, 2)[:1]

    assert said(served("", 1, 2), no_end, served("a", 5, 5)) == []


CALLS = st.lists(
    st.builds(
        lambda agent, start, length: served(agent, start, start + length),
        st.sampled_from(["a", "b"]),
        st.integers(0, 3 * DAY),
        st.integers(0, 90),
    ),
    max_size=12,
    unique_by=lambda call: call[0].contact,
)


@given(CALLS)
def test_whoever_has_a_call_is_logged_in_and_not_away(calls: list[list[Event]]) -> None:
    """And who is logged in logs out; ids are unique and the wire takes all of it."""
    events = inferred_people([event for call in calls for event in call], "x")
    again = inferred_people([event for call in calls[::-1] for event in call], "x")

    assert events == again
    assert len({event.id for event in events}) == len(events)
    for event in events:
        assert decode_agent_event(encode_agent_event(event)) == event
    for answered, ended in calls:
        if ended.at > answered.at:
            own = [event for event in events if event.agent == answered.agent]
            before = [event.kind for event in own if event.at <= answered.at]
            assert before[-1] in (AgentKind.LOGGED_IN, AgentKind.READY)
            during = [e for e in own if answered.at < e.at < ended.at]
            assert not during
            assert own[-1].kind == AgentKind.LOGGED_OUT
