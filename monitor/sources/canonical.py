"""Canonical events of contacts and of people, one JSON object a line.

Rule: the line is the event: it is checked by `wire` and passed on byte for byte, so
that fields which this version doesn't know reach whoever does.
"""

from monitor.core.people.events import AnyEvent
from monitor.sources.source import Adapter, BadLine, NotAnEvent, SourceKind
from monitor.wire.agent_events import decode_agent_event
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event


def adapter(source: str) -> Adapter:
    """The adapter; the events name their source themselves, so `source` is not used."""
    del source
    return events


def events(line: bytes) -> list[AnyEvent]:
    """The event of a line; blank lines and unknown types are `NotAnEvent`.

    What a source says of itself is an event of contacts.
    """
    if not line.strip():
        raise NotAnEvent("blank")
    try:
        event: AnyEvent | None = decode_contact_event(line)
        if event is None:
            event = decode_agent_event(line)
    except BadRecord as error:
        raise BadLine(error.reason, str(error)) from error
    if event is None:
        raise NotAnEvent("unknown type")
    return [event]


KIND = SourceKind(
    name="jsonl",
    summary="canonical events of contacts and agents, one JSON object a line",
    adapter=adapter,
    canonical=True,
)
