"""Durable state that an earlier release wrote, brought to this release's form.

Rule: one step for each version that was ever released, from all rows of a partition to
all of its rows in the form of the version after it; a step that was released is never
changed. `tests/data/states` keeps what each released version wrote. The rows of one
mirror are all of one version: whoever migrates writes them all in one transaction.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from monitor.wire.errors import UnknownStateVersion

STATE_VERSION = 1
"""The version that this release writes."""
META_KEY = b"m"
"""Key of the row that holds the version, the offset and the owner."""
Rows = dict[bytes, bytes]
Step = Callable[[Rows], Rows]
STEPS: Mapping[int, Step] = {}
"""By the version that a step leads on from; 1 is the first that was released."""


def migrated(
    rows: Rows, steps: Mapping[int, Step] = STEPS, to: int = STATE_VERSION
) -> Rows:
    """The rows in the form of version `to`; the same object if they have it already.

    Raises:
        UnknownStateVersion: they are newer, or of a version that was never released.
    """
    version = _version_of(rows)
    while version != to:
        if not isinstance(version, int) or version not in steps or version > to:
            raise UnknownStateVersion(version, to)
        rows = steps[version](rows)
        version = _version_of(rows)
    return rows


def _version_of(rows: Rows) -> object:
    meta: dict[str, Any] = orjson.loads(rows[META_KEY])
    return meta.get("v")


def changes(before: Rows, after: Rows) -> list[tuple[bytes, bytes | None]]:
    """What must be written so that a mirror of `before` becomes one of `after`.

    The meta row comes last, as in every checkpoint.
    """
    rows: list[tuple[bytes, bytes | None]] = [
        (key, after.get(key))
        for key in before.keys() | after.keys()
        if key != META_KEY and before.get(key) != after.get(key)
    ]
    return [*rows, (META_KEY, after[META_KEY])]
