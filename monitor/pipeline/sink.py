"""The way of events out of this process, into the topics of contacts and of agents.

Rule: nothing counts as sent before Kafka acknowledged it: `flush` returns when all of
it is, and raises when any of it isn't. The producer is idempotent, so its own retries
neither repeat nor reorder. The key is the contact id, so that a contact's events stay
in one partition; an event of a source speaks for all of its contacts and goes to every
partition. What an agent says has the agent's id as its key, so it stays in one, too.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from monitor.config import Settings
from monitor.core.people.events import AgentEvent, AnyEvent
from monitor.pipeline.connection import client_arguments
from monitor.pipeline.outbox import SPREAD
from monitor.pipeline.topics import (
    AGENTS,
    CONTACTS,
    DEAD_LETTERS,
    KafkaUnreachableError,
    TopicsRefusedError,
)
from monitor.wire.agent_events import encode_agent_event
from monitor.wire.events import encode_event

REQUEST_TIMEOUT_MS = 20_000
LINGER_MS = 10
MAX_BATCH_BYTES = 128 * 1024
PATIENCE_SECONDS = 30.0
"""How long `flush` waits without any acknowledgement. An idempotent producer never
gives up by itself."""
CLOSE_SECONDS = 5.0
"""How long `stop` lets the producer finish."""
Headers = Sequence[tuple[str, bytes]]


class EventSink:
    """A connection that sends events and dead letters.

    Every method but `__init__` raises `KafkaUnreachableError` when Kafka doesn't
    answer or doesn't take what was sent, and `TopicsRefusedError` when a topic is not
    there or may not be written to.
    """

    def __init__(
        self, settings: Settings, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Remember the settings; `start` connects."""
        self._settings = settings
        self._patience_seconds = patience_seconds
        self._producer: AIOKafkaProducer | None = None
        self._partitions: list[int] = []
        self._failure: BaseException | None = None
        self._unacknowledged: set[asyncio.Future[Any]] = set()

    @property
    def partitions(self) -> int:
        """How many partitions the contact events have."""
        return len(self._partitions)

    async def start(self) -> None:
        """Connect, and see that the topics are there.

        Raises `ConfigurationError` besides, when a certificate can't be read.
        """
        # aiokafka remembers the running loop, so it is made here and not before.
        self._producer = AIOKafkaProducer(
            **client_arguments(self._settings),
            enable_idempotence=True,
            linger_ms=LINGER_MS,
            max_batch_size=MAX_BATCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await self._producer.start()
            await self._see_topics(self._producer)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise self._told(error) from error
        except BaseException:
            await self.stop()
            raise

    async def send(self, event: AnyEvent, value: bytes | None = None) -> None:
        """Hand over an event; `value` is its bytes where they exist already.

        Waits only while the producer's buffer is full.
        """
        if isinstance(event, AgentEvent):
            if value is None:
                value = encode_agent_event(event)
            await self._send(AGENTS, event.agent.encode(), value)
            return
        if value is None:
            value = encode_event(event)
        if event.contact:
            await self._send(CONTACTS, event.contact.encode(), value)
            return
        for partition in self._partitions:
            await self._send(
                CONTACTS, None, value, partition=partition, headers=[SPREAD]
            )

    async def dead_letter(
        self, value: bytes, *, reason: str, detail: str, source: str, line: int
    ) -> None:
        """Hand over a line that is no event, byte for byte."""
        headers = {
            "reason": reason,
            "detail": detail,
            "source": source,
            "line": str(line),
        }
        await self._send(
            DEAD_LETTERS,
            None,
            value,
            headers=[(name, text.encode()) for name, text in headers.items()],
        )

    async def flush(self) -> None:
        """Return when Kafka has acknowledged everything that was handed over."""
        while self._unacknowledged and self._failure is None:
            before = len(self._unacknowledged)
            await asyncio.wait(
                self._unacknowledged,
                timeout=self._patience_seconds,
                return_when=asyncio.FIRST_EXCEPTION,
            )
            if len(self._unacknowledged) == before:
                waited = f"no acknowledgement in {self._patience_seconds:g} s"
                self._failure = TimeoutError(waited)
        self._raise_failure()

    async def stop(self) -> None:
        """Close the connection. What was not flushed may be lost."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await producer.stop()
        except TimeoutError:
            # It waits for acknowledgements for ever; only its sender can be ended.
            await producer._sender.close()  # noqa: SLF001 - nothing public does it
            await producer.client.close()

    async def _see_topics(self, producer: AIOKafkaProducer) -> None:
        # Asked of all topics, because asking for one by name makes Kafka create it,
        # with one partition, where that is allowed. The demo's broker needs just that.
        if not self._settings.embedded:
            cluster = await producer.client.fetch_all_metadata()
            missing = {AGENTS, CONTACTS, DEAD_LETTERS} - cluster.topics()
            if missing:
                raise TopicsRefusedError(
                    f"Kafka at {self._settings.bootstrap} has no topic "
                    f"{' and no topic '.join(sorted(missing))}; "
                    "`ccmon topics create` makes them"
                )
        self._partitions = sorted(await producer.partitions_for(CONTACTS))

    async def _send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        *,
        partition: int | None = None,
        headers: Headers = (),
    ) -> None:
        self._raise_failure()
        if self._producer is None:
            raise RuntimeError("the sink is not started")
        try:
            sent = await self._producer.send(
                topic, value, key, partition=partition, headers=headers
            )
        except (KafkaError, OSError, TimeoutError) as error:
            raise self._told(error) from error
        self._unacknowledged.add(sent)
        sent.add_done_callback(self._acknowledged)

    def _acknowledged(self, sent: asyncio.Future[Any]) -> None:
        self._unacknowledged.discard(sent)
        if sent.cancelled():
            self._failure = self._failure or asyncio.CancelledError()
        elif sent.exception() is not None:
            self._failure = self._failure or sent.exception()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._told(self._failure) from self._failure

    def _told(self, error: BaseException) -> Exception:
        bootstrap = self._settings.bootstrap
        reason = str(error) or type(error).__name__
        if isinstance(error, UnknownTopicOrPartitionError) or (
            isinstance(error, KafkaError) and not error.retriable and _refused(error)
        ):
            return TopicsRefusedError(f"Kafka at {bootstrap} refused: {reason}")
        return KafkaUnreachableError(
            f"Kafka at {bootstrap} can't be reached or doesn't answer: {reason}"
        )


def _refused(error: KafkaError) -> bool:
    return "Authorization" in type(error).__name__ or "TooLarge" in type(error).__name__
