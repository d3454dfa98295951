"""Sends a day's records, each when it is due, whatever the broker suffers.

Rule: what the log holds is the truth; nothing of what was meant to be sent is compared
with the product. The producer is idempotent, so that the order of sending stays.
"""

import asyncio
import json
import threading
import time
import zlib
from collections.abc import Callable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from tests.faults.day import Record

CONTACTS = "callcenter.contacts"
COPY = ("callcenter-spread", b"1")
"""Marks what is in every partition already."""
STEP = 20
FENCE_ATTEMPTS = 20
FENCE_SECONDS = 0.5
PATIENCE_MS = 300_000
"""No broker is away for so long; a batch that expired would leave a gap for good."""


class Feed:
    """Sends in a thread of its own."""

    def __init__(
        self, bootstrap: str, records: list[Record], due: Callable[[int, Record], float]
    ) -> None:
        """`due` gives the steady second at which to send a record, from its number."""
        self.sent = 0
        self.refused: list[str] = []
        self._bootstrap = bootstrap
        self._records = records
        self._due = due
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="producer")

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait until all is sent; TimeoutError when it isn't."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._stop.set()
            self._thread.join(30)
            raise TimeoutError(f"sent {self.sent} of {len(self._records)} records")

    def _run(self) -> None:
        asyncio.run(self._feed())

    async def _feed(self) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            enable_idempotence=True,
            linger_ms=20,
            request_timeout_ms=PATIENCE_MS,
        )
        await producer.start()
        try:
            partitions = sorted(await producer.partitions_for(CONTACTS))
            for count, record in enumerate(self._records, 1):
                if self._stop.is_set():
                    return
                await self._send(producer, partitions, record)
                self.sent = count
                if not count % STEP:
                    ahead = self._due(count, record) - time.monotonic()
                    await asyncio.sleep(max(0.0, ahead))
            await producer.flush()
        finally:
            await producer.stop()

    async def _send(
        self, producer: AIOKafkaProducer, partitions: list[int], record: Record
    ) -> None:
        if record.key:
            await self._one(producer, record.value, key=record.key.encode())
        elif record.everywhere:
            for partition in partitions:
                await self._one(
                    producer, record.value, partition=partition, headers=[COPY]
                )
        else:
            # Any partition will do; the product copies it to the others.
            partition = partitions[zlib.crc32(record.value) % len(partitions)]
            await self._one(producer, record.value, partition=partition)

    async def _one(
        self, producer: AIOKafkaProducer, value: bytes, **where: object
    ) -> None:
        while not self._stop.is_set():
            try:
                sent = await producer.send(CONTACTS, value, **where)
            except KafkaTimeoutError:
                continue  # its buffer was full for long: nothing was taken
            except KafkaError as error:
                self.refused.append(repr(error))
            else:
                sent.add_done_callback(self._note)
            return

    def _note(self, sent: "asyncio.Future[object]") -> None:
        if not sent.cancelled() and (error := sent.exception()):
            self.refused.append(repr(error))


async def send_everywhere(bootstrap: str, at: int) -> None:
    """A sign of life at the instant `at` to every partition."""
    value = json.dumps({"type": "source.heartbeat", "at": at, "source": "closing"})
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for partition in await producer.partitions_for(CONTACTS):
            await producer.send_and_wait(CONTACTS, value.encode(), partition=partition)
    finally:
        await producer.stop()


async def fence(bootstrap: str, transactional_id: str) -> None:
    """Take a transactional id over: an open transaction aborts, its owner is fenced."""
    for left in reversed(range(FENCE_ATTEMPTS)):
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, transactional_id=transactional_id
        )
        try:
            await producer.start()
        except (KafkaError, AssertionError):  # a broker that has only just begun
            if not left:
                raise
            await asyncio.sleep(FENCE_SECONDS)
        else:
            return
        finally:
            await producer.stop()
