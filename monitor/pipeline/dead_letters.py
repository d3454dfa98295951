"""Records that can't be decoded: kept byte for byte, with the reason beside them.

Rule: a dead letter is sent in the same transaction as the checkpoint that covers its
record, so it is there exactly once. A flood of them is bounded in memory and in the
log, and never stops the stream.
"""

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from monitor.pipeline.batches import Record

log = logging.getLogger(__name__)

DETAIL_CHARACTERS = 500
MAX_BYTES = 2 * 1024 * 1024 - 64 * 1024
"""Longest key and value together that are kept whole: what the topic allows of one
record (`topics.DEAD_LETTERS`), less what headers take."""
TOLD_SECONDS = 10.0
"""How often the log says that there are bad records, for each reason."""


class DeadLetter(NamedTuple):
    """One record of the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class DeadLetters(list[DeadLetter]):
    """Those that wait for the next checkpoint."""

    def __init__(self) -> None:
        """None yet."""
        super().__init__()
        self.bytes = 0
        """Size of their values and keys."""

    def append(self, letter: DeadLetter) -> None:
        """Add one."""
        super().append(letter)
        self.bytes += len(letter.value or b"") + len(letter.key or b"")


def make_dead_letter(record: Record, reason: str, detail: str, at: int) -> DeadLetter:
    """Wrap `record` that failed at `at` (milliseconds UTC): same key, same bytes.

    One that is too large for the topic is cut, its size in the header `cut`; the place
    where it came from still has it whole.
    """
    key, value = record.key, record.value
    headers = {
        "reason": reason,
        "detail": detail[:DETAIL_CHARACTERS],
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "timestamp": str(at),
    }
    size = len(key or b"") + len(value or b"")
    if size > MAX_BYTES:
        headers["cut"] = str(size)
        key = None if key is None else key[: MAX_BYTES // 2]
        value = None if value is None else value[: MAX_BYTES // 2]
    return DeadLetter(
        key, value, [(name, text.encode()) for name, text in headers.items()]
    )


class Complaints:
    """Says in the log that records are bad: the first of a reason, then a count."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        """Measure time by `steady` seconds."""
        self._steady = steady
        self._told: dict[str, tuple[float, int]] = {}

    def tell(self, record: Record, reason: str) -> None:
        """Log the place of a bad record, unless its reason was told of just now."""
        now = self._steady()
        told_at, left_out = self._told.get(reason, (-TOLD_SECONDS, 0))
        if now - told_at < TOLD_SECONDS:
            self._told[reason] = (told_at, left_out + 1)
            return
        self._told[reason] = (now, 0)
        log.warning(
            "dead_letter=%s topic=%s partition=%d offset=%d more_since_last_told=%d",
            reason,
            record.topic,
            record.partition,
            record.offset,
            left_out,
        )
