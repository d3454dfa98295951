"""The topics on a real Kafka: made once, told apart from what differs."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from monitor.config import Settings
from monitor.pipeline.topics import (
    CONTACTS,
    DEAD_LETTERS,
    TOPICS,
    VISITS,
    KafkaUnreachableError,
    TopicsRefusedError,
    create_missing,
    differences,
)
from tests.support.kafka import KafkaServer, free_port

NAMES = [topic.name for topic in TOPICS]


def settings_of(kafka: KafkaServer, **topics: int) -> Settings:
    return Settings.model_validate({"bootstrap": kafka.bootstrap, "topics": topics})


async def make(kafka: KafkaServer, *topics: NewTopic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.create_topics(list(topics))
    finally:
        await admin.close()


def test_creating_makes_every_topic_as_it_should_be(fresh_kafka: KafkaServer) -> None:
    """What `create` makes is what `check` wants."""
    settings = settings_of(fresh_kafka)

    assert asyncio.run(create_missing(settings)) == NAMES
    assert asyncio.run(differences(settings)) == []


def test_creating_again_changes_nothing(fresh_kafka: KafkaServer) -> None:
    """Creating is safe to repeat."""
    settings = settings_of(fresh_kafka)
    asyncio.run(create_missing(settings))

    assert asyncio.run(create_missing(settings)) == []


def test_two_workers_may_create_at_the_same_time(fresh_kafka: KafkaServer) -> None:
    """Whoever comes second finds the topics there, which is no error."""
    settings = settings_of(fresh_kafka)

    async def both() -> tuple[list[str], list[str]]:
        return await asyncio.gather(create_missing(settings), create_missing(settings))

    created = asyncio.run(both())

    assert sorted(name for names in created for name in names) == sorted(NAMES)


def test_missing_topics_are_told(fresh_kafka: KafkaServer) -> None:
    """On an empty broker every topic is a difference."""
    found = asyncio.run(differences(settings_of(fresh_kafka)))

    assert [(difference.topic, difference.what) for difference in found] == [
        (name, "topic") for name in NAMES
    ]


def test_a_topic_that_was_made_otherwise_is_told(fresh_kafka: KafkaServer) -> None:
    """Partitions and settings that don't serve are named; longer retention serves."""
    month_ms = str(30 * 86_400_000)
    good = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": month_ms,
    }
    bad = {"cleanup.policy": "delete", "retention.ms": "60000"}
    endless = {**good, "retention.ms": "-1", "max.message.bytes": "4000000"}
    topics = [
        NewTopic(VISITS, 4, 1, topic_configs=good),
        NewTopic(CONTACTS, 2, 1, topic_configs=bad),
        NewTopic(DEAD_LETTERS, 4, 1, topic_configs=endless),
    ]
    asyncio.run(make(fresh_kafka, *topics))
    settings = settings_of(fresh_kafka)
    asyncio.run(create_missing(settings))

    found = asyncio.run(differences(settings))

    assert [str(difference) for difference in found] == [
        f"{CONTACTS}: partitions is 2, wanted 4",
        f"{CONTACTS}: message.timestamp.type is CreateTime, wanted LogAppendTime",
        f"{CONTACTS}: retention.ms is 60000, wanted at least 604800000",
    ]


def test_more_copies_than_brokers_are_refused(fresh_kafka: KafkaServer) -> None:
    """Kafka's own words say why the topics can't be made."""
    settings = settings_of(fresh_kafka, replication_factor=3)

    with pytest.raises(TopicsRefusedError, match=r"callcenter\.\S+ .*replication"):
        asyncio.run(create_missing(settings))


def test_an_unreachable_kafka_is_told_with_its_address() -> None:
    """The message says what was tried."""
    address = f"127.0.0.1:{free_port()}"
    settings = Settings.model_validate({"bootstrap": address})

    with pytest.raises(KafkaUnreachableError, match=address):
        asyncio.run(differences(settings))
