"""Records that can't be decoded: kept byte for byte, with the reason beside them.

Rule: a dead letter is sent in the same transaction as the checkpoint that covers its
record, so it is there exactly once.
"""

from typing import NamedTuple

from monitor.pipeline.batches import Record

DETAIL_CHARACTERS = 500


class DeadLetter(NamedTuple):
    """One record of the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def make_dead_letter(record: Record, reason: str, detail: str, at: int) -> DeadLetter:
    """Wrap `record` that failed at `at` (milliseconds UTC): same key, same bytes.

    A record without key and value gets an empty value: no log can hold neither.
    """
    value = record.value
    if value is None and record.key is None:
        value = b""
    headers = {
        "reason": reason,
        "detail": detail[:DETAIL_CHARACTERS],
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "timestamp": str(at),
    }
    return DeadLetter(
        record.key, value, [(name, text.encode()) for name, text in headers.items()]
    )
