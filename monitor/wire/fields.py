"""Checks of single JSON fields; each complaint is a `BadRecord` that names the field.

Rule: null means absent; nothing is converted, guessed or cut.
"""

import re
from datetime import UTC, datetime
from typing import Any

from monitor.wire.errors import BadRecord

Fields = dict[str, Any]
MAJOR_VERSION = 1
"""The version of events that this release reads."""
MAX_NAME = 512
"""Longest id or name, characters: no system has longer ones, and state keeps them."""
MAX_DURATION = 10 * 365 * 86_400_000
"""Reported durations are at most ten years."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
"""`datetime.fromisoformat` reads more: week dates, instants without seconds."""


def missing(field: str) -> BadRecord:
    """The complaint that a field isn't there."""
    return BadRecord("missing_field", f"{field}: missing")


def wrong_type(field: str, wanted: str) -> BadRecord:
    """The complaint that a field is no `wanted`."""
    return BadRecord("wrong_type", f"{field}: must be {wanted}")


def wrong_value(field: str, wanted: str) -> BadRecord:
    """The complaint that a field's value isn't one of those `wanted`."""
    return BadRecord("wrong_value", f"{field}: must be {wanted}")


def check_version(version: object) -> None:
    """See that an event, whose field `v` this is, can be read; absent is 1.

    Raises:
        BadRecord: it can't.
    """
    if version is None:
        return
    if type(version) is not int:
        raise wrong_type("v", "an integer")
    if version > MAJOR_VERSION:
        raise BadRecord("newer_version", f"v: {version} is newer than {MAJOR_VERSION}")
    if version < 1:
        raise wrong_value("v", "1")


def instant_of(value: object) -> int:
    """Milliseconds UTC of an RFC 3339 string with an offset.

    Raises `BadRecord` that speaks of the field `at`.
    """
    if value is None:
        raise missing("at")
    if type(value) is not str:
        raise wrong_type("at", "integer milliseconds or an RFC 3339 string")
    if _RFC_3339.fullmatch(value) is None:
        raise wrong_value("at", "an RFC 3339 instant with an offset")
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February; before the year 1
        raise wrong_value("at", "an RFC 3339 instant that exists") from None
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def required(fields: Fields, field: str) -> str:
    """A string that must be there and not be empty."""
    value = fields.get(field)
    if type(value) is not str:
        if value is None:
            raise missing(field)
        raise wrong_type(field, "a string")
    if not value or len(value) > MAX_NAME:
        raise wrong_value(field, f"1 to {MAX_NAME} characters")
    return value


def optional(fields: Fields, field: str) -> str:
    """A string; `""` when it is absent."""
    value = fields.get(field)
    if value is None:
        return ""
    if type(value) is not str:
        raise wrong_type(field, "a string")
    if len(value) > MAX_NAME:
        raise wrong_value(field, f"at most {MAX_NAME} characters")
    return value


def one_of(fields: Fields, field: str, allowed: frozenset[str]) -> str:
    """One of the allowed strings; `""` when it is absent or empty."""
    value = optional(fields, field)
    if value and value not in allowed:
        raise wrong_value(field, " or ".join(sorted(allowed)))
    return value


def duration(fields: Fields, field: str) -> int:
    """Milliseconds; -1 when it is absent."""
    value = fields.get(field)
    if value is None:
        return -1
    if type(value) is not int:
        raise wrong_type(field, "integer milliseconds")
    if not 0 <= value <= MAX_DURATION:
        raise wrong_value(field, f"0 to {MAX_DURATION} milliseconds")
    return value


def flag(fields: Fields, field: str) -> bool:
    """True or false; false when it is absent."""
    value = fields.get(field)
    if value is None:
        return False
    if type(value) is not bool:
        raise wrong_type(field, "true or false")
    return value
