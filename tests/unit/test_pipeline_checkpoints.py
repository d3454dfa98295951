"""The writer of checkpoints towards a broker that comes and goes."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    InvalidProducerIdMapping,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    ProducerFenced,
    UnknownTopicOrPartitionError,
)

from monitor.config import Settings
from monitor.pipeline import checkpoints
from monitor.pipeline.checkpoints import Checkpoint, CheckpointWriter
from monitor.pipeline.fatal import FencedError
from monitor.pipeline.topics import CONTACTS_STATE, STAFF_STATE


@pytest.mark.parametrize(
    "error",
    [
        KafkaConnectionError("it hung up"),
        AssertionError("it knows of no broker, not even of itself"),
    ],
)
async def test_a_broker_that_restarts_is_asked_again_for_the_coordinator(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The producer tries again after this error, and ends after the other one."""

    async def look_up(*_: Any) -> int:
        raise error

    monkeypatch.setattr(AIOKafkaClient, "coordinator_lookup", look_up)
    writer = CheckpointWriter(Settings(), "contacts", 0, CONTACTS_STATE)

    try:
        with pytest.raises(NodeNotReadyError):
            await writer._producer.client.coordinator_lookup(1, "callcenter-contacts-0")
    finally:
        await writer.close()


@pytest.mark.parametrize("cause", [ProducerFenced(), InvalidProducerIdMapping()])
@pytest.mark.parametrize("is_wrapped", [False, True])
async def test_an_id_that_belongs_to_nobody_or_to_another_is_a_fence(
    monkeypatch: pytest.MonkeyPatch, cause: KafkaError, *, is_wrapped: bool
) -> None:
    """Nothing was written; the client may have wrapped the error that says so."""
    writer = CheckpointWriter(Settings(), "contacts", 0, CONTACTS_STATE)
    error = KafkaError("Unexpected error during batch delivery")
    error.__cause__ = cause

    async def begin() -> None:
        raise error if is_wrapped else cause

    monkeypatch.setattr(writer._producer, "begin_transaction", begin)
    try:
        with pytest.raises(FencedError, match="callcenter-contacts-0"):
            await writer.commit(Checkpoint(0, [], [], []))
    finally:
        await writer.close()


async def test_rows_wait_for_a_topic_that_the_broker_does_not_know_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has just begun, or was away for longer than the client waits."""
    writer = CheckpointWriter(Settings(), "staff", 0, STAFF_STATE)
    producer = writer._producer
    sent: list[str] = []
    refused = [UnknownTopicOrPartitionError(), UnknownTopicOrPartitionError()]

    async def done() -> None: ...

    async def send_batch(batch: Any, topic: str, *, partition: int) -> Any:
        del partition
        if refused:
            raise refused.pop()
        sent.append(topic)
        future = asyncio.get_running_loop().create_future()
        future.set_result(SimpleNamespace(offset=7))
        return future

    for name in ("begin_transaction", "commit_transaction"):
        monkeypatch.setattr(producer, name, done)
    monkeypatch.setattr(producer, "send_batch", send_batch)
    monkeypatch.setattr(checkpoints, "RETRY_SECONDS", 0.0)
    try:
        assert await writer.commit(Checkpoint(0, [(b"m", b"1")], [], [])) == 8
    finally:
        await writer.close()

    assert sent == [STAFF_STATE]
