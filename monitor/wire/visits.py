"""Final visits as JSON, one record of `callcenter.visits` each.

Rule: instants are milliseconds UTC and durations milliseconds, as in events; an instant
that never came is null, and so is the time to a first response that never came.
"""

import orjson

from monitor.core.visit_record import VisitRecord

_FIELDS = VisitRecord._fields
_INSTANTS = ("fate_at", "ended_at", "handled_at", "first_response_at")


def encode_visit(record: VisitRecord) -> bytes:
    """Write one final visit."""
    fields = dict(zip(_FIELDS, record, strict=True))
    for name in _INSTANTS:
        if not fields[name]:
            fields[name] = None
    if not record.first_response_at:
        fields["first_response_ms"] = None
    return orjson.dumps(fields)
