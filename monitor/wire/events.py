"""Canonical contact events, version 1, from and to JSON (interface.md section 1).

Rule: what isn't exactly as the interface says is refused with the field's name; unknown
types and unknown fields are let pass, because a newer producer may send them.

Cost of `decode_contact_event`, measured with `tests/bench/core_bench.py` (210 bytes):
about a third of it is `orjson.loads`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from sys import intern
from typing import Any

import orjson

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
from monitor.wire.errors import BadRecord

MAJOR_VERSION = 1
MAX_NAME = 512
"""Longest id or name, characters: no system has longer ones, and state keeps them."""
MAX_INSTANT = 253_402_300_800_000
"""Instants are in `[0, year 10000)`."""
MAX_DURATION = 10 * 365 * 86_400_000
"""Reported durations are at most ten years."""
MAX_VISIT = 1_000_000
OTHER_REASON = "other"
"""Stands for every reason of leaving or refusing that isn't in the interface."""

Fields = dict[str, Any]
_loads = orjson.loads


def decode_contact_event(value: bytes | None) -> Event | None:
    """Read one record of `callcenter.contacts`.

    Returns None for an unknown event type. Raises `BadRecord` for anything that isn't
    an event of version 1, with one of the reasons `null_value`, `not_json`,
    `not_object`, `newer_version`, `missing_field`, `wrong_type`, `wrong_value`.
    """
    if value is None:
        raise BadRecord("null_value", "the record has no value")
    try:
        fields = _loads(value)
    except orjson.JSONDecodeError as error:
        raise BadRecord("not_json", f"not JSON: {error}") from None
    if type(fields) is not dict:
        raise BadRecord("not_object", "not a JSON object")
    if "v" in fields:
        _check_version(fields["v"])
    try:
        kind, decode = _DECODERS[fields["type"]]
    except KeyError:
        if "type" not in fields:
            raise _missing("type") from None
        if type(fields["type"]) is not str:
            raise _wrong_type("type", "a string") from None
        return None
    except TypeError:
        raise _wrong_type("type", "a string") from None
    at = fields.get("at")
    if type(at) is not int:
        at = instant_of(at)
    if not 0 <= at < MAX_INSTANT:
        raise _wrong_value("at", "milliseconds UTC from 1970 to 9999")
    return decode(kind, at, fields)


def _check_version(version: object) -> None:
    if version is None:
        return
    if type(version) is not int:
        raise _wrong_type("v", "an integer")
    if version > MAJOR_VERSION:
        raise BadRecord("newer_version", f"v: {version} is newer than {MAJOR_VERSION}")
    if version < 1:
        raise _wrong_value("v", "1")


def _missing(field: str) -> BadRecord:
    return BadRecord("missing_field", f"{field}: missing")


def _wrong_type(field: str, wanted: str) -> BadRecord:
    return BadRecord("wrong_type", f"{field}: must be {wanted}")


def _wrong_value(field: str, wanted: str) -> BadRecord:
    return BadRecord("wrong_value", f"{field}: must be {wanted}")


def instant_of(value: object) -> int:
    """Milliseconds UTC of an RFC 3339 string with an offset.

    Raises `BadRecord` that speaks of the field `at`.
    """
    if value is None:
        raise _missing("at")
    if type(value) is not str:
        raise _wrong_type("at", "integer milliseconds or an RFC 3339 string")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _wrong_value("at", "an RFC 3339 instant") from None
    if moment.tzinfo is None:
        raise _wrong_value("at", "an RFC 3339 instant with an offset")
    since = moment.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _required(fields: Fields, field: str) -> str:
    value = fields.get(field)
    if type(value) is not str:
        if value is None:
            raise _missing(field)
        raise _wrong_type(field, "a string")
    if not value or len(value) > MAX_NAME:
        raise _wrong_value(field, f"1 to {MAX_NAME} characters")
    return value


def _optional(fields: Fields, field: str) -> str:
    value = fields.get(field)
    if value is None:
        return ""
    if type(value) is not str:
        raise _wrong_type(field, "a string")
    if len(value) > MAX_NAME:
        raise _wrong_value(field, f"at most {MAX_NAME} characters")
    return value


def _one_of(fields: Fields, field: str, allowed: frozenset[str]) -> str:
    value = _optional(fields, field)
    if value and value not in allowed:
        raise _wrong_value(field, " or ".join(sorted(allowed)))
    return value


def _duration(fields: Fields, field: str) -> int:
    value = fields.get(field)
    if value is None:
        return -1
    if type(value) is not int:
        raise _wrong_type(field, "integer milliseconds")
    if not 0 <= value <= MAX_DURATION:
        raise _wrong_value(field, f"0 to {MAX_DURATION} milliseconds")
    return value


def _flag(fields: Fields, field: str) -> bool:
    value = fields.get(field)
    if value is None:
        return False
    if type(value) is not bool:
        raise _wrong_type(field, "true or false")
    return value


def _common(kind: int, at: int, fields: Fields, queue: str, own: Fields) -> Event:
    visit = fields.get("visit")
    if visit is None:
        visit = 0
    elif type(visit) is not int:
        raise _wrong_type("visit", "an integer")
    elif not 1 <= visit <= MAX_VISIT:
        raise _wrong_value("visit", f"1 to {MAX_VISIT}")
    channel = fields.get("channel")
    if channel is None:
        channel = ""
    elif channel not in CHANNELS:
        raise _channel(channel)
    source = _optional(fields, "source")
    agent = _optional(fields, "agent")
    return Event(
        at,
        kind,
        _required(fields, "contact"),
        visit,
        intern(queue),
        intern(channel),
        intern(agent) if agent else "",
        own.get("reason", ""),
        own.get("duration_ms", -1),
        own.get("hold_ms", -1),
        own.get("wrap_up", False),
        own.get("to_queue", ""),
        intern(source) if source else "unknown",
        _optional(fields, "customer"),
        _optional(fields, "id"),
    )


def _channel(value: object) -> BadRecord:
    if type(value) is not str:
        return _wrong_type("channel", "a string")
    return _wrong_value("channel", " or ".join(sorted(CHANNELS)))


_NOTHING: Fields = {}


def _queued(kind: int, at: int, fields: Fields) -> Event:
    return _common(kind, at, fields, _required(fields, "queue"), _NOTHING)


def _rejected(kind: int, at: int, fields: Fields) -> Event:
    reason = _optional(fields, "reason")
    own = {"reason": reason if reason in REJECTED_REASONS else OTHER_REASON}
    return _common(kind, at, fields, _required(fields, "queue"), own)


def _left(kind: int, at: int, fields: Fields) -> Event:
    reason = _required(fields, "reason")
    own = {
        "reason": reason if reason in DIVERTED_REASONS else OTHER_REASON,
        "duration_ms": _duration(fields, "wait_ms"),
    }
    return _common(kind, at, fields, _optional(fields, "queue"), own)


def _wait(kind: int, at: int, fields: Fields) -> Event:
    own = {"duration_ms": _duration(fields, "wait_ms")}
    return _common(kind, at, fields, _optional(fields, "queue"), own)


def _plain(kind: int, at: int, fields: Fields) -> Event:
    return _common(kind, at, fields, _optional(fields, "queue"), _NOTHING)


def _alert_ended(kind: int, at: int, fields: Fields) -> Event:
    own = {"reason": _one_of(fields, "reason", ALERT_END_REASONS) or "no_answer"}
    return _common(kind, at, fields, _optional(fields, "queue"), own)


def _transferred(kind: int, at: int, fields: Fields) -> Event:
    to_queue = _optional(fields, "to_queue")
    _optional(fields, "to_agent")
    how = _one_of(fields, "kind", TRANSFER_KINDS)
    own = {"reason": how or ("queue" if to_queue else "blind"), "to_queue": to_queue}
    return _common(kind, at, fields, _optional(fields, "queue"), own)


def _ended(kind: int, at: int, fields: Fields) -> Event:
    own = {
        "reason": _one_of(fields, "by", ENDED_BY),
        "duration_ms": _duration(fields, "talk_ms"),
        "hold_ms": _duration(fields, "hold_ms"),
        "wrap_up": _flag(fields, "wrap_up"),
    }
    return _common(kind, at, fields, _optional(fields, "queue"), own)


def _wrapped_up(kind: int, at: int, fields: Fields) -> Event:
    own = {"duration_ms": _duration(fields, "acw_ms")}
    return _common(kind, at, fields, _optional(fields, "queue"), own)


def _of_source(kind: int, at: int, fields: Fields) -> Event:
    source = _required(fields, "source")
    return Event(at, kind, "", source=intern(source), id=_optional(fields, "id"))


Decode = Callable[[int, int, Fields], Event]
_DECODERS: dict[str, tuple[int, Decode]] = {
    "contact.queued": (int(Kind.QUEUED), _queued),
    "contact.rejected": (int(Kind.REJECTED), _rejected),
    "contact.alerting": (int(Kind.ALERTING), _plain),
    "contact.alert_ended": (int(Kind.ALERT_ENDED), _alert_ended),
    "contact.answered": (int(Kind.ANSWERED), _wait),
    "contact.abandoned": (int(Kind.ABANDONED), _wait),
    "contact.left": (int(Kind.LEFT), _left),
    "contact.held": (int(Kind.HELD), _plain),
    "contact.resumed": (int(Kind.RESUMED), _plain),
    "contact.transferred": (int(Kind.TRANSFERRED), _transferred),
    "contact.ended": (int(Kind.ENDED), _ended),
    "contact.wrapped_up": (int(Kind.WRAPPED_UP), _wrapped_up),
    "contact.message": (int(Kind.MESSAGE), _plain),
    "contact.survey_sent": (int(Kind.SURVEY_SENT), _plain),
    "contact.rated": (int(Kind.RATED), _plain),
    "contact.resolved": (int(Kind.RESOLVED), _plain),
    "contact.sale": (int(Kind.SALE), _plain),
    "source.started": (int(Kind.SOURCE_STARTED), _of_source),
    "source.heartbeat": (int(Kind.SOURCE_HEARTBEAT), _of_source),
}
TYPES = {kind: name for name, (kind, _) in _DECODERS.items()}
"""The event type by kind."""

_DURATION_FIELD = {
    Kind.ANSWERED: "wait_ms",
    Kind.ABANDONED: "wait_ms",
    Kind.LEFT: "wait_ms",
    Kind.ENDED: "talk_ms",
    Kind.WRAPPED_UP: "acw_ms",
}
_REASON_FIELD = {Kind.TRANSFERRED: "kind", Kind.ENDED: "by"}


def moved(value: bytes, shift_ms: int) -> bytes:
    """The same event `shift_ms` later, with every field that it has.

    `value` must be an event that `decode_contact_event` accepts.
    """
    fields = _loads(value)
    at = fields["at"]
    fields["at"] = (at if type(at) is int else instant_of(at)) + shift_ms
    return orjson.dumps(fields)


def encode_event(event: Event) -> bytes:
    """Write an event as canonical JSON; absent fields are left out.

    `decode_contact_event` of the result gives the event back.
    """
    kind = Kind(event.kind)
    fields: Fields = {"type": TYPES[kind], "at": event.at}
    named = (
        ("contact", event.contact),
        ("visit", event.visit),
        ("queue", event.queue),
        ("channel", event.channel),
        ("agent", event.agent),
        (_REASON_FIELD.get(kind, "reason"), event.reason),
        ("wrap_up", event.wrap_up),
        ("to_queue", event.to_queue),
        ("customer", event.customer),
        ("id", event.id),
    )
    fields.update((name, value) for name, value in named if value)
    if event.duration_ms >= 0:
        fields[_DURATION_FIELD[kind]] = event.duration_ms
    if event.hold_ms >= 0:
        fields["hold_ms"] = event.hold_ms
    if event.source != "unknown":
        fields["source"] = event.source
    return orjson.dumps(fields)
