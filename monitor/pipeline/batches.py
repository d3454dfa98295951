"""Faust hands over whole fetches instead of single messages.

Rule: every private method of Faust and aiokafka that the product leans on is overridden
or called in this module, and nowhere else. `tests/integration/test_contract_faust.py`
fails when one of their signatures changes.

A message that reaches a stream processor is a `Batch`: the records of one fetch of one
partition, the offset at which the fetch was asked to begin, and the epoch. An epoch
ends when partitions are about to be revoked, before Faust clears its buffers, and
begins when every partition was sought to the offset of its own state. What belongs to
an older epoch is dropped by the processor: those records are read again.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NamedTuple

import faust
from faust.sensors.monitor import Monitor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message

from monitor.pipeline.connection import look_again

FAUST_LOG = logging.getLogger("faust")
"""What Faust's classes say is Faust's, also where they are ours by inheritance."""
POLL_SECONDS = 0.25
"""Longest wait of one fetch: also the longest wait of a seek for a fetch in flight."""
IDLE_SECONDS = 0.02


class Record(NamedTuple):
    """What the product reads of an aiokafka record; tests make their own."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Batch(NamedTuple):
    """Records of one fetch of one partition; never empty."""

    topic: str
    partition: int
    epoch: int
    start: int
    """Offset at which the fetch was asked to begin: the end of the one before it."""
    records: Sequence[Record]


@dataclass(slots=True)
class Flow:
    """Whether records flow to the processors of this worker, and how lately."""

    session_seconds: float
    epoch: int = 0
    is_open: bool = False
    """Whether every assigned partition was sought and none is being revoked."""
    heard_at: float = 0.0
    """Steady seconds at which the newest heartbeat was sent that the group answered:
    the session, and with it the assignment, lasts that long from then on."""

    def close(self) -> None:
        """Void everything that was fetched so far."""
        self.epoch += 1
        self.is_open = False

    def open(self) -> None:
        """Begin an epoch: every partition was sought."""
        self.epoch += 1
        self.is_open = True

    def heard(self, sent_at: float) -> None:
        """Note that the group answered what was sent to it at `sent_at`."""
        self.heard_at = max(self.heard_at, sent_at)

    def is_trusted(self) -> bool:
        """Whether this worker surely still owns what was assigned to it.

        Not after a pause or a lost connection of a session's length: the group may have
        given the partitions to others, who show them now.
        """
        return self.is_open and time.monotonic() - self.heard_at <= self.session_seconds


Takeover = Callable[[AbstractSet[TP], int], Awaitable[Mapping[TP, int]]]
"""From what is assigned and the generation to the offset of every partition."""


class CommittedThread(driver.AIOKafkaConsumerThread):
    """Reads what producers' transactions committed, never what they aborted.

    Faust asks for that only when it runs transactions of its own. The demo's embedded
    broker knows of no transaction's end.
    """

    app: "BatchApp"

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        look_again(consumer._client)  # noqa: SLF001
        if self.app.reads_committed:
            consumer._isolation_level = "read_committed"  # noqa: SLF001 - no argument
        return consumer


class BatchConsumer(driver.Consumer):
    """Consumer that yields one message for each partition of a fetch."""

    logger = FAUST_LOG
    app: "BatchApp"

    def _new_consumer_thread(self) -> CommittedThread:
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._next: dict[TP, int] = {}
        self._fetching = asyncio.Lock()
        self._coordinator: Any = None

    def stop_flow(self) -> None:
        """End the epoch: the first thing that Faust does when partitions go."""
        self.app.flow.close()
        super().stop_flow()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:
        flow = self.app.flow
        # Never a fetch in flight across a seek: it would return the first records of
        # the new position, they would be thrown away, and nobody would read them again.
        async with self._fetching:
            epoch = flow.epoch
            fetched = await self._fetch(min(timeout, POLL_SECONDS))
        for tp, records in fetched.items():
            if self.should_stop or not flow.is_open or epoch != flow.epoch:
                return
            if records:
                yield tp, self._to_batch(tp, epoch, records)

    async def _fetch(self, timeout: float) -> Mapping[TP, Sequence[Record]]:
        if not (self.flow_active and self.app.flow.is_open):
            await asyncio.sleep(IDLE_SECONDS)
            return {}
        active = set(self._get_active_partitions())
        if not active:
            await asyncio.sleep(IDLE_SECONDS)
            return {}
        fetched: Mapping[TP, Sequence[Record]]
        fetched = await self._getmany(active_partitions=active, timeout=timeout)
        return fetched or {}

    def _to_batch(self, tp: TP, epoch: int, records: Sequence[Record]) -> Message:
        message = self._to_message(tp, records[-1])
        message.key = None
        batch: Any = Batch(tp.topic, tp.partition, epoch, self._next[tp], records)
        message.value = batch
        self._next[tp] = records[-1].offset + 1
        return message

    async def perform_seek(self) -> None:
        """Seek every assigned partition to the offset of its state.

        Never to the group's committed offset: events that were acknowledged but are in
        no checkpoint would be lost.
        """
        self.app.flow.is_open = False
        self._listen_for_heartbeats()
        async with self._fetching:
            generation = self.app.consumer_generation_id
            offsets = await self.app.takeover(frozenset(self.assignment()), generation)
            for tp, offset in offsets.items():
                await self._seek(tp, offset)
                self._read_offset[tp] = offset or None
                self._next[tp] = offset
            if generation == self.app.consumer_generation_id:
                self.app.flow.open()

    def _listen_for_heartbeats(self) -> None:
        """Tell the flow of every heartbeat that the group answers."""
        flow = self.app.flow
        flow.heard(time.monotonic())  # the group has just assigned the partitions
        coordinator = self._thread._ensure_consumer()._coordinator  # noqa: SLF001
        if coordinator is self._coordinator:
            return
        self._coordinator = coordinator
        beat: Callable[[], Awaitable[bool]] = coordinator._do_heartbeat  # noqa: SLF001

        async def beat_and_tell() -> bool:
            sent_at = time.monotonic()
            answered = await beat()
            if answered:
                flow.heard(sent_at)
            return answered

        coordinator._do_heartbeat = beat_and_tell  # noqa: SLF001

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: the committed offset is a hint for lag tools."""

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        offset = max(acked) + 1
        acked.clear()
        self._acked_index[tp].clear()
        return offset

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: lag and the age of checkpoints are measured where they arise."""

    def end_of_log(self, tp: TP) -> int | None:
        """Offset after the last record, as the last fetch told; None: not told yet.

        None as well when the client has just lost the partition: it lives in another
        thread, and its rebalance begins before we are told.
        """
        try:
            highwater: int | None = self._thread.highwater(tp)
        except (AssertionError, AttributeError):  # how aiokafka says "not assigned"
            return None
        return highwater


class BatchTransport(driver.Transport):
    """Transport whose consumer hands over batches."""

    Consumer = BatchConsumer


class PassThrough(faust.Schema):  # type: ignore[type-arg]
    """Schema that gives a message's value as it is: a `Batch`."""

    def compile(self, app: Any, **kwargs: Any) -> Any:
        """Make the decoder of one topic."""
        del kwargs
        create_event = app.create_event

        async def decode(message: Message, *, propagate: bool = False) -> Any:
            del propagate
            return create_event(None, message.value, None, message)

        return decode


class BatchApp(faust.App):
    """Faust app whose streams carry batches.

    The app's owner sets `takeover` before it starts.
    """

    logger = FAUST_LOG
    flow: Flow
    takeover: Takeover
    consumer: BatchConsumer
    reads_committed = True
    """Whether records of open and aborted transactions are left out."""

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    async def on_first_start(self) -> None:
        """Make no directory: there are no tables on disk."""

    def stream_of(self, *topics: str) -> Any:
        """The topics of a processor, with batches as values."""
        raw = PassThrough(
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )
        return self.topic(*topics, schema=raw)


class QuietMonitor(Monitor):
    """Faust's sensor, measuring nothing: the stock one costs more than the fold."""

    logger = FAUST_LOG

    def _nothing(self, *args: Any, **kwargs: Any) -> Any:
        """Measure nothing."""

    on_message_in = _nothing
    on_stream_event_in = _nothing
    on_stream_event_out = _nothing
    on_message_out = _nothing
    on_topic_buffer_full = _nothing
    on_commit_initiated = _nothing
    on_commit_completed = _nothing
    on_send_initiated = _nothing
    on_send_completed = _nothing
    on_send_error = _nothing
    on_assignment_start = _nothing
    on_assignment_error = _nothing
    on_assignment_completed = _nothing
    on_threaded_producer_buffer_processed = _nothing
    on_tp_commit = _nothing
    track_tp_end_offset = _nothing
