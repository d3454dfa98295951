"""The real Kafka of the tests is one: transactions, and data that survives kill -9."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerFenced

from monitor.config import Settings
from monitor.pipeline.checkpoints import Checkpoint, CheckpointWriter
from monitor.pipeline.mirror import read_share
from monitor.pipeline.topics import CONTACTS_STATE, create_missing
from tests.support.kafka import KafkaServer

PARTITION = TopicPartition(CONTACTS_STATE, 2)


def make_topics(kafka: KafkaServer) -> None:
    asyncio.run(create_missing(Settings(bootstrap=kafka.bootstrap)))


def transactional(kafka: KafkaServer, name: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=name)


async def put(producer: AIOKafkaProducer, *values: bytes) -> None:
    for value in values:
        await producer.send_and_wait(
            PARTITION.topic, value, key=value, partition=PARTITION.partition
        )


async def committed_values(kafka: KafkaServer) -> list[bytes | None]:
    """What a reader of committed records finds from the beginning to the end."""
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
    ) as consumer:
        consumer.assign([PARTITION])
        await consumer.seek_to_beginning(PARTITION)
        end = (await consumer.end_offsets([PARTITION]))[PARTITION]
        values: list[bytes | None] = []
        async with asyncio.timeout(30):
            while await consumer.position(PARTITION) < end:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    values += [record.value for record in records]
        return values


def test_committed_records_survive_a_kill(fresh_kafka: KafkaServer) -> None:
    """After kill -9 and a new start, on the same port: the committed, nothing else."""
    make_topics(fresh_kafka)
    bootstrap = fresh_kafka.bootstrap

    async def commit_one_and_abort_one() -> None:
        async with transactional(fresh_kafka, "kill-test") as producer:
            async with producer.transaction():
                await put(producer, b"a", b"b")
            await producer.begin_transaction()
            await put(producer, b"never")
            await producer.abort_transaction()

    asyncio.run(commit_one_and_abort_one())
    fresh_kafka.kill()
    assert not fresh_kafka.is_running()

    fresh_kafka.start()

    assert fresh_kafka.bootstrap == bootstrap
    assert asyncio.run(committed_values(fresh_kafka)) == [b"a", b"b"]


def test_a_share_is_read_up_to_the_end_of_its_checkpoint(
    fresh_kafka: KafkaServer,
) -> None:
    """Not up to what Kafka lets read so far, which may lag behind a commit."""
    make_topics(fresh_kafka)
    settings = Settings(bootstrap=fresh_kafka.bootstrap)

    async def read_while_open() -> tuple[dict[bytes, bytes], int]:
        writer = CheckpointWriter(
            settings, "contacts", PARTITION.partition, CONTACTS_STATE
        )
        await writer.claim()
        end = await writer.commit(Checkpoint(1, [(b"a", b"1"), (b"b", b"2")], [], []))
        async with transactional(fresh_kafka, "share-test") as producer:
            await producer.begin_transaction()
            await put(producer, b"c")
            # Its row stands after the commit's marker.
            reading = asyncio.create_task(
                read_share(settings, PARTITION.partition, end + 2, bool)
            )
            done, _ = await asyncio.wait([reading], timeout=2)
            assert not done
            await producer.commit_transaction()
            rows = await asyncio.wait_for(reading, 30)
        await writer.close()
        return rows, end

    rows, end = asyncio.run(read_while_open())

    assert end == len(b"ab")
    assert rows == {b"a": b"1", b"b": b"2", b"c": b"c"}


def test_stopped_and_started_again_it_has_its_data(fresh_kafka: KafkaServer) -> None:
    """A stop in good order, too."""
    make_topics(fresh_kafka)

    async def commit() -> None:
        async with transactional(fresh_kafka, "stop-test") as producer:
            await producer.begin_transaction()
            await put(producer, b"kept")
            await producer.commit_transaction()

    asyncio.run(commit())
    fresh_kafka.stop()
    fresh_kafka.start()

    assert asyncio.run(committed_values(fresh_kafka)) == [b"kept"]


def test_a_second_producer_of_the_same_name_fences_the_first(
    fresh_kafka: KafkaServer,
) -> None:
    """The mock cluster doesn't; the exactness of the state rests on it."""
    make_topics(fresh_kafka)

    async def race() -> None:
        async with transactional(fresh_kafka, "fence-test") as old:
            await old.begin_transaction()
            await put(old, b"zombie")
            async with transactional(fresh_kafka, "fence-test") as new:
                async with new.transaction():
                    await put(new, b"successor")
                with pytest.raises(ProducerFenced):
                    await old.commit_transaction()

    asyncio.run(race())

    assert asyncio.run(committed_values(fresh_kafka)) == [b"successor"]
