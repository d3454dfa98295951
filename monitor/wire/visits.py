"""Final visits as JSON, one record of `callcenter.visits` each.

Rule: instants are milliseconds UTC and durations milliseconds, as in events; an instant
that never came is null.
"""

import orjson

from monitor.core.visit_record import VisitRecord

_FIELDS = VisitRecord._fields
_INSTANTS = ("fate_at", "ended_at", "handled_at")


def encode_visit(record: VisitRecord) -> bytes:
    """Write one final visit."""
    fields = dict(zip(_FIELDS, record, strict=True))
    for name in _INSTANTS:
        if not fields[name]:
            fields[name] = None
    return orjson.dumps(fields)
