"""Canonical agent events, version 1, from and to JSON (interface.md section 1).

Rule: as strict as `wire.events`, with the same reasons: what isn't exactly as the
interface says is refused with the field's name; unknown types and unknown fields are
let pass. Lists are bounded, because state keeps what they name.
"""

from collections.abc import Callable
from typing import Any

import orjson

from monitor.core.events import CHANNELS
from monitor.core.people.events import AgentEvent, AgentKind, Interval
from monitor.wire.errors import BadRecord
from monitor.wire.events import MAX_INSTANT
from monitor.wire.fields import (
    MAX_NAME,
    Fields,
    check_version,
    instant_of,
    missing,
    optional,
    required,
    wrong_type,
    wrong_value,
)

MAX_QUEUES = 200
"""Queues that one person may serve."""
MAX_QUEUE_CHARACTERS = 20_000
"""Characters of their names, all together."""
MAX_SLOTS = 1_000
"""Contacts of one channel that one person may take at once."""
MAX_INTERVALS = 500
"""Activities in one plan: a month of long days."""
MAX_ACTIVITY_CHARACTERS = 20_000
"""Characters of their names, all together."""
MAX_DAYS = 36_500
"""Days of training in one event."""


def decode_agent_event(value: bytes | None) -> AgentEvent | None:
    """Read one record of `callcenter.agents`.

    Returns None for an unknown event type. Raises `BadRecord` for anything that isn't
    an event of version 1, with one of the reasons of `decode_contact_event`.
    """
    if value is None:
        raise BadRecord("null_value", "the record has no value")
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise BadRecord("not_json", f"not JSON: {error}") from None
    if type(fields) is not dict:
        raise BadRecord("not_object", "not a JSON object")
    check_version(fields.get("v"))
    name = fields.get("type")
    if type(name) is not str:
        if "type" not in fields:
            raise missing("type")
        raise wrong_type("type", "a string")
    if name not in _DECODERS:
        return None
    kind, decode = _DECODERS[name]
    return decode(kind, _instant(fields, "at", "at"), fields)


def _instant(fields: Fields, field: str, told: str) -> int:
    """The instant in `field`, which complaints call `told`."""
    at = fields.get(field)
    if type(at) is not int:
        try:
            at = instant_of(at)
        except BadRecord as error:
            complaint = str(error).removeprefix("at")
            raise BadRecord(error.reason, told + complaint) from None
    if not 0 <= at < MAX_INSTANT:
        raise wrong_value(told, "milliseconds UTC from 1970 to 8999")
    return at


def _event(kind: int, at: int, fields: Fields, **own: Any) -> AgentEvent:
    return AgentEvent(
        at,
        kind,
        required(fields, "agent"),
        **own,
        source=optional(fields, "source") or "unknown",
        id=optional(fields, "id"),
    )


def _logged_in(kind: int, at: int, fields: Fields) -> AgentEvent:
    says_queues = fields.get("queues") is not None
    return _event(
        kind,
        at,
        fields,
        says_queues=says_queues,
        queues=_queues(fields) if says_queues else (),
        slots=_slots(fields),
    )


def _away(kind: int, at: int, fields: Fields) -> AgentEvent:
    return _event(kind, at, fields, reason=optional(fields, "reason"))


def _serves(kind: int, at: int, fields: Fields) -> AgentEvent:
    return _event(kind, at, fields, says_queues=True, queues=_queues(fields))


def _schedule(kind: int, at: int, fields: Fields) -> AgentEvent:
    intervals = sorted({_interval(each) for each in _list(fields, "intervals")})
    if sum(len(each.activity) for each in intervals) > MAX_ACTIVITY_CHARACTERS:
        told = f"at most {MAX_ACTIVITY_CHARACTERS} characters in all activities"
        raise wrong_value("intervals", told)
    return _event(kind, at, fields, intervals=tuple(intervals))


def _trained(kind: int, at: int, fields: Fields) -> AgentEvent:
    days = fields.get("days")
    if days is None:
        raise missing("days")
    if type(days) not in (int, float):
        raise wrong_type("days", "a number")
    if not 0 <= days <= MAX_DAYS:
        raise wrong_value("days", f"0 to {MAX_DAYS}")
    return _event(kind, at, fields, days=float(days))


def _plain(kind: int, at: int, fields: Fields) -> AgentEvent:
    return _event(kind, at, fields)


def _of_source(kind: int, at: int, fields: Fields) -> AgentEvent:
    source = required(fields, "source")
    return AgentEvent(at, kind, "", source=source, id=optional(fields, "id"))


def _list(fields: Fields, field: str) -> list[Any]:
    value = fields.get(field)
    if value is None:
        raise missing(field)
    if type(value) is not list:
        raise wrong_type(field, "a list")
    most = MAX_QUEUES if field == "queues" else MAX_INTERVALS
    if len(value) > most:
        raise wrong_value(field, f"a list of at most {most}")
    return value


def _queues(fields: Fields) -> tuple[str, ...]:
    for queue in (names := _list(fields, "queues")):
        if type(queue) is not str:
            raise wrong_type("queues", "a list of strings")
        if not 0 < len(queue) <= MAX_NAME:
            raise wrong_value("queues", f"names of 1 to {MAX_NAME} characters")
    if sum(map(len, names)) > MAX_QUEUE_CHARACTERS:
        told = f"at most {MAX_QUEUE_CHARACTERS} characters in all names"
        raise wrong_value("queues", told)
    return tuple(sorted(set(names)))


def _slots(fields: Fields) -> tuple[tuple[str, int], ...]:
    slots = fields.get("slots")
    if slots is None:
        return ()
    if type(slots) is not dict:
        raise wrong_type("slots", "an object")
    for channel, count in slots.items():
        if channel not in CHANNELS:
            raise wrong_value("slots", f"by {' or '.join(sorted(CHANNELS))}")
        if type(count) is not int:
            raise wrong_type("slots", "integers by channel")
        if not 0 <= count <= MAX_SLOTS:
            raise wrong_value("slots", f"0 to {MAX_SLOTS} by channel")
    return tuple(sorted(slots.items()))


def _interval(value: object) -> Interval:
    if type(value) is not dict:
        raise wrong_type("intervals", "a list of objects")
    start = _instant(value, "from", "intervals.from")
    end = _instant(value, "to", "intervals.to")
    if end <= start:
        raise wrong_value("intervals.to", "after from")
    activity = value.get("activity")
    if activity is None:
        raise missing("intervals.activity")
    if type(activity) is not str:
        raise wrong_type("intervals.activity", "a string")
    if not 0 < len(activity) <= MAX_NAME:
        raise wrong_value("intervals.activity", f"1 to {MAX_NAME} characters")
    return Interval(start, end, activity)


Decode = Callable[[int, int, Fields], AgentEvent]
_DECODERS: dict[str, tuple[int, Decode]] = {
    "agent.logged_in": (int(AgentKind.LOGGED_IN), _logged_in),
    "agent.logged_out": (int(AgentKind.LOGGED_OUT), _plain),
    "agent.ready": (int(AgentKind.READY), _plain),
    "agent.away": (int(AgentKind.AWAY), _away),
    "agent.queues": (int(AgentKind.QUEUES), _serves),
    "agent.heartbeat": (int(AgentKind.HEARTBEAT), _plain),
    "agent.schedule": (int(AgentKind.SCHEDULE), _schedule),
    "agent.trained": (int(AgentKind.TRAINED), _trained),
    "source.started": (int(AgentKind.SOURCE_STARTED), _of_source),
    "source.heartbeat": (int(AgentKind.SOURCE_HEARTBEAT), _of_source),
}
TYPES = {kind: name for name, (kind, _) in _DECODERS.items()}
"""The event type by kind."""


def encode_agent_event(event: AgentEvent) -> bytes:
    """Write an event as canonical JSON; absent fields are left out.

    `decode_agent_event` of the result gives the event back.
    """
    fields: Fields = {"type": TYPES[event.kind], "at": event.at}
    named = (("agent", event.agent), ("reason", event.reason), ("id", event.id))
    fields.update((name, value) for name, value in named if value)
    if event.says_queues:
        fields["queues"] = event.queues
    if event.slots:
        fields["slots"] = dict(event.slots)
    if event.kind == AgentKind.SCHEDULE:
        fields["intervals"] = [
            {"from": start, "to": end, "activity": activity}
            for start, end, activity in event.intervals
        ]
    if event.kind == AgentKind.TRAINED:
        fields["days"] = event.days
    if event.source != "unknown" or not event.agent:
        fields["source"] = event.source
    return orjson.dumps(fields)


def shifted(event: AgentEvent, shift_ms: int) -> AgentEvent:
    """The same event `shift_ms` later, and the plan in it as well."""
    intervals = tuple(
        Interval(start + shift_ms, end + shift_ms, activity)
        for start, end, activity in event.intervals
    )
    return event._replace(at=event.at + shift_ms, intervals=intervals)


def moved_agent_event(value: bytes, shift_ms: int) -> bytes:
    """`shifted` for the bytes of an event, with every field that they have.

    `value` must be an event that `decode_agent_event` accepts.
    """
    fields = orjson.loads(value)
    fields["at"] = _instant(fields, "at", "at") + shift_ms
    for interval in fields.get("intervals") or ():
        if type(interval) is dict:
            for name in ("from", "to"):
                interval[name] = _instant(interval, name, name) + shift_ms
    return orjson.dumps(fields)
