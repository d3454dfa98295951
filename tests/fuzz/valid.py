"""A valid event of every type, with all of its fields: what the fuzzing starts from."""

from random import Random
from typing import Any

from monitor.wire.events import TYPES
from monitor.wire.fields import Fields

KINDS = sorted(kind for kind in TYPES.values() if kind.startswith("contact."))
SOURCE_KINDS = ("source.heartbeat", "source.started")
SOURCE_RARITY = 500
OTHER_KINDS = ("agent.ready", "case.opened", "business.revenue", "contact.teleported")
QUEUES = ("support", "billing", "sales")
_OWN: dict[str, dict[str, Any]] = {
    "contact.queued": {"priority": 3},
    "contact.rejected": {"reason": "full"},
    "contact.alert_ended": {"reason": "no_answer"},
    "contact.answered": {"wait_ms": 12_000},
    "contact.abandoned": {"wait_ms": 31_000},
    "contact.left": {"reason": "timeout", "wait_ms": 60_000},
    "contact.transferred": {"kind": "queue", "to_queue": "billing", "to_agent": "a2"},
    "contact.ended": {
        "by": "customer",
        "talk_ms": 90_000,
        "hold_ms": 5_000,
        "wrap_up": True,
    },
    "contact.wrapped_up": {"acw_ms": 15_000},
    "contact.message": {"author": "customer"},
    "contact.rated": {"survey": "csat", "score": 4, "scale": [1, 5]},
    "contact.resolved": {"resolved": True, "topic": "invoice"},
    "contact.sale": {"kind": "up", "amount": 1990, "currency": "EUR"},
}


def valid_fields(chance: Random, at: int) -> Fields:
    """The fields of any event at about `at`."""
    is_of_source = chance.randrange(SOURCE_RARITY) == 0
    kind = chance.choice(SOURCE_KINDS if is_of_source else KINDS)
    source = f"pbx{chance.randrange(4)}"
    moved = at + chance.randrange(-30_000, 1_000)
    fields: Fields = {"type": kind, "at": moved, "source": source}
    if is_of_source:
        return fields
    number = chance.randrange(2_000) + at // 60_000 * 2_000
    return fields | {
        "contact": f"fuzz-{number}",
        "queue": chance.choice(QUEUES),
        "channel": chance.choice(("voice", "chat")),
        "agent": f"a{chance.randrange(50)}",
        "customer": f"k{number}",
        "id": f"{number}-{chance.randrange(1_000)}",
        "v": 1,
        **_OWN.get(kind, {}),
    }
