"""Copies of what concerns every partition: all arrive, whatever the broker does."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    TopicAuthorizationFailedError,
)

from monitor.config import Settings
from monitor.pipeline import outbox
from monitor.pipeline.batches import Record
from monitor.pipeline.outbox import SPREAD, Outbox

STARTED = Record("callcenter.contacts", 1, 7, 0, b"k", b"started", [("a", b"b")])


class FakeProducer:
    """Fails the copies that it is told to fail, in the order of sending."""

    def __init__(self, failures: Sequence[KafkaError | None]) -> None:
        self.failures = list(failures)
        self.arrived: list[int] = []
        self.headers: list[Any] = []

    async def partitions_for(self, _: str) -> set[int]:
        return {0, 1, 2, 3}

    async def send(
        self, topic: str, value: bytes, key: bytes, *, partition: int, headers: Any
    ) -> "asyncio.Future[None]":
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            acknowledged.set_exception(failure)
        else:
            acknowledged.set_result(None)
            self.arrived.append(partition)
            self.headers.append(headers)
        return acknowledged


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "RETRY_SECONDS", 0.0)


async def spread(*failures: KafkaError | None) -> FakeProducer:
    producer = FakeProducer(failures)
    box = Outbox(Settings())
    box._connected = producer
    await box.spread(STARTED)
    return producer


async def test_every_other_partition_gets_a_copy_that_is_marked() -> None:
    """Or it would be copied again and again."""
    producer = await spread()

    assert producer.arrived == [0, 2, 3]
    assert producer.headers[0] == [("a", b"b"), SPREAD]


@pytest.mark.parametrize("failure", [NodeNotReadyError(), KafkaTimeoutError()])
async def test_copies_that_a_lost_broker_swallowed_are_sent_again(
    failure: KafkaError,
) -> None:
    """Only those: the others have been acknowledged."""
    producer = await spread(None, failure, failure, failure)

    assert producer.arrived == [0, 3, 2]


async def test_a_broker_that_refuses_is_not_asked_again() -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await spread(TopicAuthorizationFailedError("callcenter.contacts"))
