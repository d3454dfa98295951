"""The judge's reading of the log: what each record says, and which records count.

Rule: nothing of `monitor` is used, only interface.md. A record is read as JSON; an
event is late when it is older than the newest one before it in its partition by more
than the horizon; two of a contact with the same content or the same id are one.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

ORDER = (
    "source.heartbeat",
    "source.started",
    "contact.transferred",
    "contact.ended",
    "contact.wrapped_up",
    "contact.abandoned",
    "contact.left",
    "contact.rejected",
    "contact.queued",
    "contact.alerting",
    "contact.alert_ended",
    "contact.answered",
    "contact.held",
    "contact.resumed",
    "contact.message",
    "contact.survey_sent",
    "contact.rated",
    "contact.resolved",
    "contact.sale",
)
"""Types of one instant are folded in this order."""
UNFOLDED = {"source.heartbeat", *ORDER[15:]}
"""Types that change no visit; nothing tells two of them apart."""
DIVERTED = set(
    "timeout empty key overflow voicemail callback transfer withdrawn full closed "
    "error".split()
)
REJECTED = set("full closed empty unavailable overload".split())


class Said(NamedTuple):
    """One event; the order of the fields is the order of events."""

    at: int
    rank: int
    contact: str
    visit: int
    queue: str
    channel: str
    agent: str
    reason: str
    duration: int
    hold: int
    wrap_up: bool
    to_queue: str
    source: str
    customer: str
    id: str

    @property
    def type(self) -> str:
        return ORDER[self.rank]


class UnreadableError(Exception):
    """The record is no event: it belongs to the dead letters."""


def read(value: bytes | None) -> Said | None:
    """What a record says; None: a type that nobody knows. Raises UnreadableError."""
    try:
        fields = json.loads(value or b"")
        kind = fields["type"]
        if kind not in ORDER:
            return None
        at = fields["at"]
        if isinstance(at, str):
            at = round(datetime.fromisoformat(at).timestamp() * 1000)
        contact = "" if kind.startswith("source.") else fields["contact"]
        if kind in ("contact.queued", "contact.rejected"):
            fields["queue"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableError(repr(error)) from error
    return Said(
        at=at,
        rank=ORDER.index(kind),
        contact=contact,
        visit=fields.get("visit", 0),
        queue=fields.get("queue", ""),
        channel=fields.get("channel", ""),
        agent=fields.get("agent", ""),
        reason=_reason(kind, fields),
        duration=_duration(kind, fields),
        hold=fields.get("hold_ms", -1) if kind == "contact.ended" else -1,
        wrap_up=fields.get("wrap_up", False) if kind == "contact.ended" else False,
        to_queue=fields.get("to_queue", ""),
        source=fields.get("source", "unknown"),
        customer=fields.get("customer", ""),
        id=fields.get("id", ""),
    )


def _reason(kind: str, fields: dict[str, Any]) -> str:
    reason: str = fields.get("reason", "")
    if kind == "contact.left":
        return reason if reason in DIVERTED else "other"
    if kind == "contact.rejected":
        return reason if reason in REJECTED else "other"
    if kind == "contact.alert_ended":
        return reason or "no_answer"
    if kind == "contact.ended":
        return str(fields.get("by", ""))
    if kind == "contact.transferred":
        default = "queue" if fields.get("to_queue") else "blind"
        return str(fields.get("kind", default))
    return ""


def _duration(kind: str, fields: dict[str, Any]) -> int:
    name = {
        "contact.answered": "wait_ms",
        "contact.abandoned": "wait_ms",
        "contact.left": "wait_ms",
        "contact.ended": "talk_ms",
        "contact.wrapped_up": "acw_ms",
    }.get(kind)
    return -1 if name is None else int(fields.get(name, -1))


@dataclass
class Counts:
    """What became of the records."""

    read: int = 0
    applied: int = 0
    duplicate: int = 0
    late: int = 0
    ignored: int = 0
    dead_letters: int = 0


@dataclass
class Life:
    """Everything that was said of one contact until it was over for good."""

    events: set[Said] = field(default_factory=set)

    @property
    def source(self) -> str:
        """Who spoke of the contact first; messages alone don't say whose it is."""
        others = [e for e in self.events if e.type != "contact.message"]
        return min(others or self.events).source

    def add(self, event: Said) -> bool:
        """Take an event; False: it was there already."""
        if event in self.events:
            return False
        for other in self.events if event.id else ():
            if other.id == event.id:
                if other < event:
                    return False
                self.events.remove(other)
                break
        self.events.add(event)
        return True
