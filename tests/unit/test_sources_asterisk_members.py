"""Asterisk's queue_log: what its agents' lines add up to, line after line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.people.events import AgentEvent, AgentKind, AnyEvent
from monitor.sources import NotAnEvent, asterisk_members
from monitor.sources.asterisk_members import AGENT_VERBS
from monitor.sources.asterisk_queue_log import QueueLog

AT = 1_596_513_000
Log = QueueLog


def log() -> QueueLog:
    return QueueLog("asterisk:pbx1")


def hear(log: QueueLog, *lines: str) -> list[str]:
    """What the lines say, as short words: seconds, what, and its fields.

    A line is `seconds|queue|agent|verb|data`; an instant between two seconds is told
    with its milliseconds.
    """
    return [word for line in lines for word in map(_word, _events(log, line))]


def _events(log: QueueLog, line: str) -> list[AnyEvent]:
    seconds, queue, agent, rest = line.split("|", 3)
    try:
        return log(f"{AT + int(seconds)}|NONE|{queue}|{agent}|{rest}".encode())
    except NotAnEvent:
        return []


def _word(event: AnyEvent) -> str:
    assert isinstance(event, AgentEvent)
    at = f"{(event.at - AT * 1000) / 1000:g}"
    words = [at, event.agent, AgentKind(event.kind).name.lower()]
    if event.says_queues:
        words.append(",".join(event.queues) or "-")
    if event.reason:
        words.append(event.reason)
    return " ".join(words)


def test_several_queues_come_one_after_the_other() -> None:
    """Each event names all of them; the last one removed is the end."""
    assert hear(
        log(),
        "0|support|Ann|ADDMEMBER|",
        "0|sales|Ann|ADDMEMBER|",
        "60|support|Ann|REMOVEMEMBER|",
        "61|sales|Ann|REMOVEMEMBER|",
        "90|sales|Ann|ADDMEMBER|",
    ) == [
        "0 Ann logged_in support",
        "0.001 Ann queues sales,support",
        "60 Ann queues sales",
        "61 Ann logged_out",
        "90 Ann logged_in sales",
    ]


def test_who_is_added_paused_is_away() -> None:
    """From the same instant."""
    assert hear(log(), "0|support|Ann|ADDMEMBER|PAUSED", "9|support|Ann|UNPAUSE|") == [
        "0 Ann logged_in support",
        "0 Ann away",
        "9 Ann ready",
    ]


def test_who_is_paused_in_one_queue_serves_the_others() -> None:
    """Away is who is paused in all; another reason is told as well."""
    assert hear(
        log(),
        "0|support|Ann|ADDMEMBER|",
        "1|sales|Ann|ADDMEMBER|",
        "10|support|Ann|PAUSE|training",
        "20|sales|Ann|PAUSE|lunch",
        "25|sales|Ann|PAUSE|doctor",
        "30|support|Ann|UNPAUSE|",
        "40|sales|Ann|UNPAUSE|",
    )[2:] == [
        "10 Ann queues sales",
        "20 Ann queues sales,support",
        "20 Ann away lunch",
        "25 Ann away doctor",
        "30 Ann queues support",
        "30 Ann ready",
        "40 Ann queues sales,support",
    ]


def test_a_pause_of_all_is_told_once() -> None:
    """Asterisk writes PAUSEALL first, with or without a reason, then every queue."""
    pbx = log()
    hear(pbx, "0|support|Ann|ADDMEMBER|", "0|sales|Ann|ADDMEMBER|")

    assert hear(
        pbx,
        "10|NONE|Ann|PAUSEALL|lunch",
        "10|support|Ann|PAUSE|lunch",
        "10|sales|Ann|PAUSE|lunch",
        "20|NONE|Ann|UNPAUSEALL|",
        "20|support|Ann|UNPAUSE|",
        "20|sales|Ann|UNPAUSE|",
        "30|NONE|Ann|PAUSEALL|",
        "30|support|Ann|PAUSE|tea",
        "30|sales|Ann|PAUSE|tea",
    ) == ["10 Ann away lunch", "20 Ann ready", "30 Ann away", "30.001 Ann away tea"]


def test_a_pause_of_all_makes_nobody_of_a_phones_name() -> None:
    """PAUSEALL names the interface, the lines of the queues name the member."""
    assert hear(
        log(),
        "0|support|Ann|ADDMEMBER|",
        "10|NONE|Local/100@from-queue|PAUSEALL|",
        "10|support|Ann|PAUSE|",
        "20|NONE|Local/100@from-queue|UNPAUSEALL|",
        "20|support|Ann|UNPAUSE|",
    ) == ["0 Ann logged_in support", "10 Ann away", "20 Ann ready"]


def test_lines_of_one_second_keep_their_order() -> None:
    """In and out of a break in one second is ready again, not away."""
    pbx = log()
    hear(pbx, "0|support|Ann|ADDMEMBER|")

    assert hear(
        pbx, "10|support|Ann|PAUSE|x", "10|support|Ann|UNPAUSE|", "10|q|Bo|ADDMEMBER|"
    ) == ["10 Ann away x", "10.001 Ann ready", "10 Bo logged_in q"]


def test_a_member_of_the_configuration_is_known_by_its_lines() -> None:
    """No ADDMEMBER announces it; a pause tells of the queues that it was seen in."""
    pbx = log()
    pbx(f"{AT}|c1|sales|Ann|CONNECT|3|x|2".encode())
    pbx(f"{AT}|c2|support|Ann|RINGNOANSWER|9000".encode())

    assert hear(pbx, "10|sales|Ann|PAUSE|x", "20|support|Ann|PAUSE|y") == [
        "10 Ann queues support",
        "10 Ann ready",
        "20 Ann queues sales,support",
        "20 Ann away y",
    ]
    assert hear(log(), "10|sales|Ann|PAUSE|x", "20|sales|Ann|UNPAUSE|") == [
        "10 Ann queues sales",
        "10 Ann away x",
        "20 Ann ready",
    ]


def test_a_call_that_still_rings_brings_no_member_back() -> None:
    """What was said of agent and queue is better than what follows from a call."""
    pbx = log()
    hear(pbx, "0|support|Ann|ADDMEMBER|", "5|support|Ann|REMOVEMEMBER|")
    pbx(f"{AT + 6}|c1|support|Ann|CONNECT|3|x|2".encode())

    assert hear(pbx, "9|sales|Ann|ADDMEMBER|") == ["9 Ann logged_in sales"]


@pytest.mark.parametrize("kind", ["AGENT", "AGENTCALLBACK"])
def test_agents_log_in_by_phone(kind: str) -> None:
    """Queues are told when they are known; logged off is logged off."""
    assert hear(
        log(),
        f"0|NONE|Agent/1001|{kind}LOGIN|200@default",
        "5|NONE|Agent/1001|PAUSEALL|lunch",
        "9|NONE|Agent/1001|UNPAUSEALL|",
        "10|support|Agent/1001|ADDMEMBER|",
        f"60|NONE|Agent/1001|{kind}LOGOFF|200@default|60",
        f"90|NONE|Agent/1001|{kind}LOGIN|201@default",
    ) == [
        "0 Agent/1001 logged_in",
        "5 Agent/1001 away lunch",
        "9 Agent/1001 ready",
        "10 Agent/1001 queues support",
        "60 Agent/1001 logged_out",
        "90 Agent/1001 logged_in support",
    ]


def test_who_is_removed_from_all_queues_but_logged_in_serves_none() -> None:
    """The phone counts; whoever is added again after a logoff is there again."""
    assert hear(
        log(),
        "0|NONE|Ann|AGENTCALLBACKLOGIN|200@default",
        "1|support|Ann|ADDMEMBER|",
        "2|support|Ann|REMOVEMEMBER|",
        "3|NONE|Ann|AGENTCALLBACKLOGOFF|200@default|3",
        "9|support|Ann|ADDMEMBER|",
        "10|support|Ann|REMOVEMEMBER|",
        "20|NONE|Ann|AGENTCALLBACKLOGIN|200@default",
    ) == [
        "0 Ann logged_in",
        "1 Ann queues support",
        "2 Ann queues -",
        "3 Ann logged_out",
        "9 Ann logged_in support",
        "10 Ann logged_out",
        "20 Ann logged_in -",
    ]


def test_a_restart_of_asterisk_forgets_no_member() -> None:
    """Members are kept by Asterisk too; only its calls are gone."""
    pbx = log()
    hear(pbx, "0|support|Ann|ADDMEMBER|")
    pbx(f"{AT + 5}|NONE|NONE|NONE|QUEUESTART|".encode())

    assert hear(pbx, "9|sales|Ann|ADDMEMBER|") == ["9 Ann queues sales,support"]


LINES = (
    "0|support|Ann|ADDMEMBER|",
    "1|sales|Ann|ADDMEMBER|",
    "10|support|Ann|PAUSE|x",
    "20|support|Ann|UNPAUSE|",
    "30|sales|Ann|REMOVEMEMBER|",
)


def test_the_same_lines_again_say_nothing_new() -> None:
    """Within the same log; from another reader they are the same events."""
    pbx = log()
    first = [event for line in LINES for event in _events(pbx, line)]
    other = log()

    assert hear(pbx, *LINES) == []
    assert [event for line in LINES for event in _events(other, line)] == first
    assert len({event.id for event in first}) == len(first)


def test_a_late_line_of_another_queue_counts() -> None:
    """It is told at once, since later events have named the queues without it."""
    pbx = log()
    hear(pbx, "11|support|Ann|ADDMEMBER|")

    assert hear(pbx, "10|sales|Ann|ADDMEMBER|") == ["11.001 Ann queues sales,support"]


def test_a_clock_that_was_set_back_makes_nobody_deaf() -> None:
    """Lines that are hours older than those before are taken as they come."""
    pbx = log()
    hear(pbx, "7200|support|Ann|ADDMEMBER|")

    assert hear(pbx, "0|support|Ann|PAUSE|x", "5|support|Ann|UNPAUSE|") == [
        "0 Ann away x",
        "5 Ann ready",
    ]


def test_agents_are_limited_and_who_is_out_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A flood of names is bounded in memory."""
    monkeypatch.setattr(asterisk_members, "MAX_AGENTS", 2)
    pbx = log()

    assert hear(
        pbx,
        "0|q|Ann|ADDMEMBER|",
        "0|q|Bo|ADDMEMBER|",
        "1|q|Cy|ADDMEMBER|",
        "2|q|Ann|REMOVEMEMBER|",
        "3|q|Cy|ADDMEMBER|",
    ) == [
        "0 Ann logged_in q",
        "0 Bo logged_in q",
        "2 Ann logged_out",
        "3 Cy logged_in q",
    ]


def test_queues_of_one_agent_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that names more is refused by whoever reads it."""
    monkeypatch.setattr(asterisk_members, "MAX_QUEUES", 2)

    assert hear(
        log(),
        "0|a|Ann|ADDMEMBER|",
        "1|b|Ann|ADDMEMBER|",
        "2|c|Ann|ADDMEMBER|",
        "3|a|Ann|REMOVEMEMBER|",
        "4|c|Ann|ADDMEMBER|",
    )[2:] == ["3 Ann queues b", "4 Ann queues b,c"]


@pytest.mark.parametrize(
    "memory",
    [
        {"agents": []},
        {"people": {}},
        {"agents": {"Ann": [1, 2]}},
        {"agents": {"Ann": [{"q": [1]}, [None, 0], [False, 0, ""], [None, 0]]}},
        {"agents": {"Ann": [{}, [None, "soon"], [False, 0, ""], [None, 0]]}},
    ],
)
def test_a_damaged_memory_is_refused(memory: dict[str, object]) -> None:
    """Said, never guessed."""
    with pytest.raises(ValueError, match="remembered of agents"):
        log().remember(memory)


SOME_LINES = st.lists(
    st.builds(
        "{}|{}|{}|{}|{}".format,
        st.integers(0, 2_000),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["Ann", "Bo"]),
        st.sampled_from(sorted(AGENT_VERBS)),
        st.sampled_from(["", "PAUSED", "tea"]),
    ),
    max_size=30,
)


@given(SOME_LINES, st.integers(0, 30))
def test_a_restart_anywhere_changes_nothing(lines: list[str], stop: int) -> None:
    """What is remembered survives JSON, and the rest of the log says the same."""
    pbx = log()
    whole = [_events(pbx, line) for line in lines]
    before, after = log(), log()
    again = [_events(before, line) for line in lines[:stop]]
    after.remember(json.loads(json.dumps(before.memory())))
    again += [_events(after, line) for line in lines[stop:]]

    assert again == whole
    assert after.memory() == pbx.memory()


@given(SOME_LINES)
def test_the_events_add_up_to_what_the_lines_say(lines: list[str]) -> None:
    """Whoever hears the events in order knows who is in, away, and where."""
    pbx = log()
    heard: dict[str, tuple[bool, bool, tuple[str, ...]]] = {}
    for line in sorted(lines, key=lambda line: int(line.split("|")[0])):
        for event in _events(pbx, line):
            assert isinstance(event, AgentEvent)
            was_in, away, queues = heard.get(event.agent, (False, False, ()))
            kind = event.kind
            heard[event.agent] = (
                kind != AgentKind.LOGGED_OUT,
                kind == AgentKind.AWAY
                or (away and was_in and kind == AgentKind.QUEUES),
                event.queues if event.says_queues else queues,
            )
    for name, agent in pbx._members._agents.items():
        standing = agent.standing()
        if not agent.is_known:
            assert name not in heard
            continue
        assert heard[name][0] == standing.is_in
        if standing.is_in:
            assert heard[name][1:] == (standing.away, standing.queues)
