"""Canonical events from and to bytes: what is let in, and what is refused as what."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.events import (
    ALERT_END_REASONS,
    CHANNELS,
    DIVERTED_REASONS,
    ENDED_BY,
    REJECTED_REASONS,
    TRANSFER_KINDS,
    Event,
    Kind,
)
from monitor.wire.errors import BadRecord, WireError
from monitor.wire.events import (
    MAX_INSTANT,
    MAX_VISIT,
    TYPES,
    decode_contact_event,
    encode_event,
    moved,
)
from monitor.wire.fields import MAX_DURATION, MAX_NAME

AT = 1_795_165_200_000
"""2026-11-20T09:00:00Z."""
LONG = "x" * (MAX_NAME + 1)


def record(**fields: Any) -> bytes:
    """A good `contact.queued` with these fields instead; `...` leaves one out."""
    good = {"type": "contact.queued", "at": AT, "contact": "c1", "queue": "support"}
    return json.dumps(
        {k: v for k, v in (good | fields).items() if v is not ...}
    ).encode()


def decoded(**fields: Any) -> Event:
    event = decode_contact_event(record(**fields))
    assert event is not None
    return event


def refused(value: bytes | None) -> tuple[str, str]:
    """Reason and text of the refusal."""
    with pytest.raises(BadRecord) as caught:
        decode_contact_event(value)
    return caught.value.reason, str(caught.value)


@pytest.mark.parametrize(
    "kind,own,fields",
    [
        (Kind.QUEUED, {"queue": "support", "priority": 3}, {"queue": "support"}),
        (
            Kind.REJECTED,
            {"queue": "support", "reason": "full"},
            {"queue": "support", "reason": "full"},
        ),
        (Kind.ALERTING, {"agent": "ann"}, {"agent": "ann"}),
        (Kind.ALERT_ENDED, {"reason": "rejected"}, {"reason": "rejected"}),
        (Kind.ALERT_ENDED, {}, {"reason": "no_answer"}),
        (Kind.ANSWERED, {"wait_ms": 12}, {"duration_ms": 12}),
        (Kind.ANSWERED, {"wait_ms": 0}, {"duration_ms": 0}),
        (Kind.ABANDONED, {"wait_ms": 12}, {"duration_ms": 12}),
        (
            Kind.LEFT,
            {"reason": "timeout", "wait_ms": 12},
            {"reason": "timeout", "duration_ms": 12},
        ),
        (Kind.HELD, {"agent": "ann"}, {"agent": "ann"}),
        (Kind.RESUMED, {"agent": "ann"}, {"agent": "ann"}),
        (
            Kind.TRANSFERRED,
            {"kind": "attended", "to_queue": "sales", "to_agent": "bo"},
            {"reason": "attended", "to_queue": "sales"},
        ),
        (
            Kind.TRANSFERRED,
            {"to_queue": "sales"},
            {"reason": "queue", "to_queue": "sales"},
        ),
        (Kind.TRANSFERRED, {"to_agent": "bo"}, {"reason": "blind"}),
        (
            Kind.ENDED,
            {"by": "agent", "talk_ms": 5, "hold_ms": 0, "wrap_up": True},
            {"reason": "agent", "duration_ms": 5, "hold_ms": 0, "wrap_up": True},
        ),
        (Kind.WRAPPED_UP, {"acw_ms": 7}, {"duration_ms": 7}),
        (Kind.MESSAGE, {"author": "customer"}, {"reason": "customer"}),
        (
            Kind.MESSAGE,
            {"author": "agent", "agent": "bo"},
            {"reason": "agent", "agent": "bo"},
        ),
        (Kind.MESSAGE, {}, {}),
        (Kind.SURVEY_SENT, {"survey": "csat"}, {}),
        (Kind.RATED, {"survey": "csat", "score": 5, "scale": [1, 5]}, {}),
        (Kind.RESOLVED, {"resolved": True}, {}),
        (Kind.SALE, {"kind": "up", "amount": 5, "currency": "EUR"}, {}),
    ],
)
def test_each_type_gives_its_event(
    kind: Kind, own: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Every type of interface.md section 1 with the fields that are its own."""
    event = decoded(type=TYPES[kind], **{"queue": ..., **own})

    assert event == Event(AT, int(kind), "c1")._replace(**fields)


def test_the_fields_that_all_contact_events_have() -> None:
    """Each goes to its place."""
    event = decoded(
        id="e1", source="pbx", v=1, visit=2, channel="chat", customer="k", agent="ann"
    )

    assert event == Event(
        AT,
        int(Kind.QUEUED),
        "c1",
        visit=2,
        queue="support",
        channel="chat",
        agent="ann",
        source="pbx",
        customer="k",
        id="e1",
    )


@pytest.mark.parametrize("kind", [Kind.SOURCE_STARTED, Kind.SOURCE_HEARTBEAT])
def test_a_source_event_needs_no_contact(kind: Kind) -> None:
    """It speaks of the source alone."""
    raw = json.dumps({"type": TYPES[kind], "at": AT, "source": "pbx", "id": "s1"})

    assert decode_contact_event(raw.encode()) == Event(
        AT, int(kind), "", source="pbx", id="s1"
    )


def test_every_kind_has_a_type() -> None:
    """No kind of the core is left without a name on the wire."""
    assert set(TYPES) == set(Kind)


@pytest.mark.parametrize(
    "kind,reason,known",
    [(Kind.LEFT, reason, True) for reason in sorted(DIVERTED_REASONS)]
    + [(Kind.REJECTED, reason, True) for reason in sorted(REJECTED_REASONS)]
    + [(Kind.LEFT, "bored", False), (Kind.REJECTED, "strike", False)],
)
def test_reasons_that_the_interface_doesn_t_know_become_other(
    kind: Kind, reason: str, known: bool
) -> None:
    """So that a producer's free text never becomes a label."""
    event = decoded(type=TYPES[kind], reason=reason)

    assert event.reason == (reason if known else "other")


def test_a_rejection_without_a_reason_is_of_another_one() -> None:
    """The reason is optional there."""
    assert decoded(type="contact.rejected").reason == "other"


@pytest.mark.parametrize(
    "at,offset_ms",
    [
        ("2026-11-20T09:00:00Z", 0),
        ("2026-11-20T09:00:00.5Z", 500),
        ("2026-11-20T09:00:00.123456Z", 123),
        ("2026-11-20T09:00:00.999999999Z", 999),
        ("2026-11-20T11:00:00+02:00", 0),
        ("2026-11-20T04:30:00-04:30", 0),
        ("2026-11-20T09:00:00-00:00", 0),
        ("2026-11-20t09:00:01z", 1000),
        ("2026-11-20 09:00:00Z", 0),
    ],
)
def test_an_instant_may_be_rfc_3339(at: str, offset_ms: int) -> None:
    """With any offset and any fraction; milliseconds are kept."""
    assert decoded(at=at).at == AT + offset_ms


@pytest.mark.parametrize("at", [0, 1, MAX_INSTANT - 1])
def test_an_instant_may_be_integer_milliseconds(at: int) -> None:
    """From 1970 to the end of 8999."""
    assert decoded(at=at).at == at


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-20T09:00:00",
        "2026-11-20",
        "2026-11-20T09:00Z",
        "20261120T090000Z",
        "2026-W47-5T09:00:00Z",
        "2026-11-20T09:00:00,5Z",
        "2026-11-20T09:00:00+02",
        "2026-11-20T09:00:00+24:00",
        "2026-11-20T24:00:00Z",
        "2026-11-20T23:59:60Z",
        "2026-02-30T09:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "8999-12-31T23:59:59-14:00",
        "1969-12-31T23:59:59Z",
        "٢٠٢٦-11-20T09:00:00Z",
        "yesterday",
        "",
        -1,
        MAX_INSTANT,
        2**63,
    ],
)
def test_an_instant_that_is_none_is_a_wrong_value(at: str | int) -> None:
    """Whatever it is, it is one bad record and never another error."""
    reason, text = refused(record(at=at))

    assert reason == "wrong_value"
    assert text.startswith("at: ")


RECORDS_THAT_ARE_NONE = [
    (None, "null_value"),
    (b"", "not_json"),
    (b"{", "not_json"),
    (b"\xff\xfe", "not_json"),
    (b'{"at": NaN}', "not_json"),
    (b'{"contact": "\\ud800"}', "not_json"),
    (b"[" * 2000, "not_json"),
    (b"[]", "not_object"),
    (b'"contact.queued"', "not_object"),
    (b"17", "not_object"),
    (b"null", "not_object"),
]


@pytest.mark.parametrize("value,reason", RECORDS_THAT_ARE_NONE)
def test_bytes_that_are_no_event_are_refused(value: bytes | None, reason: str) -> None:
    """With the reason that the dead letter is counted under."""
    assert refused(value)[0] == reason


NAMES = ("contact", "queue", "agent", "customer", "id", "source")
DURATIONS = [
    ("contact.answered", "wait_ms"),
    ("contact.abandoned", "wait_ms"),
    ("contact.left", "wait_ms"),
    ("contact.ended", "talk_ms"),
    ("contact.ended", "hold_ms"),
    ("contact.wrapped_up", "acw_ms"),
]
WRONG_FIELDS = [
    ("missing_field", "type", {"type": ...}),
    ("wrong_type", "type", {"type": None}),
    ("wrong_type", "type", {"type": 7}),
    ("wrong_type", "type", {"type": []}),
    ("missing_field", "at", {"at": ...}),
    ("missing_field", "at", {"at": None}),
    ("wrong_type", "at", {"at": 1.0}),
    ("wrong_type", "at", {"at": True}),
    ("wrong_type", "at", {"at": 10**30}),
    ("wrong_type", "at", {"at": {}}),
    ("newer_version", "v", {"v": 2}),
    ("wrong_value", "v", {"v": 0}),
    ("wrong_type", "v", {"v": True}),
    ("wrong_type", "v", {"v": "1"}),
    ("wrong_type", "v", {"v": 1.0}),
    ("missing_field", "contact", {"contact": ...}),
    ("missing_field", "contact", {"contact": None}),
    ("wrong_value", "contact", {"contact": ""}),
    ("missing_field", "queue", {"queue": ...}),
    ("missing_field", "queue", {"queue": None}),
    ("wrong_value", "queue", {"queue": ""}),
    ("missing_field", "queue", {"type": "contact.rejected", "queue": ...}),
    ("missing_field", "reason", {"type": "contact.left"}),
    ("wrong_value", "reason", {"type": "contact.left", "reason": ""}),
    ("wrong_type", "reason", {"type": "contact.rejected", "reason": 4}),
    ("wrong_value", "reason", {"type": "contact.alert_ended", "reason": "bored"}),
    ("wrong_value", "kind", {"type": "contact.transferred", "kind": "warm"}),
    ("wrong_type", "to_queue", {"type": "contact.transferred", "to_queue": 1}),
    ("wrong_type", "to_agent", {"type": "contact.transferred", "to_agent": 1}),
    ("wrong_value", "by", {"type": "contact.ended", "by": "cat"}),
    ("wrong_type", "wrap_up", {"type": "contact.ended", "wrap_up": 1}),
    ("wrong_type", "wrap_up", {"type": "contact.ended", "wrap_up": "true"}),
    ("wrong_value", "visit", {"visit": 0}),
    ("wrong_value", "visit", {"visit": MAX_VISIT + 1}),
    ("wrong_type", "visit", {"visit": 1.0}),
    ("wrong_type", "visit", {"visit": True}),
    ("wrong_type", "visit", {"visit": "1"}),
    ("wrong_value", "channel", {"channel": "fax"}),
    ("wrong_value", "channel", {"channel": ""}),
    ("wrong_type", "channel", {"channel": 1}),
    ("wrong_type", "channel", {"channel": ["voice"]}),
    ("missing_field", "source", {"type": "source.started"}),
    ("wrong_value", "source", {"type": "source.started", "source": ""}),
    *[("wrong_type", name, {name: 17}) for name in NAMES],
    *[("wrong_type", name, {name: ["x"]}) for name in NAMES],
    *[("wrong_value", name, {name: LONG}) for name in NAMES],
]
for _type, _field in DURATIONS:
    _base = {"type": _type, "reason": "timeout" if _type == "contact.left" else ...}
    WRONG_FIELDS += [
        ("wrong_value", _field, {**_base, _field: -1}),
        ("wrong_value", _field, {**_base, _field: MAX_DURATION + 1}),
        ("wrong_type", _field, {**_base, _field: 1.5}),
        ("wrong_type", _field, {**_base, _field: True}),
        ("wrong_type", _field, {**_base, _field: "12"}),
    ]


@pytest.mark.parametrize("reason,field,fields", WRONG_FIELDS)
def test_a_wrong_field_is_named(
    reason: str, field: str, fields: dict[str, Any]
) -> None:
    """The refusal says which field, and as what it is counted."""
    found, text = refused(record(**fields))

    assert found == reason
    assert text.startswith(f"{field}: ")


@pytest.mark.parametrize("field", ["channel", "at", "visit", "contact", "wrap_up"])
def test_a_refusal_never_repeats_what_the_field_held(field: str) -> None:
    """Refusals are logged, and customers' data are not."""
    number = "+359888123456" * 50
    _, text = refused(record(type="contact.ended", **{field: number}))

    assert field in text
    assert "359" not in text


def test_a_bad_record_is_one_of_the_wires_errors() -> None:
    """Who catches ValueError catches it."""
    assert issubclass(BadRecord, WireError)
    assert issubclass(WireError, ValueError)


@pytest.mark.parametrize(
    "kind,field",
    [(Kind.QUEUED, name) for name in ("visit", "channel", "customer", "agent", "id")]
    + [(Kind.QUEUED, name) for name in ("source", "v", "priority")]
    + [(Kind.ANSWERED, "queue"), (Kind.ANSWERED, "wait_ms")]
    + [(Kind.ALERT_ENDED, "reason"), (Kind.REJECTED, "reason")]
    + [(Kind.TRANSFERRED, name) for name in ("kind", "to_queue", "to_agent")]
    + [(Kind.ENDED, name) for name in ("by", "talk_ms", "hold_ms", "wrap_up")]
    + [(Kind.WRAPPED_UP, "acw_ms")],
)
def test_null_is_the_same_as_absent(kind: Kind, field: str) -> None:
    """For every optional field."""
    present = decoded(type=TYPES[kind], **{field: None})
    absent = decoded(type=TYPES[kind], **{field: ...})

    assert present == absent


def test_an_empty_optional_name_is_the_same_as_absent() -> None:
    """As sources that fill every column write it."""
    empty = dict.fromkeys(("agent", "customer", "id", "source"), "")

    assert decoded(**empty) == decoded()


@pytest.mark.parametrize(
    "value",
    [
        {"type": "contact.cloned", "at": "never", "contact": 7},
        {"type": "agent.ready", "agent": "ann"},
        {"type": "case.opened"},
        {"type": ""},
    ],
)
def test_an_unknown_type_is_ignored(value: dict[str, Any]) -> None:
    """A newer producer may send it; nothing else of it is looked at."""
    assert decode_contact_event(json.dumps(value).encode()) is None


def test_unknown_fields_are_ignored() -> None:
    """A newer producer may send them."""
    assert decoded(mood="grim", at_home=True) == decoded()


def test_limits_are_inclusive() -> None:
    """The longest name, the highest visit and the longest duration are let in."""
    event = decoded(
        type="contact.answered",
        contact="c" * MAX_NAME,
        visit=MAX_VISIT,
        wait_ms=MAX_DURATION,
    )

    assert (len(event.contact), event.visit) == (MAX_NAME, MAX_VISIT)
    assert event.duration_ms == MAX_DURATION


REASONS: dict[Kind, frozenset[str]] = {
    Kind.LEFT: DIVERTED_REASONS | {"other"},
    Kind.REJECTED: REJECTED_REASONS | {"other"},
    Kind.ALERT_ENDED: ALERT_END_REASONS,
    Kind.TRANSFERRED: TRANSFER_KINDS,
    Kind.ENDED: ENDED_BY | {""},
}
TIMED = {Kind.ANSWERED, Kind.ABANDONED, Kind.LEFT, Kind.ENDED, Kind.WRAPPED_UP}
OF_SOURCES = {Kind.SOURCE_STARTED, Kind.SOURCE_HEARTBEAT}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
durations = st.integers(-1, MAX_DURATION)


@st.composite
def any_event(draw: st.DrawFn) -> Event:
    """Any event that a decoder can give."""
    kind = draw(st.sampled_from(list(Kind)))
    some = texts.filter(bool)
    event = Event(draw(st.integers(0, MAX_INSTANT - 1)), int(kind), "")
    event = event._replace(source=draw(some), id=draw(texts))
    if kind in OF_SOURCES:
        return event
    named = kind in {Kind.QUEUED, Kind.REJECTED}
    return event._replace(
        contact=draw(some),
        visit=draw(st.integers(0, MAX_VISIT)),
        queue=draw(some if named else texts),
        channel=draw(st.sampled_from(["", *sorted(CHANNELS)])),
        agent=draw(texts),
        reason=draw(st.sampled_from(sorted(REASONS.get(kind, {""})))),
        duration_ms=draw(durations) if kind in TIMED else -1,
        hold_ms=draw(durations) if kind is Kind.ENDED else -1,
        wrap_up=draw(st.booleans()) if kind is Kind.ENDED else False,
        to_queue=draw(texts) if kind is Kind.TRANSFERRED else "",
        customer=draw(texts),
    )


@settings(max_examples=300, deadline=None)
@given(any_event())
def test_what_is_written_is_read_back(event: Event) -> None:
    """Encoding and decoding give the same event, and it is JSON on one line."""
    value = encode_event(event)

    assert decode_contact_event(value) == event
    assert b"\n" not in value


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*NAMES, "type", "at", "visit", "channel", "wait_ms", "v"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5)
        | st.sampled_from(sorted(TYPES.values()))
        | st.lists(st.integers(), max_size=2),
    )
    | st.binary()
)
def test_whatever_comes_is_an_event_or_a_bad_record(
    junk: dict[str, Any] | bytes,
) -> None:
    """No record can raise anything else, so none can stop the stream."""
    value = junk if isinstance(junk, bytes) else json.dumps(junk).encode()
    with suppress(BadRecord):
        assert isinstance(decode_contact_event(value), Event | None)


@pytest.mark.parametrize("at", [AT, "2026-11-20T11:00:00+02:00"])
def test_a_moved_event_keeps_all_that_it_has(at: int | str) -> None:
    """Only its instant changes, which then is in milliseconds; unknown fields stay."""
    value = moved(record(at=at, mood="grim", to_queue=None), 1_500)

    assert json.loads(value) == json.loads(
        record(at=AT + 1_500, mood="grim", to_queue=None)
    )
