"""Final visits as JSON, one record of `callcenter.visits` each.

Rule: instants are milliseconds UTC and durations milliseconds, as in events; an instant
that never came is null.
"""

import orjson

from monitor.core.visit_record import VisitRecord

_INSTANTS = ("fate_at", "ended_at", "handled_at")


def encode_visit(record: VisitRecord) -> bytes:
    """Write one final visit."""
    fields = record._asdict()
    for name in _INSTANTS:
        fields[name] = fields[name] or None
    return orjson.dumps(fields)
