"""The writer of checkpoints towards a broker that comes and goes."""

from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError

from monitor.config import Settings
from monitor.pipeline.checkpoints import CheckpointWriter


async def test_a_broker_that_hangs_up_is_asked_again_for_the_coordinator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The producer tries again after this error, and ends after the other one."""

    async def hang_up(*_: Any) -> int:
        raise KafkaConnectionError("closed")

    monkeypatch.setattr(AIOKafkaClient, "coordinator_lookup", hang_up)
    writer = CheckpointWriter(Settings(), "contacts", 0)

    try:
        with pytest.raises(NodeNotReadyError):
            await writer._producer.client.coordinator_lookup(1, "callcenter-contacts-0")
    finally:
        await writer.close()
