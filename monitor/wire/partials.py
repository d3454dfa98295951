"""One partition's part of the queues' numbers, from and to bytes.

Rule: absolute values only. Partials live for seconds and are never state, but workers
of two releases may run side by side: unknown fields are ignored.
"""

from dataclasses import asdict, fields
from typing import Any

import orjson

from monitor.core.people.parts import GroupPart, StaffCounts, StaffMessage
from monitor.core.view import PartitionCounts, PartitionPart, QueuePart

_QUEUE_FIELDS = frozenset(field.name for field in fields(QueuePart))
_STAFF_FIELDS = frozenset(field.name for field in fields(StaffMessage))
_STAFF_COUNT_FIELDS = frozenset(field.name for field in fields(StaffCounts))
_GROUP_FIELDS = frozenset(field.name for field in fields(GroupPart))
_OPTIONAL_FIELDS = frozenset({"now", "behind", "piece", "pieces"})
"""What earlier releases didn't write; the defaults say what they meant."""
_COUNT_FIELDS = frozenset(field.name for field in fields(PartitionCounts))


def encode_part(part: PartitionPart) -> bytes:
    """Write one message of `callcenter.queue-partials`."""
    return orjson.dumps(
        {
            "source": part.source,
            "offset": part.offset,
            "complete": part.complete,
            "counts": asdict(part.counts),
            "queues": part.queues,
            "now": part.now,
            "behind": part.behind,
            "piece": part.piece,
            "pieces": part.pieces,
        }
    )


def decode_part(value: bytes) -> PartitionPart:
    """Read one message of `callcenter.queue-partials`.

    Raises `ValueError` (orjson's, or for missing fields a `TypeError` or `KeyError`)
    for bytes that no worker wrote.
    """
    data: dict[str, Any] = orjson.loads(value)
    return PartitionPart(
        source=data["source"],
        offset=data["offset"],
        complete=data["complete"],
        counts=PartitionCounts(**_known(data["counts"], _COUNT_FIELDS)),
        queues=[QueuePart(**_known(q, _QUEUE_FIELDS)) for q in data["queues"]],
        **_known(data, _OPTIONAL_FIELDS),
    )


def encode_staff(message: StaffMessage) -> bytes:
    """Write one message of `callcenter.queue-partials` about people."""
    return orjson.dumps(message)


def decode_staff(value: bytes) -> StaffMessage:
    """Read one message about people; raises as `decode_part` does."""
    data: dict[str, Any] = orjson.loads(value)
    told = _known(data, _STAFF_FIELDS)
    told["counts"] = StaffCounts(**_known(data["counts"], _STAFF_COUNT_FIELDS))
    told["groups"] = [GroupPart(**_known(g, _GROUP_FIELDS)) for g in data["groups"]]
    return StaffMessage(**told)


def _known(data: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name in names}
