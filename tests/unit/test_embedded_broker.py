"""The embedded broker: starts, serves, and lives no longer than its parent."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from monitor.embedded import broker as broker_module
from monitor.embedded.broker import PARTITIONS, EmbeddedBroker, EmbeddedBrokerError
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


def is_listening(bootstrap: str) -> bool:
    host, port = bootstrap.split(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def test_it_listens_on_loopback_until_it_is_stopped() -> None:
    """Starting twice is the same as once, and so is stopping."""
    broker = EmbeddedBroker()
    bootstrap = broker.start()

    assert bootstrap.startswith("127.0.0.1:")
    assert broker.start() == broker.bootstrap == bootstrap
    assert broker.is_running()
    assert is_listening(bootstrap)

    broker.stop()
    broker.stop()

    assert not broker.is_running()
    assert not is_listening(bootstrap)


def test_records_go_through_it() -> None:
    """A topic appears at first use, and what is sent can be read."""

    async def send_and_read(bootstrap: str) -> tuple[int, bytes | None]:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
            await producer.send_and_wait("callcenter.contacts", b"hello", key=b"c1")
            partitions = await producer.partitions_for("callcenter.contacts")
        async with AIOKafkaConsumer(
            "callcenter.contacts",
            bootstrap_servers=bootstrap,
            auto_offset_reset="earliest",
        ) as consumer:
            record = await asyncio.wait_for(consumer.getone(), 30)
        return len(partitions), record.value

    with EmbeddedBroker() as broker:
        assert asyncio.run(send_and_read(broker.bootstrap)) == (PARTITIONS, b"hello")


def test_it_dies_with_its_parent() -> None:
    """Even when the parent is killed with -9."""
    program = (
        "from monitor.embedded.broker import EmbeddedBroker\n"
        "print(EmbeddedBroker().start(), flush=True)\n"
        "input()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        bootstrap = parent.stdout.readline().strip()
        assert is_listening(bootstrap)

        os.kill(parent.pid, signal.SIGKILL)

        wait_until(lambda: not is_listening(bootstrap), "the broker's end")


def test_without_confluent_kafka_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message says what to install."""
    monkeypatch.setattr(broker_module, "find_spec", lambda _: None)

    with pytest.raises(EmbeddedBrokerError, match=r"callcenter-monitor\[demo\]"):
        EmbeddedBroker().start()


def test_a_child_that_fails_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a hang nor a traceback: the exit code."""
    child = tmp_path / "child.py"
    child.write_text("raise SystemExit(7)\n")
    monkeypatch.setattr(broker_module, "_CHILD", child)

    with pytest.raises(EmbeddedBrokerError, match="exit code 7"):
        EmbeddedBroker().start()


def test_a_silent_child_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The deadline holds."""
    child = tmp_path / "child.py"
    child.write_text("import sys\nsys.stdin.read()\n")
    monkeypatch.setattr(broker_module, "_CHILD", child)

    with pytest.raises(EmbeddedBrokerError, match=r"no answer in 0\.5 s"):
        EmbeddedBroker().start(seconds=0.5)
