"""How a partition tells the targets, which own the queues, what it knows.

Rule: a queue's owner is a hash of its name that never changes. What changed goes to the
owners concerned; every few seconds everything goes to all of them, also to those that
it holds nothing for, in as many messages as it takes.
"""

import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

QUEUES_A_MESSAGE = 100
"""Queues in one message: some 0.5 MB at most, encoded in a few milliseconds."""
H = TypeVar("H")
P = TypeVar("P")


class Send(Protocol):
    """Hands one record over to the producer."""

    async def __call__(
        self, topic: str, key: bytes, value: bytes, *, partition: int
    ) -> object: ...


def target_of(queue: str, targets: int) -> int:
    """The partition of `targets` that owns `queue`: a hash that never changes."""
    return zlib.crc32(queue.encode()) % targets


def by_target(
    parts: Iterable[P], name_of: Callable[[P], str], targets: int, *, everything: bool
) -> dict[int, list[P]]:
    """The parts by their queue's owner; with `everything` every target is there."""
    grouped: dict[int, list[P]] = {}
    if everything:
        grouped = {target: [] for target in range(targets)}
    for part in parts:
        grouped.setdefault(target_of(name_of(part), targets), []).append(part)
    return grouped


class Share(NamedTuple, Generic[P]):
    """What one message holds."""

    parts: list[P]
    piece: int
    pieces: int


def shares(parts: list[P], *, everything: bool) -> Iterator[Share[P]]:
    """As many messages as it takes, each of a size that Kafka takes; at least one."""
    starts = range(0, max(1, len(parts)), QUEUES_A_MESSAGE)
    for number, start in enumerate(starts):
        some = parts[start : start + QUEUES_A_MESSAGE]
        # Without the rest, what has changed stands for itself.
        yield Share(some, number, len(starts)) if everything else Share(some, 0, 1)


class Completions(Generic[H]):
    """Who told everything, and when."""

    def __init__(self, interval_seconds: float) -> None:
        """Everything is due again after so long."""
        self._interval_seconds = interval_seconds
        self._told_at: dict[H, float] = {}

    def keep(self, held: Collection[H]) -> None:
        """Forget all but these."""
        self._told_at = {h: at for h, at in self._told_at.items() if h in held}

    def is_due(self, holding: H, now: float) -> bool:
        """Whether everything is to be told at `now`, steady seconds."""
        told_at = self._told_at.get(holding)
        return told_at is None or now - told_at >= self._interval_seconds

    def note(self, holding: H, now: float) -> None:
        """Everything was told at `now`."""
        self._told_at[holding] = now
