"""Agent events from and to JSON: what is read, what is refused, and in which words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.events import CHANNELS
from monitor.core.people.events import AgentEvent, AgentKind, Interval
from monitor.wire.agent_events import (
    MAX_DAYS,
    MAX_SLOTS,
    TYPES,
    decode_agent_event,
    encode_agent_event,
)
from monitor.wire.errors import BadRecord
from monitor.wire.fields import MAX_NAME

AT = 1_795_165_200_000


def decoded(kind: str, **fields: Any) -> AgentEvent | None:
    event = {"type": f"agent.{kind}", "at": AT, "agent": "ann"} | fields
    return decode_agent_event(json.dumps(event).encode())


def test_everything_of_a_login_is_read() -> None:
    """Lists are sorted and hold each name once: two of the same are the same."""
    event = decoded(
        "logged_in",
        queues=["support", "sales", "support"],
        slots={"voice": 1, "chat": 3},
        source="wfm",
        id="e1",
    )

    assert event == AgentEvent(
        AT,
        int(AgentKind.LOGGED_IN),
        "ann",
        says_queues=True,
        queues=("sales", "support"),
        slots=(("chat", 3), ("voice", 1)),
        source="wfm",
        id="e1",
    )


def test_no_queue_is_something_else_than_no_word_of_queues() -> None:
    """Who logs in without a word serves the queues of before."""
    silent, none = decoded("logged_in"), decoded("logged_in", queues=[])

    assert silent is not None
    assert none is not None
    assert (silent.says_queues, none.says_queues) == (False, True)


def test_a_plan_is_read_with_either_form_of_instants() -> None:
    """As everywhere, with an offset."""
    plan = [
        {"from": AT + 1, "to": AT + 2, "activity": "lunch"},
        {"from": "2026-11-20T10:00:00+01:00", "to": AT + 1, "activity": "phone"},
    ]
    event = decoded("schedule", intervals=plan)

    assert event is not None
    assert event.intervals == (
        Interval(AT, AT + 1, "phone"),
        Interval(AT + 1, AT + 2, "lunch"),
    )


@pytest.mark.parametrize(
    "value, reason, words",
    [
        (None, "null_value", "no value"),
        (b"{", "not_json", "not JSON"),
        (b"[]", "not_object", "not a JSON object"),
        (b'{"type":"agent.ready","v":2}', "newer_version", "v: 2"),
        (b'{"type":"agent.ready","v":"1"}', "wrong_type", "v:"),
        (b'{"type":"agent.ready","v":0}', "wrong_value", "v:"),
        (b"{}", "missing_field", "type"),
        (b'{"type":1}', "wrong_type", "type"),
        (b'{"type":"agent.ready"}', "missing_field", "at"),
        (b'{"type":"agent.ready","at":-1}', "wrong_value", "at"),
        (b'{"type":"agent.ready","at":0}', "missing_field", "agent"),
        (b'{"type":"agent.ready","at":0,"agent":""}', "wrong_value", "agent"),
        (b'{"type":"source.started","at":0}', "missing_field", "source"),
    ],
)
def test_what_is_no_event_is_refused(
    value: bytes | None, reason: str, words: str
) -> None:
    """With the reasons of contact events."""
    with pytest.raises(BadRecord, match=words) as refused:
        decode_agent_event(value)

    assert refused.value.reason == reason


INTERVAL = {"from": AT, "to": AT + 1, "activity": "phone"}
LONG_NAMES = [INTERVAL | {"from": AT - n, "activity": "x" * 500} for n in range(41)]


@pytest.mark.parametrize(
    "kind, fields, reason, words",
    [
        ("queues", {}, "missing_field", "queues"),
        ("queues", {"queues": "support"}, "wrong_type", "queues: must be a list"),
        ("queues", {"queues": [1]}, "wrong_type", "queues"),
        ("queues", {"queues": [""]}, "wrong_value", "queues"),
        ("queues", {"queues": ["x" * 513]}, "wrong_value", "queues"),
        ("queues", {"queues": ["x"] * 201}, "wrong_value", "at most 200"),
        ("queues", {"queues": ["x" * 500] * 41}, "wrong_value", "at most 20000"),
        ("logged_in", {"slots": []}, "wrong_type", "slots"),
        ("logged_in", {"slots": {"fax": 1}}, "wrong_value", "slots"),
        ("logged_in", {"slots": {"chat": "1"}}, "wrong_type", "slots"),
        ("logged_in", {"slots": {"chat": 1001}}, "wrong_value", "slots"),
        ("away", {"reason": 1}, "wrong_type", "reason"),
        ("trained", {}, "missing_field", "days"),
        ("trained", {"days": "1"}, "wrong_type", "days"),
        ("trained", {"days": True}, "wrong_type", "days"),
        ("trained", {"days": -0.5}, "wrong_value", "days"),
        ("schedule", {}, "missing_field", "intervals"),
        ("schedule", {"intervals": [1]}, "wrong_type", "intervals"),
        ("schedule", {"intervals": [INTERVAL] * 501}, "wrong_value", "at most 500"),
        ("schedule", {"intervals": LONG_NAMES}, "wrong_value", "at most 20000"),
        (
            "schedule",
            {"intervals": [INTERVAL | {"from": "noon"}]},
            "wrong_value",
            r"intervals\.from: must be",
        ),
        (
            "schedule",
            {"intervals": [INTERVAL | {"to": AT}]},
            "wrong_value",
            r"intervals\.to: must be after from",
        ),
        (
            "schedule",
            {"intervals": [{"from": AT, "to": AT + 1}]},
            "missing_field",
            r"intervals\.activity",
        ),
        (
            "schedule",
            {"intervals": [INTERVAL | {"activity": 1}]},
            "wrong_type",
            r"intervals\.activity",
        ),
        (
            "schedule",
            {"intervals": [INTERVAL | {"activity": ""}]},
            "wrong_value",
            r"intervals\.activity",
        ),
    ],
)
def test_a_wrong_field_is_named(
    kind: str, fields: dict[str, Any], reason: str, words: str
) -> None:
    """Who sends it finds it."""
    with pytest.raises(BadRecord, match=words) as refused:
        decoded(kind, **fields)

    assert refused.value.reason == reason


def test_unknown_types_and_fields_are_let_pass() -> None:
    """A newer producer may send them; contact events are none of ours."""
    event = {"type": "contact.queued", "at": AT, "contact": "c", "queue": "q"}

    assert decode_agent_event(json.dumps(event).encode()) is None
    assert decoded("promoted") is None
    assert decoded("ready", mood="good") == decoded("ready")


names = st.text(min_size=1, max_size=MAX_NAME // 64)
instants = st.integers(0, AT)


@st.composite
def any_event(draw: st.DrawFn) -> AgentEvent:
    kind = draw(st.sampled_from(sorted(TYPES)))
    event = AgentEvent(draw(instants), kind, draw(names), id=draw(st.just("") | names))
    if kind <= AgentKind.SOURCE_STARTED:
        return event._replace(agent="", source=draw(names))
    if kind == AgentKind.AWAY:
        return event._replace(reason=draw(st.just("") | names))
    if kind in (AgentKind.LOGGED_IN, AgentKind.QUEUES):
        queues = tuple(sorted(draw(st.sets(names, max_size=3))))
        event = event._replace(says_queues=True, queues=queues)
    if kind == AgentKind.LOGGED_IN:
        counts = st.dictionaries(
            st.sampled_from(sorted(CHANNELS)), st.integers(0, MAX_SLOTS)
        )
        return event._replace(slots=tuple(sorted(draw(counts).items())))
    if kind == AgentKind.TRAINED:
        return event._replace(days=draw(st.floats(0, MAX_DAYS)))
    if kind == AgentKind.SCHEDULE:
        interval = st.builds(
            lambda start, length, activity: Interval(start, start + length, activity),
            instants,
            st.integers(1, 1_000),
            names,
        )
        return event._replace(intervals=tuple(sorted(draw(st.sets(interval)))))
    return event


@given(any_event())
def test_what_is_written_is_read_back(event: AgentEvent) -> None:
    """Every kind with everything that it can carry."""
    assert decode_agent_event(encode_agent_event(event)) == event


def test_the_order_at_one_instant_is_the_canonical_one() -> None:
    """Out before in, queues before states, and news that change nothing last."""
    order = "logged_out logged_in queues ready away heartbeat schedule trained".split()

    assert [name[6:] for _, name in sorted(TYPES.items())][2:] == order
