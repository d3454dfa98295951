"""The JSON Schema of events says what the decoder does, and what the interface says."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from monitor.core import events as core
from monitor.wire import agent_events
from monitor.wire.errors import BadRecord
from monitor.wire.events import (
    MAX_INSTANT,
    MAX_VISIT,
    TYPES,
    decode_contact_event,
)
from monitor.wire.fields import MAX_DURATION, MAX_NAME

SCHEMA: dict[str, Any] = json.loads(
    files("monitor.wire").joinpath("events.schema.json").read_text(encoding="utf-8")
)
DEFS: dict[str, Any] = SCHEMA["$defs"]
ALL_TYPES: list[str] = SCHEMA["properties"]["type"]["enum"]
CONTACT_TYPES = sorted(TYPES.values())
AGENT_TYPES = sorted(t for t in agent_events.TYPES.values() if t.startswith("agent."))
DECODED_TYPES = sorted({*TYPES.values(), *agent_events.TYPES.values()})
AT = 1_795_165_200_000
NOT_READ_YET = {
    "contact.queued": {"priority"},
    "contact.survey_sent": {"survey"},
    "contact.rated": {"survey", "score", "scale"},
    "contact.resolved": {"resolved", "topic"},
    "contact.sale": {"kind", "amount", "currency"},
}
"""Fields that the schema checks and the decoder doesn't look at."""

formats = FormatChecker(formats=())


@formats.checks("date-time", raises=(ValueError, OverflowError))
def is_instant(value: object) -> bool:
    """The day is in the calendar; the pattern has said the rest."""
    if isinstance(value, str):
        datetime.fromisoformat(value.upper())
    return True


VALIDATOR = Draft202012Validator(SCHEMA, format_checker=formats)


def schema_accepts(event: object) -> bool:
    return bool(VALIDATOR.is_valid(event))


def decoder_accepts(event: dict[str, Any]) -> bool:
    """By the decoder of its topic; source events may come in either."""
    value = json.dumps(event).encode()
    of_contacts, of_people = CONTACT_DECODER(value), AGENT_DECODER(value)
    if str(event.get("type")).startswith("source."):
        assert of_contacts == of_people
    return of_contacts or of_people


def accepts(decode: Callable[[bytes], object]) -> Callable[[bytes], bool]:
    def is_event(value: bytes) -> bool:
        try:
            return decode(value) is not None
        except BadRecord:
            return False

    return is_event


CONTACT_DECODER = accepts(decode_contact_event)
AGENT_DECODER = accepts(agent_events.decode_agent_event)


def least(kind: str) -> dict[str, Any]:
    """The shortest event of a type."""
    event: dict[str, Any] = {"type": kind, "at": AT}
    if kind.startswith("source."):
        return event | {"source": "pbx"}
    if kind.startswith("contact."):
        event |= {"contact": "c1"}
    if kind.startswith("agent."):
        event |= {"agent": "ann"}
    needed: dict[str, dict[str, Any]] = {
        "contact.queued": {"queue": "support"},
        "contact.rejected": {"queue": "support"},
        "contact.left": {"reason": "timeout"},
        "agent.queues": {"queues": []},
        "agent.schedule": {"intervals": []},
        "agent.trained": {"days": 0},
    }
    return event | needed.get(kind, {})


def own_fields(kind: str) -> set[str]:
    """The fields that an event of this type may have, by the schema."""
    definition = DEFS[kind]
    [base] = definition["allOf"]
    common = DEFS[base["$ref"].rpartition("/")[2]]["properties"]
    return {*SCHEMA["properties"], *common, *definition.get("properties", {})}


def test_the_schema_is_a_schema() -> None:
    """By the meta-schema of its draft."""
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_describes_every_type_that_is_decoded() -> None:
    """And each type has its rule."""
    rules = {rule["then"]["$ref"].rpartition("/")[2] for rule in SCHEMA["allOf"]}

    assert set(DECODED_TYPES) <= set(ALL_TYPES)
    assert rules == set(ALL_TYPES)


def test_limits_and_words_are_those_of_the_code() -> None:
    """Numbers and lists of words that stand in both are the same."""
    properties = DEFS["contact_event"]["properties"]
    ended = DEFS["contact.ended"]["properties"]
    slots = DEFS["agent.logged_in"]["properties"]["slots"]
    intervals = DEFS["agent.schedule"]["properties"]["intervals"]
    trained = DEFS["agent.trained"]["properties"]

    assert DEFS["instant"]["anyOf"][0]["exclusiveMaximum"] == MAX_INSTANT
    assert DEFS["name"]["maxLength"] == DEFS["optional_name"]["maxLength"] == MAX_NAME
    assert DEFS["duration_ms"]["maximum"] == MAX_DURATION
    assert properties["visit"]["maximum"] == MAX_VISIT
    assert set(properties["channel"]["enum"]) == core.CHANNELS | {None}
    assert set(ended["by"]["enum"]) == core.ENDED_BY | {"", None}
    assert queue_limit("agent.logged_in") == agent_events.MAX_QUEUES
    assert queue_limit("agent.queues") == agent_events.MAX_QUEUES
    assert slots["additionalProperties"]["maximum"] == agent_events.MAX_SLOTS
    assert set(slots["propertyNames"]["enum"]) == core.CHANNELS
    assert intervals["maxItems"] == agent_events.MAX_INTERVALS
    assert trained["days"]["maximum"] == agent_events.MAX_DAYS
    assert words("contact.alert_ended", "reason") == core.ALERT_END_REASONS | {"", None}
    assert words("contact.transferred", "kind") == core.TRANSFER_KINDS | {"", None}
    assert described("contact.left") == core.DIVERTED_REASONS
    assert described("contact.rejected") == core.REJECTED_REASONS


def queue_limit(kind: str) -> int:
    limit: int = DEFS[kind]["properties"]["queues"]["maxItems"]
    return limit


def words(kind: str, field: str) -> set[str | None]:
    return set(DEFS[kind]["properties"][field]["enum"])


def described(kind: str) -> set[str]:
    """The reasons that the description lists."""
    text: str = DEFS[kind]["properties"]["reason"]["description"]
    listed = text.removeprefix("Any other than ").removesuffix(" counts as other.")
    return set(listed.split(", "))


@pytest.mark.parametrize("kind", ALL_TYPES)
def test_examples_are_accepted(kind: str) -> None:
    """Each type has one; the decoder takes those that it knows and ignores the rest."""
    [example] = DEFS[kind]["examples"]

    assert example["type"] == kind
    assert schema_accepts(example)
    assert decoder_accepts(example) == (kind in DECODED_TYPES)


@pytest.mark.parametrize("kind", ALL_TYPES)
def test_the_least_event_is_accepted_and_nothing_of_it_can_go(kind: str) -> None:
    """What is required is required by both."""
    event = least(kind)

    assert schema_accepts(event)
    for field in event:
        rest = {name: value for name, value in event.items() if name != field}
        assert not schema_accepts(rest)
        assert not decoder_accepts(rest)


def test_an_unknown_type_is_a_slip_to_the_schema() -> None:
    """The monitor ignores it, so a producer's test should find it."""
    event = {**least("contact.queued"), "type": "contact.qeued"}

    assert not schema_accepts(event)
    assert decode_contact_event(json.dumps(event).encode()) is None


VALUES: list[Any] = [
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    MAX_VISIT,
    MAX_VISIT + 1,
    MAX_DURATION,
    MAX_DURATION + 1,
    MAX_INSTANT - 1,
    MAX_INSTANT,
    1.5,
    "",
    "x",
    "x" * MAX_NAME,
    "x" * (MAX_NAME + 1),
    "2026-11-20T09:00:00Z",
    "2026-11-20T09:00:00.25+02:00",
    "2026-11-20t09:00:00z",
    "2026-11-20 09:00:00Z",
    "2026-02-30T09:00:00Z",
    "2026-11-20T09:00:00",
    "2026-11-20T09:00Z",
    "2026-11-20T09:00:60Z",
    "2026-11-20T24:00:00Z",
    "2026-11-20T09:00:00+24:00",
    "1969-12-31T23:59:59Z",
    "20261120T090000Z",
    [],
    {},
    ["support"],
    ["support", "support"],
    ["x"] * agent_events.MAX_QUEUES,
    ["x"] * (agent_events.MAX_QUEUES + 1),
    [""],
    [1],
    {"chat": 3, "voice": 0},
    {"chat": 1001},
    {"fax": 1},
    {"chat": "3"},
    [{"from": AT, "to": "2026-11-20T12:00:00Z", "activity": "phone"}],
    [{"from": AT, "to": AT + 1}],
    [{"from": AT, "to": None, "activity": "phone"}],
    [{"from": "noon", "to": AT, "activity": "phone"}],
    [{"from": AT, "to": AT + 1, "activity": ""}],
    [{"from": AT, "to": AT + 1, "activity": 1}],
    *sorted(core.CHANNELS),
    *sorted(core.ALERT_END_REASONS),
    *sorted(core.ENDED_BY),
    *sorted(core.TRANSFER_KINDS),
]


@pytest.mark.parametrize("kind", DECODED_TYPES)
def test_schema_and_decoder_agree_on_every_field(kind: str) -> None:
    """Each field of each type with each of the values above, one at a time."""
    for field in sorted(own_fields(kind) - {"type"}):
        for value in VALUES:
            event = {**least(kind), field: value}
            accepted = schema_accepts(event)
            if field in NOT_READ_YET.get(kind, ()):
                assert decoder_accepts(event)
            else:
                assert decoder_accepts(event) == accepted, event


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_schema_and_decoder_agree_on_any_event(data: st.DataObject) -> None:
    """Several fields at once, right and wrong, and fields that nobody knows."""
    kind = data.draw(st.sampled_from(DECODED_TYPES))
    fields = sorted(own_fields(kind) - {"type"} - NOT_READ_YET.get(kind, set()))
    changes = data.draw(
        st.dictionaries(
            st.sampled_from([*fields, "unknown"]), st.sampled_from(VALUES), max_size=4
        )
    )
    event = least(kind) | changes

    assert decoder_accepts(event) == schema_accepts(event)


def readme_events() -> list[list[dict[str, Any]]]:
    """Those of contacts, and those of agents."""
    text = files("monitor.wire").joinpath("README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```jsonl\n(.*?)```", text, re.DOTALL)
    return [[json.loads(line) for line in block.splitlines()] for block in blocks]


def test_the_readme_shows_one_good_event_of_each_type() -> None:
    """What a producer's author copies from there is right."""
    contacts, agents = readme_events()

    assert sorted(event["type"] for event in contacts) == CONTACT_TYPES
    assert sorted(event["type"] for event in agents) == AGENT_TYPES
    for event in (*contacts, *agents):
        assert schema_accepts(event)
        assert decoder_accepts(event)
