"""Reads dead letters back from their topic, and sends mended ones where they came from.

Rule: what is committed when the reading begins is what there is; nothing is changed in
the topic, so a letter stays where it is after its record was sent back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from monitor.config import Settings
from monitor.pipeline.connection import client_arguments
from monitor.pipeline.topics import (
    AGENTS,
    CONTACTS,
    DEAD_LETTERS,
    KafkaUnreachableError,
    TopicsRefusedError,
)
from monitor.wire.agent_events import decode_agent_event
from monitor.wire.errors import BadRecord
from monitor.wire.events import decode_contact_event

RECORDS_A_TURN = 2_000
DEADLINE_SECONDS = 30.0
"""How long Kafka may leave a single question without an answer."""
MAX_REQUEST_BYTES = 8 * 1024 * 1024
REPLAYED_HEADER = "replayed-from"
"""Header of a record that was sent back: partition and offset of its dead letter."""


class Place(NamedTuple):
    """Where a dead letter is."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class Letter(NamedTuple):
    """One dead letter as it is in the topic."""

    place: Place
    at: int
    """When it came into the topic, milliseconds UTC."""
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str]

    @property
    def size(self) -> int:
        """Bytes of the value."""
        return len(self.value or b"")

    @property
    def source(self) -> str:
        """Where the record came from: topic and place, or the source and its line."""
        headers = self.headers
        if "topic" in headers:
            place = (headers.get(name, "?") for name in ("partition", "offset"))
            return ":".join((headers["topic"], *place))
        return ":".join((headers.get("source", "?"), headers.get("line", "?")))


class Replay(NamedTuple):
    """One record to be sent back."""

    letter: Place
    topic: str
    partition: int | None
    """None: by the key."""
    key: bytes | None
    value: bytes


def replay_of(letter: Letter, mended: bytes | None = None) -> Replay:
    """The record to send back: the letter's, or its `mended` bytes.

    It goes to the partition where it came from, with its key, whatever way its producer
    chose them: the other events of the contact are there.

    Raises:
        BadRecord: a worker could do nothing with it; the text says why.
    """
    headers = letter.headers
    came_from = headers.get("topic", "")
    if came_from not in ("", CONTACTS, AGENTS):
        told = f"it came from {came_from}, which is neither {CONTACTS} nor {AGENTS}"
        raise BadRecord("other_topic", told)
    if mended is None and "cut" in headers:
        told = f"it had {headers['cut']} bytes and was cut; {letter.source} has it"
        raise BadRecord("cut", told)
    value = letter.value if mended is None else mended
    topic, key = _way_of(value, came_from)
    if value is None:
        raise BadRecord("null_value", "the record has no value")
    if came_from and headers.get("partition", "").isdecimal():
        number = int(headers["partition"])
        return Replay(letter.place, topic, number, letter.key, value)
    if not key:
        told = "it speaks of a source and not of a contact; send it with `ccmon replay`"
        raise BadRecord("of_source", told)
    return Replay(letter.place, topic, None, key.encode(), value)


def _way_of(value: bytes | None, came_from: str) -> tuple[str, str]:
    """Topic and key of an event, which a worker could read where it came from.

    Raises:
        BadRecord: it couldn't.
    """
    if came_from != AGENTS:
        event = decode_contact_event(value)
        if event is not None:
            return CONTACTS, event.contact
    if came_from != CONTACTS:
        said = decode_agent_event(value)
        if said is not None:
            return AGENTS, said.agent
    raise BadRecord("unknown_type", "type: a worker would ignore it")


async def scan(
    settings: Settings, since: int | None, take: Callable[[Letter], None]
) -> None:
    """Give `take` every letter from the instant `since` (None: all) to the end.

    Raises:
        KafkaUnreachableError: no server answers.
        TopicsRefusedError: the topic isn't there, or may not be read.
    """
    async with _consumer(settings) as consumer:
        tps = await _partitions(consumer)
        ends = await _answer(consumer.end_offsets(tps))
        starts = await _answer(consumer.beginning_offsets(tps))
        if since is not None:
            found = await _answer(consumer.offsets_for_times(dict.fromkeys(tps, since)))
            starts = {tp: found[tp].offset if found[tp] else ends[tp] for tp in tps}
        async for letter in _between(consumer, starts, ends):
            take(letter)


async def fetch(settings: Settings, places: Sequence[Place]) -> dict[Place, Letter]:
    """The letters of those `places` where there is one.

    Raises as `scan` does.
    """
    found: dict[Place, Letter] = {}
    async with _consumer(settings) as consumer:
        tps = await _partitions(consumer)
        starts = await _answer(consumer.beginning_offsets(tps))
        ends = await _answer(consumer.end_offsets(tps))
        for place in places:
            tp = TopicPartition(DEAD_LETTERS, place.partition)
            if not starts.get(tp, 0) <= place.offset < ends.get(tp, 0):
                continue
            single = {tp: place.offset}, {tp: place.offset + 1}
            async for letter in _between(consumer, *single):
                found[letter.place] = letter
    return {place: found[place] for place in places if place in found}


async def send_back(settings: Settings, replays: Sequence[Replay]) -> None:
    """Send records; returns when Kafka has acknowledged all of them.

    Raises as `scan` does.
    """
    async with _told_errors(settings):
        producer = AIOKafkaProducer(
            **client_arguments(settings),
            enable_idempotence=True,
            max_request_size=MAX_REQUEST_BYTES,
        )
        try:
            await _answer(producer.start())
            sent = [await _send(producer, replay) for replay in replays]
            await _answer(asyncio.gather(*sent))
        finally:
            await producer.stop()


async def _send(producer: Any, replay: Replay) -> "asyncio.Future[Any]":
    future: asyncio.Future[Any] = await _answer(
        producer.send(
            replay.topic,
            replay.value,
            replay.key,
            partition=replay.partition,
            headers=[(REPLAYED_HEADER, str(replay.letter).encode())],
        )
    )
    return future


async def _partitions(consumer: Any) -> list[TopicPartition]:
    # Asked by name: a consumer without a subscription knows of no topic yet.
    await _answer(consumer._client.add_topic(DEAD_LETTERS))  # noqa: SLF001 - the only way
    numbers = consumer.partitions_for_topic(DEAD_LETTERS)
    if not numbers:
        raise TopicsRefusedError(
            f"there is no topic {DEAD_LETTERS}: `ccmon topics create` makes it"
        )
    return [TopicPartition(DEAD_LETTERS, number) for number in sorted(numbers)]


async def _between(
    consumer: Any,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> AsyncIterator[Letter]:
    left = {tp for tp, start in starts.items() if start < ends[tp]}
    if not left:
        return
    consumer.assign(sorted(left))
    for tp in left:
        consumer.seek(tp, starts[tp])
    while left:
        async with asyncio.timeout(DEADLINE_SECONDS):
            fetched: dict[Any, list[Any]] = {}
            while not fetched and left:
                fetched = await consumer.getmany(
                    timeout_ms=200, max_records=RECORDS_A_TURN
                )
                left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
        for tp, records in fetched.items():
            for record in records:
                if record.offset < ends[tp]:
                    yield _letter(record)


def _letter(record: Any) -> Letter:
    headers = {
        name: (value or b"").decode(errors="backslashreplace")
        for name, value in record.headers
    }
    place = Place(record.partition, record.offset)
    return Letter(place, record.timestamp, record.key, record.value, headers)


async def _answer(asked: Any) -> Any:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await asked


@asynccontextmanager
async def _consumer(settings: Settings) -> AsyncIterator[Any]:
    async with _told_errors(settings):
        consumer = AIOKafkaConsumer(
            **client_arguments(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await _answer(consumer.start())
            yield consumer
        finally:
            await consumer.stop()


@asynccontextmanager
async def _told_errors(settings: Settings) -> AsyncIterator[None]:
    """Kafka's errors as the two that commands tell of."""
    quiet = logging.getLogger("aiokafka")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)  # the error that is raised says it once
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        reason = str(error) or f"no answer ({type(error).__name__})"
        if isinstance(error, KafkaError) and "Authorization" in type(error).__name__:
            raise TopicsRefusedError(reason) from error
        raise KafkaUnreachableError(
            f"Kafka at {settings.bootstrap} can't be reached or doesn't answer: "
            f"{reason}"
        ) from error
    finally:
        quiet.setLevel(level)
