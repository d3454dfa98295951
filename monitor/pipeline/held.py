"""What a worker holds of any stream processor: a state, and its checkpoints.

Rule: whoever changes the state, reads a part of it or takes a checkpoint holds `still`;
between taking a checkpoint and its commit nothing may be forgotten, so a checkpoint
that fails ends the process.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from monitor.pipeline.batches import Batch
from monitor.pipeline.checkpoints import Checkpoint
from monitor.pipeline.dead_letters import DeadLetters
from monitor.pipeline.fatal import GapError, end_process


class Writer(Protocol):
    """What is needed of `CheckpointWriter`; tests make their own."""

    async def claim(self) -> None: ...

    async def commit(self, checkpoint: Checkpoint) -> int: ...

    async def close(self) -> None: ...


class Taken(NamedTuple):
    """A checkpoint that isn't written yet."""

    number: int
    at: float
    forwards: Sequence[Awaitable[Any]]
    checkpoint: Checkpoint


class Held(ABC):
    """One partition's state in the hands of this worker."""

    def __init__(self, number: int, writer: Writer) -> None:
        """Hold partition `number`, whose state is as the last checkpoint left it.

        Who derives from this has the state ready before.
        """
        self.number = number
        self.dead_letters = DeadLetters()
        self.forwards: list[asyncio.Future[Any]] = []
        """What was sent on and must be acknowledged before the checkpoint commits."""
        self.still = asyncio.Lock()
        """Held by whoever changes the state, and while a checkpoint is taken of it."""
        self.lock = asyncio.Lock()
        """Held while a checkpoint is made."""
        self._writer = writer
        self._covered = self.progress
        self._covered_at = time.monotonic()
        self._taken = 0
        """Numbers of the last checkpoint that was taken, and of the last committed."""
        self._committed = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._batch_at = time.monotonic()

    # -- of the state ---------------------------------------------------------------

    @property
    @abstractmethod
    def progress(self) -> int:
        """How far the logs were read; grows with every record."""

    @property
    @abstractmethod
    def offsets(self) -> Mapping[str, int]:
        """The next offset of each topic."""

    @property
    @abstractmethod
    def has_changes(self) -> bool:
        """Whether the state has anything to say to a checkpoint."""

    @abstractmethod
    async def gather(self) -> Checkpoint:
        """What a checkpoint must hold, without dead letters; `still` is held."""

    # -- records ---------------------------------------------------------------------

    def check(self, batch: Batch) -> None:
        """See that no record between the state and the batch is missing.

        Raises:
            GapError: some are; a bug.
        """
        state_at = self.offsets[batch.topic]
        if batch.start > state_at:
            raise GapError(
                f"partition {batch.partition} of {batch.topic}: the state is at offset "
                f"{state_at}, the batch begins at {batch.start}"
            )

    def noted_batch(self) -> None:
        """Remember that records came just now."""
        self._batch_at = time.monotonic()

    def idle_seconds(self) -> float:
        """How long ago records came; since it was loaded, if none did."""
        return time.monotonic() - self._batch_at

    # -- checkpoints -------------------------------------------------------------------

    @property
    def is_due(self) -> bool:
        """Whether anything isn't in the last checkpoint."""
        return (
            self.progress != self._covered
            or self.has_changes
            or bool(self.dead_letters)
        )

    def mark(self) -> int:
        """Number of the checkpoint that makes the state as it is now durable.

        Hold `still` while asking.
        """
        changed = self.has_changes or bool(self.dead_letters)
        return self._taken + changed

    def is_durable(self, mark: int) -> bool:
        """Whether the checkpoint of number `mark` is committed."""
        return self._committed >= mark

    @property
    def is_committing(self) -> bool:
        """Whether a checkpoint is under way."""
        return self.lock.locked()

    def age_ms(self) -> int:
        """How long something has been waiting for a checkpoint; 0: nothing is."""
        if not self.is_due:
            self._covered_at = time.monotonic()
            return 0
        return int((time.monotonic() - self._covered_at) * 1000)

    def checkpoint(self) -> "asyncio.Future[None]":
        """Commit what is due, after a checkpoint that is under way.

        Cancelling the waiter doesn't cancel the transaction. A failure ends the
        process.
        """
        task = asyncio.create_task(self._checkpoint())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asyncio.shield(task)

    async def _checkpoint(self) -> None:
        try:
            async with self.lock:
                if self.is_due:
                    async with self.still:
                        taken = await self.take()
                    await self.write(taken)
        except BaseException as error:  # noqa: BLE001, ends the process
            end_process(error, self.doing)

    @property
    def doing(self) -> str:
        """What fails when a checkpoint does, for a person."""
        return f"checkpoint of partition {self.number}"

    async def take(self) -> Taken:
        """What is due, of one moment: `still` is held while others get their turns."""
        at = time.monotonic()
        self._taken += 1
        number = self._taken
        forwards, self.forwards = self.forwards, []
        letters, self.dead_letters = self.dead_letters, DeadLetters()
        checkpoint = (await self.gather())._replace(dead_letters=letters)
        return Taken(number, at, forwards, checkpoint)

    async def write(self, taken: Taken) -> int:
        """Make it durable; the offset of the state's topic after it. Hold `lock`."""
        for forward in taken.forwards:
            await forward
        end = await self._writer.commit(taken.checkpoint)
        self._covered = taken.checkpoint.offset
        self._committed = taken.number
        self._covered_at = taken.at
        return end

    async def close(self) -> None:
        """Let the partition go, after a checkpoint that is under way."""
        async with self.lock:
            await self._writer.close()
