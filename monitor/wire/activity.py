"""What contacts say of the agents on them, from `contacts` to `staff`.

Rule: one message tells what changed between two checkpoints of one source partition to
one partition of the agents, and is written in the checkpoint's own transaction: what is
told is durable, and it is told once. An empty one tells how far the log was read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from monitor.core.people.engagement import Engagement, Telling

MESSAGE_BYTES = 64 * 1024
"""Size beyond which the next telling goes into another message."""
_FINAL = 1
_UNCHANGED = 2
_dumps = orjson.dumps


@dataclass(slots=True, kw_only=True)
class Activity:
    """One message of `callcenter.agent-activity`."""

    source: int
    """The contacts' source partition."""
    watermark: int
    """The newest event instant of its log so far, milliseconds UTC."""
    now: int
    """The instant up to which time had passed for it."""
    behind: bool
    """Whether unread events were waiting: then `now` is in the past."""
    tellings: list[Telling] = field(default_factory=list)


def encode_telling(telling: Telling, engagements: Iterable[Engagement]) -> bytes:
    """One telling with those of its engagements that the receiver shall hear."""
    flags = telling.final * _FINAL + telling.unchanged * _UNCHANGED
    told = [
        [e.agent, e.visit, e.queue, e.channel, e.marks, *e[_FIRST_SUM:]]
        for e in engagements
    ]
    return _dumps([telling.contact, flags, told])


_FIRST_SUM = Engagement._fields.index("handled_at")


def encode_activity(head: Activity, tellings: Sequence[bytes]) -> Iterator[bytes]:
    """The messages that hold `tellings`, which `encode_telling` made; at least one."""
    begin = _dumps(
        {
            "source": head.source,
            "watermark": head.watermark,
            "now": head.now,
            "behind": head.behind,
        }
    )[:-1]
    some: list[bytes] = []
    size = 0
    for telling in tellings:
        if some and size + len(telling) > MESSAGE_BYTES:
            yield begin + b',"tellings":[' + b",".join(some) + b"]}"
            some, size = [], 0
        some.append(telling)
        size += len(telling)
    yield begin + b',"tellings":[' + b",".join(some) + b"]}"


def decode_activity(value: bytes) -> Activity:
    """Read one message.

    Raises `ValueError`, `TypeError` or `KeyError` for bytes that no worker wrote.
    """
    data: dict[str, Any] = orjson.loads(value)
    return Activity(
        source=data["source"],
        watermark=data["watermark"],
        now=data["now"],
        behind=data["behind"],
        tellings=[_telling(*told) for told in data["tellings"]],
    )


def _telling(contact: str, flags: int, told: list[list[Any]]) -> Telling:
    return Telling(
        contact,
        tuple(
            Engagement(agent, contact, visit, queue, channel, _marks(marks), *sums)
            for agent, visit, queue, channel, marks, *sums in told
        ),
        final=bool(flags & _FINAL),
        unchanged=bool(flags & _UNCHANGED),
    )


def _marks(marks: Iterable[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    return tuple((at, state) for at, state in marks)
