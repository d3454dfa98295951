"""The private parts of Faust, mode and aiokafka that the pipeline leans on.

They are as they were when it was written: the three are pinned exactly. Whoever raises
a pin is shown here which of those parts changed, reads the change, and then renews what
is expected: `CALLED` for signatures and `READ` for bodies, with the value that the
failing test shows.
"""

import asyncio
import hashlib
import inspect
import textwrap
import tomllib
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import Sender
from faust.sensors.monitor import Monitor
from faust.tables.recovery import Recovery
from faust.transport.consumer import ConsumerThread, ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import (
    AIOKafkaConsumerThread,
    Consumer,
    ConsumerRebalanceListener,
    Transport,
)
from faust.types import TP

from monitor.pipeline.batches import QuietMonitor

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
PINNED = ("faust-streaming", "mode-streaming", "aiokafka")

CALLED: tuple[tuple[Callable[..., Any], str], ...] = (
    # Overridden by the consumer that hands over batches.
    (Consumer.getmany, "self, timeout"),
    (Consumer.stop_flow, "self"),
    (Consumer.perform_seek, "self"),
    (Consumer.verify_event_path, "self, now, tp"),
    (Consumer._wait_next_records, "self, timeout"),
    (Consumer._add_gap, "self, tp, offset_from, offset_to"),
    (Consumer._new_offset, "self, tp"),
    (faust.App._new_transport, "self"),
    (faust.App.on_first_start, "self"),
    (
        faust.Schema.compile,
        (
            "self, app, *, on_key_decode_error=, on_value_decode_error=, "
            "default_propagate="
        ),
    ),
    # Called by it.
    (Consumer._getmany, "self, active_partitions, timeout"),
    (Consumer._get_active_partitions, "self"),
    (Consumer._to_message, "self, tp, record"),
    (Consumer._seek, "self, partition, offset"),
    (Consumer.assignment, "self"),
    (Consumer.earliest_offsets, "self, *partitions"),
    (Consumer.highwaters, "self, *partitions"),
    (AIOKafkaConsumerThread._ensure_consumer, "self"),
    (AIOKafkaConsumerThread.highwater, "self, tp"),
    (Consumer._new_consumer_thread, "self"),
    (AIOKafkaConsumerThread._create_worker_consumer, "self, transport"),
    (AIOKafkaConsumerThread.call_thread, "self, fun, *args, **kwargs"),
    (GroupCoordinator._do_heartbeat, "self"),
    (Transport.__init__, "self, *args, **kwargs"),
    (faust.App.create_event, "self, key, value, headers, message"),
    # aiokafka's: transactions of prepared batches, mirrors, administration.
    (AIOKafkaProducer.create_batch, "self"),
    (AIOKafkaProducer.send_batch, "self, batch, topic, *, partition"),
    (
        AIOKafkaProducer.send,
        "self, topic, value=, key=, partition=, timestamp_ms=, headers=",
    ),
    (AIOKafkaProducer.begin_transaction, "self"),
    (AIOKafkaProducer.commit_transaction, "self"),
    (AIOKafkaProducer.partitions_for, "self, topic"),
    (BatchBuilder.append, "self, *, timestamp, key, value, headers="),
    (BatchBuilder.close, "self"),
    (BatchBuilder.record_count, "self"),
    (AIOKafkaConsumer.getmany, "self, *partitions, timeout_ms=, max_records="),
    (AIOKafkaConsumer.assign, "self, partitions"),
    (AIOKafkaConsumer.position, "self, partition"),
    (AIOKafkaConsumer.beginning_offsets, "self, partitions"),
    (AIOKafkaConsumer.end_offsets, "self, partitions"),
    (AIOKafkaConsumer.offsets_for_times, "self, timestamps"),
    (AIOKafkaConsumer.seek_to_beginning, "self, *partitions"),
    (AIOKafkaClient.bootstrap, "self"),
    (AIOKafkaClient.coordinator_lookup, "self, coordinator_type, coordinator_key"),
    (
        AIOKafkaAdminClient.create_topics,
        "self, new_topics, timeout_ms=, validate_only=",
    ),
    (AIOKafkaAdminClient.describe_topics, "self, topics="),
    (
        AIOKafkaAdminClient.describe_configs,
        "self, config_resources, include_synonyms=",
    ),
)
"""Signatures: names of parameters, `=` after those with a default."""

READ: tuple[tuple[Callable[..., Any], str], ...] = (
    # Revocation: `stop_flow` comes first, then buffers are cleared, then our signal.
    (faust.App._on_partitions_revoked, "c1abd58dcb37"),
    (faust.App._on_partitions_assigned, "c9c5485eb273"),
    (faust.App._stop_consumer, "96573acf5f04"),
    (ConsumerRebalanceListener.on_partitions_revoked, "cb4aa49e968a"),
    (ConsumerRebalanceListener.on_partitions_assigned, "f8231db51dd5"),
    # Seeks: after an assignment recovery calls `perform_seek`, then lets records flow.
    (Recovery._resume_streams, "fbe0f747b84c"),
    (Recovery._restart_recovery.fun, "f93138b040ef"),
    (Consumer.perform_seek, "2b4ceebd23de"),
    (ThreadDelegateConsumer._seek, "3343eefa6aa4"),
    # Fetches: what `getmany` yields is tracked, and dropped below `_read_offset`.
    (Consumer.getmany, "e486c434b792"),
    (Consumer._wait_next_records, "ba40cd367132"),
    (Consumer._drain_messages, "8f35dd7a1114"),
    (Consumer._to_message, "a2a5aefda42d"),
    (Consumer._get_active_partitions, "da41bc1e8d86"),
    (Consumer.stop_flow, "aa77389dc23a"),
    (ThreadDelegateConsumer._getmany, "8dbffeccb0e3"),
    (AIOKafkaConsumerThread.getmany, "1b1c58046a9b"),
    (AIOKafkaConsumerThread._fetch_records, "9e7369fc572d"),
    (Fetcher.fetched_records, "e20ce0c8117f"),
    # Isolation: the level is handed to the fetcher at the start, after we have set it.
    (AIOKafkaConsumerThread._create_worker_consumer, "c179c0bdb975"),
    (AIOKafkaConsumer.start, "5ba1baa38f62"),
    # Acknowledgements: offsets gather in `_acked`, commits ask `_new_offset`.
    (Consumer.ack, "5548cf0f7584"),
    (Consumer._new_offset, "2b29afe4dd9a"),
    (Consumer._add_gap, "f1cc1db634f5"),
    (Consumer.on_partitions_revoked, "652177e770ee"),
    # Heartbeats: an answer of the group makes it true.
    (GroupCoordinator._heartbeat_routine, "a6c6710b8e4a"),
    (GroupCoordinator._do_heartbeat, "5628cb32b3d2"),
    # Transactions.
    (Sender._find_coordinator, "7c69b57bc1fc"),
    (AIOKafkaProducer.send_batch, "ff8d65b59517"),
    (AIOKafkaProducer.commit_transaction, "8f568a6acef9"),
)
"""Bodies: the beginning of the SHA-256 of the source."""


def shape(function: Callable[..., Any]) -> str:
    """Parameters of `function` as text, without types: those may be reworded."""
    parts: list[str] = []
    keyword_only = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            keyword_only = True
        elif parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        stars: dict[object, str] = {
            parameter.VAR_POSITIONAL: "*",
            parameter.VAR_KEYWORD: "**",
        }
        default = "" if parameter.default is parameter.empty else "="
        parts.append(f"{stars.get(parameter.kind, '')}{parameter.name}{default}")
    return ", ".join(parts)


def fingerprint(function: Callable[..., Any]) -> str:
    source = textwrap.dedent(inspect.getsource(function))
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def names(table: tuple[tuple[Callable[..., Any], str], ...]) -> list[str]:
    return [function.__qualname__ for function, _ in table]


@pytest.mark.parametrize("distribution", PINNED)
def test_what_is_installed_is_what_is_pinned(distribution: str) -> None:
    """Everything below is about exactly these versions."""
    dependencies = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]

    assert f"{distribution}=={version(distribution)}" in dependencies


@pytest.mark.parametrize("function, expected", CALLED, ids=names(CALLED))
def test_signature_is_as_it_was(function: Callable[..., Any], expected: str) -> None:
    """A call or an override by the old signature would fail, or worse, not fail."""
    assert shape(function) == expected


@pytest.mark.parametrize("function, expected", READ, ids=names(READ))
def test_body_is_as_it_was(function: Callable[..., Any], expected: str) -> None:
    """What the pipeline assumes about it was read in this body."""
    assert fingerprint(function) == expected


def test_what_the_quiet_monitor_silences_exists() -> None:
    """A renamed measurement would be taken again, for every event."""
    silenced = [name for name in vars(QuietMonitor) if not name.startswith("_")]

    assert silenced
    assert [name for name in silenced if not hasattr(Monitor, name)] == []


@pytest.fixture
async def app() -> faust.App:
    """An app that isn't started: no broker is needed."""
    return faust.App("contract", broker="kafka://127.0.0.1:1", store="memory://")


async def test_the_apps_consumer_is_the_transports(app: faust.App) -> None:
    """`_new_transport` is asked once, and its `Consumer` is what is made."""

    class OurConsumer(Consumer):
        pass

    class OurTransport(Transport):
        Consumer = OurConsumer

    transport = OurTransport(app.conf.broker_consumer, app)
    app._new_transport = lambda: transport  # type: ignore[method-assign]

    assert app.transport is transport
    assert isinstance(app.consumer, OurConsumer)


async def test_the_consumers_books_are_as_we_keep_them(app: faust.App) -> None:
    """Tables by partition: acknowledged offsets, their index, the offset read last."""
    consumer: Any = app.consumer
    tp = TP("t", 0)

    assert isinstance(consumer._acked, defaultdict)
    assert consumer._acked[tp] == []
    assert consumer._acked_index[tp] == set()
    assert consumer._read_offset[tp] is None
    assert consumer._committed_offset[tp] is None
    assert consumer.flow_active


async def test_stopping_the_flow_wakes_a_producer_that_waits(app: faust.App) -> None:
    """A batch blocked on a full buffer is let go by `suspend_flow`."""
    consumer: Any = app.consumer
    consumer.stop_flow()

    assert not consumer.flow_active
    assert consumer.suspend_flow.is_set()
    assert not consumer.can_resume_flow.is_set()


async def test_revocation_stops_the_flow_before_buffers_are_cleared(
    app: faust.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a batch of the old epoch slips in after the cleared ones, and is lost."""
    seen: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *_, **__: seen.append(name)

    async def signal(*_: Any, **__: Any) -> None:
        seen.append("on_partitions_revoked")

    tp = TP("t", 0)
    monkeypatch.setattr(app.consumer, "assignment", lambda: {tp})
    monkeypatch.setattr(app.consumer, "stop_flow", note("stop_flow"))
    monkeypatch.setattr(app.flow_control, "suspend", note("suspend"))
    monkeypatch.setattr(app.flow_control, "clear", note("clear"))
    app.on_partitions_revoked.connect(signal)
    app.conf.stream_wait_empty = False

    await app._on_partitions_revoked({tp})

    assert seen == ["stop_flow", "suspend", "clear", "on_partitions_revoked"]


async def test_a_message_carries_the_record_and_the_generation(app: faust.App) -> None:
    """Faust drops messages of an older generation by this number."""

    class Record:
        topic, partition, offset = "t", 0, 41
        timestamp, timestamp_type, headers = 1_500, 0, ()
        key, value, checksum = b"k", b"v", None
        serialized_key_size = serialized_value_size = 1

    tp = TP("t", 0)
    app.consumer_generation_id = 7
    message: Any = app.consumer._to_message(tp, Record())  # type: ignore[attr-defined]

    assert (message.tp, message.offset, message.key, message.value) == (
        tp,
        41,
        b"k",
        b"v",
    )
    assert message.timestamp == 1.5
    assert message.generation_id == 7


async def test_a_closed_batch_holds_what_was_appended() -> None:
    """A batch that is full says so and stays as it is; the first row always fits."""
    producer = AIOKafkaProducer(
        bootstrap_servers="127.0.0.1:1", max_batch_size=1_000, transactional_id="x"
    )
    try:
        batch = producer.create_batch()
        first = batch.append(key=b"a", value=b"v" * 2_000, timestamp=None)
        second = batch.append(key=b"b", value=b"v", timestamp=None)
    finally:
        await producer.stop()

    assert first is not None
    assert second is None
    assert batch.record_count() == 1


async def test_a_batch_waits_for_its_broker_as_long_as_we_say() -> None:
    """aiokafka's own patience with a broker that is gone is shorter than a restart."""
    producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1")
    accumulator = producer._message_accumulator
    try:
        assert accumulator._batch_ttl == 40.0
        accumulator._batch_ttl = 180
        partition = TopicPartition("t", 0)
        await accumulator.add_batch(producer.create_batch(), partition, 1.0)
        [batch] = accumulator._batches.pop(partition)
        assert batch._ttl == 180
    finally:
        await producer.stop()


async def test_a_calls_result_comes_from_the_consumers_thread(app: faust.App) -> None:
    """`call_thread` awaits what it is given in the thread that owns the client."""
    thread: ConsumerThread = app.consumer._thread  # type: ignore[attr-defined]

    assert isinstance(thread, AIOKafkaConsumerThread)
    assert asyncio.iscoroutinefunction(thread.call_thread)
