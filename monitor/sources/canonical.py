"""Canonical events, one JSON object a line.

Rule: the line is the event: it is checked by `wire` and passed on byte for byte, so
that fields which this version doesn't know reach whoever does.
"""

from monitor.core.events import Event
from monitor.sources.source import Adapter, BadLine, NotAnEvent, SourceKind
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event


def adapter(source: str) -> Adapter:
    """The adapter; the events name their source themselves, so `source` is not used."""
    del source
    return events


def events(line: bytes) -> list[Event]:
    """The event of a line; blank lines and unknown types are `NotAnEvent`."""
    if not line.strip():
        raise NotAnEvent("blank")
    try:
        event = decode_contact_event(line)
    except BadRecord as error:
        raise BadLine(error.reason, str(error)) from error
    if event is None:
        raise NotAnEvent("unknown type")
    return [event]


KIND = SourceKind(
    name="jsonl",
    summary="canonical events, one JSON object a line",
    adapter=adapter,
    canonical=True,
)
