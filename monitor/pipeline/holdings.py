"""The partitions of one stream processor that this worker holds: claimed and loaded.

Rule: a partition's state is trusted without reading its mirror only if this worker held
it in the generation just before; in any other case it is claimed (which fences whoever
held it) and loaded afresh.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from monitor.config import Settings
from monitor.pipeline.checkpoints import CheckpointWriter
from monitor.pipeline.held import Held, Writer
from monitor.pipeline.mirror import Mirror, read_mirrors

log = logging.getLogger(__name__)

H = TypeVar("H", bound=Held)
ReadMirrors = Callable[[Settings, AbstractSet[int], str, tuple[str, ...]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Generic[H]):
    """What a stream processor's partitions are made from."""

    name: str
    state: str
    """Topic of the mirrors."""
    logs: tuple[str, ...]
    """Topics that it reads."""
    load: Callable[[int, Writer, Mirror], Awaitable[H]]
    """Makes what is held of a partition that was claimed and whose mirror was read."""


class Holdings(Generic[H]):
    """All partitions of one stream processor on this worker, by number."""

    def __init__(
        self,
        settings: Settings,
        stream: Stream[H],
        *,
        make_writer: Callable[[int], Writer] | None = None,
        read: ReadMirrors = read_mirrors,
    ) -> None:
        """Hold nothing yet. `make_writer` and `read` are the ways to Kafka."""
        self._settings = settings
        self._stream = stream
        self._make_writer = make_writer or (
            lambda number: CheckpointWriter(settings, stream.name, number, stream.state)
        )
        self._read = read
        self._held: dict[int, H] = {}
        self._generation: int | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[H]:
        return iter(list(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    def get(self, number: int) -> H | None:
        """The holding of partition `number`; None: this worker doesn't hold it."""
        return self._held.get(number)

    def idle_seconds(self) -> float:
        """How long ago records came for any partition."""
        return min((holding.idle_seconds() for holding in self), default=0.0)

    async def claim(
        self, numbers: AbstractSet[int], generation: int
    ) -> dict[tuple[str, int], int]:
        """Hold exactly the partitions `numbers` in `generation`.

        Returns:
            The offset at which each topic's partition goes on.

        Raises:
            KafkaError: the broker didn't answer; claim again.
            UnknownStateVersion: the mirror was written by a newer version.
            LogBehindStateError: the log isn't the one that the state was made from.
        """
        started = time.monotonic()
        kept = self._kept(numbers, generation)
        for number in self._held.keys() - kept:
            self._let_go(self._held.pop(number))
        fresh = numbers - kept
        # Not asked of `_held` afterwards: a worker that stops meanwhile lets go of all.
        claimed = {number: self._held[number] for number in kept}
        loaded = await self._load(fresh) if fresh else {}
        self._held.update(loaded)
        claimed |= loaded
        self._generation = generation
        log.info(
            "stream=%s generation=%d held=%s loaded=%s seconds=%.2f",
            self._stream.name,
            generation,
            _list(numbers),
            _list(fresh),
            time.monotonic() - started,
        )
        return {
            (topic, number): offset
            for number, holding in claimed.items()
            for topic, offset in holding.offsets.items()
        }

    def _kept(self, numbers: AbstractSet[int], generation: int) -> set[int]:
        if self._generation is None or generation != self._generation + 1:
            return set()
        return set(numbers & self._held.keys())

    def _let_go(self, holding: H) -> None:
        task = asyncio.create_task(holding.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _load(self, numbers: AbstractSet[int]) -> dict[int, H]:
        stream = self._stream
        writers = {number: self._make_writer(number) for number in sorted(numbers)}
        try:
            await asyncio.gather(*(writer.claim() for writer in writers.values()))
            mirrors = await self._read(
                self._settings, numbers, stream.state, stream.logs
            )
            return {
                number: await stream.load(number, writer, mirrors[number])
                for number, writer in writers.items()
            }
        except BaseException:
            await asyncio.gather(*(writer.close() for writer in writers.values()))
            raise

    async def close(self) -> None:
        """Checkpoint and let go of everything."""
        await asyncio.gather(*(holding.checkpoint() for holding in self))
        for holding in self:
            self._let_go(self._held.pop(holding.number))
        await asyncio.gather(*self._closing)


def _list(numbers: AbstractSet[int]) -> str:
    return ",".join(map(str, sorted(numbers))) or "none"
