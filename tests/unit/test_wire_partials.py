"""Partials, visits and queue reports on the wire."""

import json
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.offline import Recording
from monitor.core.rules import QueueRules
from monitor.core.view import (
    PHASES,
    PartitionCounts,
    PartitionPart,
    QueuePart,
    QueueView,
)
from monitor.core.visit_record import VisitRecord
from monitor.wire.partials import decode_part, encode_part
from monitor.wire.queue_json import encode_json, encode_pretty, encode_queue
from monitor.wire.visits import encode_visit
from tests.support.contacts import (
    RULES,
    abandoned,
    answered,
    at,
    ended,
    partition_of,
    queued,
)

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
amounts = st.integers(-(2**53), 2**53)
counts = st.integers(0, 2**53)
tallies = st.dictionaries(names, amounts, max_size=3)
queue_parts = st.builds(
    QueuePart,
    queue=names,
    channel=names,
    waiting=counts,
    waiting_over_threshold=counts,
    oldest_waiting=counts,
    phases=st.fixed_dictionaries(dict.fromkeys(PHASES, counts)),
    agents_in_hand=counts,
    active=counts,
    inactive=counts,
    active_agents=st.lists(counts, unique=True).map(sorted),
    windows=st.dictionaries(names, tallies, max_size=2),
    total=tallies,
    corrected=tallies,
)
partition_counts = st.builds(
    PartitionCounts,
    read=counts,
    applied=counts,
    duplicate=counts,
    late=counts,
    ignored=counts,
    dead_letters=st.dictionaries(names, counts, max_size=2),
    future=counts,
    queues_folded=counts,
    last_event_at=st.dictionaries(names, counts, max_size=2),
)
partition_parts = st.builds(
    PartitionPart,
    source=counts,
    offset=counts,
    complete=st.booleans(),
    counts=partition_counts,
    queues=st.lists(queue_parts, max_size=2),
)


@settings(deadline=None)
@given(partition_parts)
def test_a_partial_is_read_back_as_it_was_written(part: PartitionPart) -> None:
    """Whatever the numbers and names."""
    assert decode_part(encode_part(part)) == part


def a_part() -> PartitionPart:
    partition = partition_of([queued(0, "a"), answered(9, "a"), queued(10, "b")], 40)
    queues = partition.parts(at(40), everything=True)
    return PartitionPart(
        source=3, offset=17, complete=True, counts=partition.counts, queues=queues
    )


def test_fields_of_a_newer_worker_are_ignored() -> None:
    """Two releases may run side by side for a while."""
    part = a_part()
    data = json.loads(encode_part(part))
    data["mood"] = 1
    data["counts"]["mood"] = 1
    data["queues"][0]["mood"] = {"a": 1}

    assert decode_part(orjson.dumps(data)) == part


def test_fields_that_an_older_worker_lacks_are_zero() -> None:
    """What it doesn't know it can't count."""
    part = a_part()
    data = json.loads(encode_part(part))
    for name in ("agents_in_hand", "active", "inactive", "active_agents"):
        del data["queues"][0][name]
    del data["counts"]["queues_folded"]
    expected = replace(part, queues=[replace(part.queues[0], agents_in_hand=0)])

    assert decode_part(orjson.dumps(data)) == expected


@pytest.mark.parametrize("value", [b"", b"{}", b'{"source": 1}', b"[]", b"null"])
def test_bytes_that_no_worker_wrote_are_refused(value: bytes) -> None:
    """With an error of the kinds that the docstring names."""
    with pytest.raises((ValueError, TypeError, KeyError)):
        decode_part(value)


def test_a_part_holds_no_contact_customer_or_agent() -> None:
    """Partials are sums; who it was stays in the source partition."""
    secret = {"customer": "+359888123456", "agent": "ann-secret"}
    partition = partition_of(
        [queued(0, "contact-secret", **secret), answered(9, "contact-secret", **secret)]
    )
    part = replace(a_part(), queues=partition.parts(at(9), everything=True))
    text = encode_part(part).decode()

    assert "secret" not in text
    assert "+359" not in text


def final_visits() -> list[VisitRecord]:
    recording = Recording(RULES)
    recording.fold(
        [
            queued(0, "a", source="pbx"),
            answered(9, "a", source="pbx"),
            ended(60, "a", source="pbx"),
            queued(70, "b"),
            abandoned(73, "b"),
            queued(5_000, "c"),
        ]
    )
    recording.close()
    return recording.visits


def test_a_visit_is_one_json_object() -> None:
    """Instants and durations in milliseconds, what never came is null."""
    by_contact = {record.contact: record for record in final_visits()}

    assert json.loads(encode_visit(by_contact["a"])) == {
        "contact": "a",
        "visit": 1,
        "queue": "q",
        "channel": "voice",
        "source": "pbx",
        "queued_at": at(0),
        "fate": "answered",
        "reason": "",
        "fate_at": at(9),
        "wait_ms": 9_000,
        "threshold_ms": 20_000,
        "agent": "ann",
        "ended_at": at(60),
        "handled_at": at(60),
        "talk_ms": 51_000,
        "hold_ms": 0,
        "acw_ms": 0,
        "first_response_at": None,
        "first_response_ms": None,
    }
    b = json.loads(encode_visit(by_contact["b"]))
    assert (b["fate"], b["fate_at"], b["ended_at"]) == ("abandoned", at(73), None)
    assert b["handled_at"] is None
    assert json.loads(encode_visit(by_contact["c"]))["fate_at"] is None


def test_a_queue_s_json_begins_with_its_name_and_the_instant() -> None:
    """Then come the names of the report, channels added up."""
    parts = partition_of(
        [queued(0, "a"), queued(0, "b", channel="chat"), abandoned(9, "b")], 10
    ).parts(at(10), everything=True)
    views = [
        QueueView(
            rules=QueueRules(), **{name: getattr(p, name) for name in p.__slots__}
        )
        for p in parts
    ]
    numbers = json.loads(encode_queue(views, at(10)))

    assert list(numbers)[:2] == ["queue", "now"]
    assert (numbers["queue"], numbers["now"]) == ("q", "2026-11-20T09:00:10.000Z")
    assert (numbers["offered"], numbers["waiting"]) == (2, 1)
    assert numbers["channels"] == ["chat", "voice"]


def test_reports_keep_the_order_of_their_names() -> None:
    """On one line for programs, indented for people."""
    value = {"b": 1, "a": None}

    assert encode_json(value) == b'{"b":1,"a":null}'
    assert encode_pretty(value) == b'{\n  "b": 1,\n  "a": null\n}\n'
