"""Whether a worker may trust its assignment: only what the group answered counts."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from monitor.pipeline.batches import BatchConsumer, Flow

SESSION = 6.0


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A steady clock that the test sets: its only item."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def flow_at(sent_at: float) -> Flow:
    flow = Flow(session_seconds=SESSION)
    flow.heard(sent_at)
    flow.open()
    return flow


def test_the_assignment_holds_for_a_session_from_when_a_heartbeat_was_sent(
    steady: list[float],
) -> None:
    """A worker that is cut off hides before the group can give its queues away."""
    flow = flow_at(100.0)
    steady[0] = 106.0

    assert flow.is_trusted()
    steady[0] = 106.1
    assert not flow.is_trusted()


def test_an_answer_that_slept_with_the_worker_proves_nothing(
    steady: list[float],
) -> None:
    """It says how things were when the heartbeat was sent."""
    flow = flow_at(100.0)
    steady[0] = 120.0
    flow.heard(101.0)

    assert not flow.is_trusted()
    flow.heard(119.9)
    assert flow.is_trusted()


def test_nothing_is_trusted_while_partitions_are_being_assigned(
    steady: list[float],
) -> None:
    """However lately the group answered."""
    flow = flow_at(steady[0])
    flow.close()

    assert not flow.is_trusted()


def test_the_end_of_a_log_that_the_client_has_just_lost_is_not_known() -> None:
    """A rebalance begins in the client's thread; a look at numbers mustn't end us."""

    def highwater(_: TP) -> int:
        raise AssertionError("Partition is not assigned")

    consumer: Any = SimpleNamespace(_thread=SimpleNamespace(highwater=highwater))

    assert BatchConsumer.end_of_log(consumer, TP("callcenter.contacts", 0)) is None
