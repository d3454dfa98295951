"""The writer of checkpoints towards a broker that comes and goes."""

from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError

from monitor.config import Settings
from monitor.pipeline.checkpoints import CheckpointWriter
from monitor.pipeline.topics import CONTACTS_STATE


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
