"""Asterisk's queue_log: what each verb becomes, and what is tolerated."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.core.events import (
    ALERT_END_REASONS,
    DIVERTED_REASONS,
    ENDED_BY,
    REJECTED_REASONS,
    TRANSFER_KINDS,
    Event,
    Kind,
)
from monitor.core.people.events import AgentEvent, AnyEvent
from monitor.sources import BadLine, NotAnEvent
from monitor.sources.asterisk_members import AGENT_VERBS
from monitor.sources.asterisk_queue_log import CONTACT_VERBS, QueueLog
from monitor.wire.agent_events import decode_agent_event, encode_agent_event
from monitor.wire.events import decode_contact_event, encode_event

AT = 1_596_513_009
SOURCE = "asterisk:pbx1"
adapter = QueueLog(SOURCE)


def read(line: str) -> list[AnyEvent]:
    """The events of a line, without what all of them have in common."""
    return [event._replace(id="", source="") for event in adapter(line.encode("utf-8"))]


def round_trip(event: AnyEvent) -> AnyEvent | None:
    """What Kafka's reader makes of the event."""
    if isinstance(event, AgentEvent):
        return decode_agent_event(encode_agent_event(event))
    return decode_contact_event(encode_event(event))


def contact_events(line: bytes) -> list[Event]:
    """The events of a line about a contact."""
    return [event for event in adapter(line) if isinstance(event, Event)]


def about(kind: Kind, **fields: object) -> Event:
    """An event of call c1 in queue support, at the time that the lines have."""
    event = Event(AT * 1000, kind, "c1", queue="support", source="")
    return event._replace(**fields)  # type: ignore[arg-type]


CONTACT_LINES = [
    ("NONE|ENTERQUEUE||7000|1", [about(Kind.QUEUED)]),
    ("NONE|ENTERQUEUE||7000|1|Ann Smith", [about(Kind.QUEUED)]),
    ("NONE|ENTERQUEUE||7000", [about(Kind.QUEUED)]),
    ("NONE|ENTERQUEUE|1|7000", [about(Kind.QUEUED)]),
    ("NONE|ENTERQUEUE|http://crm/7000|7000|1", [about(Kind.QUEUED)]),
    ("NONE|ENTERQUEUE", [about(Kind.QUEUED)]),
    (
        "SIP/100|CONNECT|8|1675555753.1|7",
        [about(Kind.ANSWERED, agent="SIP/100", duration_ms=8000)],
    ),
    (
        "SIP/100|CONNECT|8|1675555753.1",
        [about(Kind.ANSWERED, agent="SIP/100", duration_ms=8000)],
    ),
    ("SIP/100|CONNECT|", [about(Kind.ANSWERED, agent="SIP/100")]),
    ("NONE|CONNECT|0|x|0", [about(Kind.ANSWERED, duration_ms=0)]),
    (
        "SIP/100|COMPLETECALLER|8|5|1",
        [about(Kind.ENDED, agent="SIP/100", reason="customer", duration_ms=5000)],
    ),
    (
        "SIP/100|COMPLETEAGENT|8|5|1",
        [about(Kind.ENDED, agent="SIP/100", reason="agent", duration_ms=5000)],
    ),
    (
        "SIP/100|COMPLETEAGENT|8",
        [about(Kind.ENDED, agent="SIP/100", reason="agent")],
    ),
    ("NONE|ABANDON|1|1|68", [about(Kind.ABANDONED, duration_ms=68_000)]),
    ("SIP/100|ABANDON|1|1|68", [about(Kind.ABANDONED, duration_ms=68_000)]),
    ("NONE|ABANDON|1|1|", [about(Kind.ABANDONED)]),
    ("NONE|ABANDON|1|1", [about(Kind.ABANDONED)]),
    (
        "NONE|EXITWITHTIMEOUT|1|2|30",
        [about(Kind.LEFT, reason="timeout", duration_ms=30_000)],
    ),
    ("NONE|EXITEMPTY|1|2|30", [about(Kind.LEFT, reason="empty", duration_ms=30_000)]),
    ("NONE|LEAVEEMPTY", [about(Kind.LEFT, reason="empty")]),
    ("NONE|EXITWITHKEY|9|1|2|30", [about(Kind.LEFT, reason="key", duration_ms=30_000)]),
    ("NONE|EXITWITHKEY|9|1", [about(Kind.LEFT, reason="key")]),
    (
        "NONE|WITHDRAW|1|2|30|moved by a script",
        [about(Kind.LEFT, reason="withdrawn", duration_ms=30_000)],
    ),
    ("SIP/100|SYSCOMPAT", [about(Kind.LEFT, reason="error")]),
    (
        "SIP/100|RINGNOANSWER|15000",
        [about(Kind.ALERT_ENDED, agent="SIP/100", reason="no_answer")],
    ),
    (
        "SIP/100|RINGCANCELED|2400",
        [about(Kind.ALERT_ENDED, agent="SIP/100", reason="cancelled")],
    ),
    (
        "SIP/100|AGENTDUMP",
        [about(Kind.ALERT_ENDED, agent="SIP/100", reason="error")],
    ),
    *(
        (
            f"SIP/100|{line}",
            [
                about(Kind.TRANSFERRED, agent="SIP/100", reason=kind),
                about(Kind.ENDED, agent="SIP/100", reason="agent", duration_ms=talk),
            ],
        )
        for line, kind, talk in (
            ("BLINDTRANSFER|200|internal|8|41|1", "blind", 41_000),
            ("TRANSFER|200|internal|8|41|1", "blind", 41_000),
            ("TRANSFER|200|internal", "blind", -1),
            ("ATTENDEDTRANSFER|BRIDGE|b-1|8|41|1", "attended", 41_000),
            ("ATTENDEDTRANSFER|APP|Voicemail|8|41|1", "attended", 41_000),
            ("ATTENDEDTRANSFER|LINK|SIP/1|SIP/2|8|41|1", "attended", 41_000),
            ("ATTENDEDTRANSFER|THREEWAY|8|41|1", "attended", -1),
            ("ATTENDEDTRANSFER", "attended", -1),
        )
    ),
    ("NONE|JOINEMPTY", [about(Kind.REJECTED, reason="empty")]),
    ("NONE|FULL", [about(Kind.REJECTED, reason="full")]),
    ("NONE|CLOSED", [about(Kind.REJECTED, reason="closed")]),
    ("NONE|DIVERT_CA_RATIO", [about(Kind.REJECTED, reason="overload")]),
    ("NONE|DIVERT_HOLDTIME", [about(Kind.REJECTED, reason="overload")]),
    (
        "Agent/1001|WRAPUPSTART|15",
        [
            about(
                Kind.WRAPPED_UP,
                at=AT * 1000 + 15_000,
                agent="Agent/1001",
                duration_ms=15_000,
            )
        ],
    ),
    (
        "Agent/1001|WRAPUPSTART|300",
        [
            about(
                Kind.WRAPPED_UP,
                at=AT * 1000 + 60_000,
                agent="Agent/1001",
                duration_ms=300_000,
            )
        ],
    ),
    ("Agent/1001|WRAPUPSTART", [about(Kind.WRAPPED_UP, agent="Agent/1001")]),
]


@pytest.mark.parametrize("rest, expected", CONTACT_LINES)
def test_a_contact_verb_becomes_its_events(rest: str, expected: list[Event]) -> None:
    """Each verb of A1 that speaks of a call, with the data that occur."""
    assert read(f"{AT}|c1|support|{rest}") == expected


def test_every_contact_verb_is_in_the_table_above() -> None:
    """No verb is mapped without a line that shows it."""
    shown = {rest.split("|")[1] for rest, _ in CONTACT_LINES}

    assert shown == set(CONTACT_VERBS)


@pytest.mark.parametrize("rest, expected", CONTACT_LINES)
def test_events_are_within_the_interface(rest: str, expected: list[Event]) -> None:
    """What goes to Kafka is read back as the same event, with words that are known."""
    allowed = {
        Kind.REJECTED: REJECTED_REASONS,
        Kind.LEFT: DIVERTED_REASONS,
        Kind.ALERT_ENDED: ALERT_END_REASONS,
        Kind.TRANSFERRED: TRANSFER_KINDS,
        Kind.ENDED: ENDED_BY,
    }
    for event in contact_events(f"{AT}|c1|support|{rest}".encode()):
        assert decode_contact_event(encode_event(event)) == event
        assert event.reason in allowed.get(Kind(event.kind), {""})
    assert expected


def test_a_start_of_asterisk_speaks_for_its_source() -> None:
    """QUEUESTART: all open calls of this PBX are gone."""
    [event] = contact_events(b"1596513628|NONE|NONE|NONE|QUEUESTART|")

    assert event._replace(id="") == Event(
        1_596_513_628_000, Kind.SOURCE_STARTED, "", source=SOURCE
    )
    assert decode_contact_event(encode_event(event)) == event


@pytest.mark.parametrize(
    "verb",
    [
        "PENALTY",
        "RINGINUSE",
        "CONFIGRELOAD",
        "ROTATE",
        "DID",
        "INFO",
        "CALLSTATUS",
        "CALLBACK",
        "OUTCALL",
    ],
)
def test_other_verbs_are_skipped_by_name(verb: str) -> None:
    """Information and unknown verbs are counted, not refused."""
    with pytest.raises(NotAnEvent) as skipped:
        adapter(f"{AT}|NONE|support|SIP/100|{verb}|x|y".encode())
    assert skipped.value.what == verb


@pytest.mark.parametrize(
    "line, what", [("", "blank"), ("  ", "blank"), ("# x", "comment")]
)
def test_blank_lines_and_comments_are_skipped(line: str, what: str) -> None:
    """They are no errors."""
    with pytest.raises(NotAnEvent) as skipped:
        adapter(line.encode())
    assert skipped.value.what == what


@pytest.mark.parametrize(
    "line, reason, named",
    [
        ("garbage", "missing_field", "1 fields"),
        (f"{AT}|c1|support|NONE", "missing_field", "4 fields"),
        ("|c1|support|NONE|ABANDON|1|1|5", "wrong_value", "time (field 1)"),
        ("yesterday|c1|support|NONE|ABANDON|1|1|5", "wrong_value", "time (field 1)"),
        ("-5|c1|support|NONE|ABANDON|1|1|5", "wrong_value", "time (field 1)"),
        ("0|c1|support|NONE|ABANDON|1|1|5", "wrong_value", "time (field 1)"),
        ("999999999999|c1|support|NONE|FULL", "wrong_value", "time (field 1)"),
        ("2020-08-04 04:00:00|c1|support|NONE|FULL", "wrong_value", "time (field 1)"),
        (f"{AT}|NONE|support|NONE|ENTERQUEUE||7000|1", "missing_field", "call id"),
        (f"{AT}||support|NONE|ABANDON|1|1|5", "missing_field", "ABANDON: the call id"),
        (f"{AT}|c1|NONE|NONE|ENTERQUEUE||7000|1", "missing_field", "queue (field 3)"),
        (f"{AT}|c1||NONE|FULL", "missing_field", "FULL: the queue (field 3)"),
        (f"{AT}|c1|support|NONE||x", "wrong_value", "verb (field 5)"),
        (f"{AT}|c1|support|NONE|12|x", "wrong_value", "verb (field 5)"),
        (f"{AT}|c1|support|NONE|ABANDON|1|1|long", "wrong_value", "data3 (wait)"),
        (f"{AT}|c1|support|A|CONNECT|?", "wrong_value", "CONNECT: data1 (hold time)"),
        (f"{AT}|c1|support|A|COMPLETEAGENT|1|x", "wrong_value", "data2 (talk time)"),
        (f"{AT}|NONE|support|NONE|PAUSE|x", "missing_field", "agent (field 4)"),
        (f"{AT}|NONE|NONE|A|ADDMEMBER|", "missing_field", "ADDMEMBER: the queue"),
        (f"{AT}|NONE|NONE|A|PAUSEALL|{'x' * 513}", "wrong_value", "PAUSEALL: data1"),
        (f"{AT}|{'c' * 513}|support|A|CONNECT|1", "wrong_value", "call id (field 2)"),
    ],
)
def test_a_bad_line_names_what_is_wrong(line: str, reason: str, named: str) -> None:
    """The label is for the counter, the message for the person."""
    with pytest.raises(
        BadLine, match=named.replace("(", r"\(").replace(")", r"\)")
    ) as bad:
        adapter(line.encode())
    assert bad.value.reason == reason


@pytest.mark.parametrize(
    "time, at",
    [
        ("1596513009", 1_596_513_009_000),
        ("1596513009.5", 1_596_513_009_500),
        ("1596513009.123999", 1_596_513_009_123),
        ("1596513009.000001", 1_596_513_009_000),
    ],
)
def test_instants_may_have_fractions(time: str, at: int) -> None:
    """Whole seconds from Asterisk, microseconds from its relatives."""
    [event] = adapter(f"{time}|c1|support|NONE|ABANDON|1|1|5".encode())

    assert event.at == at


@pytest.mark.parametrize("seconds", ["-3", "1596513009", "999999999999"])
def test_a_duration_over_a_clock_change_is_not_reported(seconds: str) -> None:
    """A PBX whose clock was set writes waits below 0 or of decades: the call counts."""
    [event] = contact_events(f"{AT}|c1|support|NONE|ABANDON|1|1|{seconds}".encode())

    assert event.duration_ms == -1


def test_a_repeated_line_has_the_same_ids() -> None:
    """So the core counts it once, whoever read it twice, with either line end."""
    line = f"{AT}|c1|support|SIP/100|BLINDTRANSFER|200|internal|8|41|1".encode()
    again = QueueLog(SOURCE)

    assert adapter(line) == again(line) == adapter(line + b"\r\n")


def test_different_lines_sources_and_events_have_different_ids() -> None:
    """Else one of them would be dropped as a repetition."""
    line = f"{AT}|c1|support|SIP/100|BLINDTRANSFER|200|internal|8|41|1".encode()
    other = QueueLog("asterisk:pbx2")
    ids = [event.id for event in adapter(line) + adapter(line + b"2") + other(line)]

    assert len(set(ids)) == len(ids) == 6


def test_personal_data_stays_here() -> None:
    """Neither a caller's number or name nor a dialled number is in any event."""
    lines = (
        "ENTERQUEUE|http://crm/0301234567|0301234567|1|Ann Smith",
        "BLINDTRANSFER|0301234567|internal|8|41|1",
        "EXITWITHKEY|0301234567|1|1|4",
        "WITHDRAW|1|1|4|0301234567 Ann Smith",
    )
    for line in lines:
        for event in contact_events(f"{AT}|c1|support|SIP/100|{line}".encode()):
            text = encode_event(event).decode()
            assert "0301234567" not in text
            assert "Ann" not in text


def test_a_callers_name_in_another_encoding_is_no_obstacle() -> None:
    """The name isn't used, so its bytes can't spoil the line."""
    line = f"{AT}|c1|support|NONE|ENTERQUEUE||7000|1|J".encode() + b"\xf6rg"

    assert [event.kind for event in adapter(line)] == [Kind.QUEUED]


FIELD = st.one_of(
    st.sampled_from(["", "NONE", "1", "-1", "15000", "1596513009", "1e9", "²", "١"]),
    st.text(max_size=8),
)
LINES = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda time, call, queue, agent, verb, data: "|".join(
            [time, call, queue, agent, verb, *data]
        ).encode("utf-8", "surrogatepass"),
        FIELD,
        FIELD,
        FIELD,
        FIELD,
        st.sampled_from([*CONTACT_VERBS, *AGENT_VERBS, "QUEUESTART", "X", ""]),
        st.lists(FIELD, max_size=6),
    ),
)


@given(LINES)
@example(b"1596513009|c\xff|q\xff|a\xff|CONNECT|1")
def test_any_line_gives_events_or_says_why_not(line: bytes) -> None:
    """Nothing but BadLine or NotAnEvent is raised; events can be sent as they are."""
    try:
        events = QueueLog(SOURCE)(line)
    except (BadLine, NotAnEvent):
        return
    assert events == QueueLog(SOURCE)(line)
    for event in events:
        assert round_trip(event) == event
