"""Canonical contact events, version 1, from and to JSON (interface.md section 1).

Rule: what isn't exactly as the interface says is refused with the field's name; unknown
types and unknown fields are let pass, because a newer producer may send them.

Cost of `decode_contact_event`, measured with `tests/bench/core_bench.py` (210 bytes):
about a third of it is `orjson.loads`.
"""

from collections.abc import Callable

import orjson

from monitor.core.events import (
    ALERT_END_REASONS,
    AUTHORS,
    CHANNELS,
    DIVERTED_REASONS,
    ENDED_BY,
    REJECTED_REASONS,
    TRANSFER_KINDS,
    Event,
    Kind,
)
from monitor.wire.errors import BadRecord
from monitor.wire.fields import (
    MAX_NAME,
    Fields,
    check_version,
    duration,
    flag,
    instant_of,
    missing,
    one_of,
    optional,
    required,
    wrong_type,
    wrong_value,
)

MAX_INSTANT = 221_845_392_000_000
"""Instants are in `[0, year 9000)`: what follows from one by adding durations and local
days is still a date."""
MAX_VISIT = 1_000_000
OTHER_REASON = "other"
"""Stands for every reason of leaving or refusing that isn't in the interface."""

MAX_SHARED = 20_000
"""Names that are kept to be shared; a flood of names begins the table anew."""

_loads = orjson.loads
_names: dict[str, str] = {}
_shared = _names.get


def _share(name: str) -> str:
    """Remember a new name, so that events with it hold one string and not copies.

    Not `sys.intern`: what it is given once stays for ever in Python 3.12.
    """
    if len(_names) >= MAX_SHARED:
        _names.clear()
    _names[name] = name
    return name


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
        check_version(fields["v"])
    try:
        kind, decode = _DECODERS[fields["type"]]
    except KeyError:
        if "type" not in fields:
            raise missing("type") from None
        if type(fields["type"]) is not str:
            raise wrong_type("type", "a string") from None
        return None
    except TypeError:
        raise wrong_type("type", "a string") from None
    at = fields.get("at")
    if type(at) is not int:
        at = instant_of(at)
    if not 0 <= at < MAX_INSTANT:
        raise wrong_value("at", "milliseconds UTC from 1970 to 8999")
    return decode(kind, at, fields)


def _event(  # noqa: PLR0912 - spelled out, for speed
    kind: int,
    at: int,
    fields: Fields,
    reason: str = "",
    duration_ms: int = -1,
    hold_ms: int = -1,
    wrap_up: bool = False,  # noqa: FBT001, FBT002 - by position, for speed
    to_queue: str = "",
) -> Event:
    """The event with the fields that all kinds have; spelled out, for speed."""
    get = fields.get
    contact = get("contact")
    if type(contact) is not str or not 0 < len(contact) <= MAX_NAME:
        required(fields, "contact")
    queue = get("queue")
    if queue is None:
        queue = ""
    elif type(queue) is str and len(queue) <= MAX_NAME:
        queue = _shared(queue) or _share(queue)
    else:
        optional(fields, "queue")
    channel = get("channel")
    if channel is None:
        channel = ""
    elif type(channel) is str and channel in CHANNELS:
        channel = _shared(channel) or _share(channel)
    else:
        raise _channel(channel)
    source = get("source")
    if source is None:
        source = "unknown"
    elif type(source) is str and len(source) <= MAX_NAME:
        source = _shared(source) or _share(source) or "unknown"
    else:
        optional(fields, "source")
    agent = get("agent")
    if agent is None:
        agent = ""
    elif type(agent) is str and len(agent) <= MAX_NAME:
        agent = _shared(agent) or _share(agent)
    else:
        optional(fields, "agent")
    customer = "" if get("customer") is None else optional(fields, "customer")
    event_id = get("id")
    if event_id is None:
        event_id = ""
    elif type(event_id) is not str or len(event_id) > MAX_NAME:
        optional(fields, "id")
    return _new(
        Event,
        (
            at,
            kind,
            contact,
            0 if get("visit") is None else _visit(fields["visit"]),
            queue,
            channel,
            agent,
            reason,
            duration_ms,
            hold_ms,
            wrap_up,
            to_queue,
            source,
            customer,
            event_id,
        ),
    )


_new = tuple.__new__
"""Makes an `Event` of its fields in half the time of calling `Event`."""


def _visit(value: object) -> int:
    if type(value) is not int:
        raise wrong_type("visit", "an integer")
    if not 1 <= value <= MAX_VISIT:
        raise wrong_value("visit", f"1 to {MAX_VISIT}")
    return value


def _channel(value: object) -> BadRecord:
    if type(value) is not str:
        return wrong_type("channel", "a string")
    return wrong_value("channel", " or ".join(sorted(CHANNELS)))


def _queued(kind: int, at: int, fields: Fields) -> Event:
    required(fields, "queue")
    return _event(kind, at, fields)


def _rejected(kind: int, at: int, fields: Fields) -> Event:
    reason = optional(fields, "reason")
    if reason not in REJECTED_REASONS:
        reason = OTHER_REASON
    required(fields, "queue")
    return _event(kind, at, fields, reason)


def _left(kind: int, at: int, fields: Fields) -> Event:
    reason = required(fields, "reason")
    if reason not in DIVERTED_REASONS:
        reason = OTHER_REASON
    wait_ms = duration(fields, "wait_ms")
    return _event(kind, at, fields, reason, wait_ms)


def _wait(kind: int, at: int, fields: Fields) -> Event:
    if "wait_ms" not in fields:
        return _event(kind, at, fields)
    return _event(kind, at, fields, "", duration(fields, "wait_ms"))


def _plain(kind: int, at: int, fields: Fields) -> Event:
    return _event(kind, at, fields)


def _alert_ended(kind: int, at: int, fields: Fields) -> Event:
    reason = one_of(fields, "reason", ALERT_END_REASONS) or "no_answer"
    return _event(kind, at, fields, reason)


def _transferred(kind: int, at: int, fields: Fields) -> Event:
    to_queue = optional(fields, "to_queue")
    optional(fields, "to_agent")
    how = one_of(fields, "kind", TRANSFER_KINDS)
    how = how or ("queue" if to_queue else "blind")
    return _event(kind, at, fields, how, to_queue=to_queue)


def _ended(kind: int, at: int, fields: Fields) -> Event:
    return _event(
        kind,
        at,
        fields,
        one_of(fields, "by", ENDED_BY),
        duration(fields, "talk_ms"),
        duration(fields, "hold_ms"),
        flag(fields, "wrap_up"),
    )


def _wrapped_up(kind: int, at: int, fields: Fields) -> Event:
    acw_ms = duration(fields, "acw_ms")
    return _event(kind, at, fields, "", acw_ms)


def _message(kind: int, at: int, fields: Fields) -> Event:
    return _event(kind, at, fields, one_of(fields, "author", AUTHORS))


def _of_source(kind: int, at: int, fields: Fields) -> Event:
    source = required(fields, "source")
    return Event(
        at,
        kind,
        "",
        source=_shared(source) or _share(source),
        id=optional(fields, "id"),
    )


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
    "contact.message": (int(Kind.MESSAGE), _message),
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
_REASON_FIELD = {Kind.TRANSFERRED: "kind", Kind.ENDED: "by", Kind.MESSAGE: "author"}


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
