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

STATE_VERSION = 3
"""The version that this release writes."""
META_KEY = b"m"
"""Key of the row that holds the version, the offset and the owner."""
Rows = dict[bytes, bytes]
Step = Callable[[Rows], Rows]


def _from_1(rows: Rows) -> Rows:
    """Messages are events of a contact's log; before, its newest one was a number."""
    new = dict(rows)
    for key, value in rows.items():
        if key[:1] == b"c":
            clocked, active_at, visits, log = orjson.loads(value)
            if active_at > log[-1][0]:
                log.append(_message_1(active_at, log[0]))
            new[key] = orjson.dumps([clocked, visits, log])
    meta = orjson.loads(rows[META_KEY])
    new[META_KEY] = orjson.dumps(meta | {"v": 2})
    return new


def _message_1(at: int, first: list[Any]) -> list[Any]:
    """A message as an event of a log, which holds everything but the contact's id."""
    message, source = 14, first[11]
    return [at, message, 0, "", "", "", "", -1, -1, False, "", source, "", ""]


def _from_2(rows: Rows) -> Rows:
    """Long conversations have a base; before, nobody knew who had written what.

    So those that had begun get one: what was written in them is final, and in their
    visits nobody is asked any more who responded first.
    """
    new = dict(rows)
    for key, value in rows.items():
        if key[:1] == b"c":
            clocked, visits, log = orjson.loads(value)
            messages = [event[0] for event in log if event[1] == _MESSAGE]
            if messages:
                until, last_at = log[-1][0] + 1, max(messages)
                responses = [[0, last_at, 0] for _ in visits]
                base = [until, last_at, 0, False, {}, responses]
                new[key] = orjson.dumps([clocked, visits, log, base])
    meta = orjson.loads(rows[META_KEY])
    new[META_KEY] = orjson.dumps(meta | {"v": 3})
    return new


_MESSAGE = 14

STEPS: Mapping[int, Step] = {1: _from_1, 2: _from_2}
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
