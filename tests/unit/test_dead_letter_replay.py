"""Which way a dead letter goes back, and which can't."""

import pytest

from monitor.pipeline.dead_letters_reader import Letter, Place, replay_of
from monitor.pipeline.topics import AGENT_ACTIVITY, AGENTS, CONTACTS
from monitor.wire.errors import BadRecord

AWAY = b'{"type":"agent.away","at":1767250800000,"agent":"ann","reason":"lunch"}'
QUEUED = b'{"type":"contact.queued","at":1767250800000,"contact":"c1","queue":"help"}'


def letter(value: bytes, topic: str = "") -> Letter:
    """A letter of a record of `topic`, or of a line of a source."""
    headers = {"reason": "wrong_type", "source": "pbx", "line": "7"}
    if topic:
        headers |= {"topic": topic, "partition": "3", "offset": "9"}
    return Letter(Place(0, 1), 0, b"key", value, headers)


@pytest.mark.parametrize("topic, value", [(CONTACTS, QUEUED), (AGENTS, AWAY)])
def test_a_record_goes_back_to_where_it_came_from(topic: str, value: bytes) -> None:
    """With its key and to its partition, whatever chose them."""
    replay = replay_of(letter(b"broken", topic), value)

    assert (replay.topic, replay.partition) == (topic, 3)
    assert (replay.key, replay.value) == (b"key", value)


@pytest.mark.parametrize(
    "value, topic, key", [(QUEUED, CONTACTS, b"c1"), (AWAY, AGENTS, b"ann")]
)
def test_a_line_of_a_source_goes_where_its_event_belongs(
    value: bytes, topic: str, key: bytes
) -> None:
    """By the key that its producer would have given it."""
    replay = replay_of(letter(value))

    assert (replay.topic, replay.partition, replay.key) == (topic, None, key)


@pytest.mark.parametrize(
    "topic, value, reason",
    [
        (CONTACTS, AWAY, "unknown_type"),
        (AGENTS, QUEUED, "unknown_type"),
        (AGENTS, b"{", "not_json"),
        (AGENT_ACTIVITY, b"{}", "other_topic"),
        ("", b'{"type":"nothing.known","at":1}', "unknown_type"),
    ],
)
def test_what_a_worker_could_do_nothing_with_is_not_sent(
    topic: str, value: bytes, reason: str
) -> None:
    """The reason says why."""
    with pytest.raises(BadRecord) as refused:
        replay_of(letter(value, topic))

    assert refused.value.reason == reason
