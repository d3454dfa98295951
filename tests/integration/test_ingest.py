"""`ccmon ingest` on a real Kafka: what arrives, what is refused, how it ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord
from aiokafka.partitioner import murmur2

from monitor.cli.main import main
from monitor.config import Settings
from monitor.core.events import Event, Kind
from monitor.core.people.events import AgentKind
from monitor.embedded.day import recorded_day
from monitor.pipeline.sink import EventSink
from monitor.pipeline.topics import (
    AGENTS,
    CONTACTS,
    DEAD_LETTERS,
    KafkaUnreachableError,
    TopicsRefusedError,
    create_missing,
)
from monitor.wire.agent_events import decode_agent_event
from monitor.wire.events import decode_contact_event
from tests.support.feeding import read_all
from tests.support.kafka import KafkaServer, free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def with_topics(fresh_kafka: KafkaServer) -> KafkaServer:
    """The session's Kafka with the product's topics, empty."""
    asyncio.run(create_missing(settings_of(fresh_kafka)))
    return fresh_kafka


def settings_of(kafka: KafkaServer) -> Settings:
    return Settings.model_validate({"bootstrap": kafka.bootstrap})


def arrived(kafka: KafkaServer, topic: str = CONTACTS) -> list[ConsumerRecord]:
    """Everything in a topic, partition after partition."""
    found = asyncio.run(read_all(kafka.bootstrap, topic))
    return sorted(found, key=lambda record: (record.partition, record.offset))


def ccmon(*arguments: str, kafka: str) -> list[str]:
    """The command's words."""
    return [
        *(sys.executable, "-m", "monitor", "ingest", *arguments),
        *("--bootstrap", kafka),
    ]


def run(
    *arguments: str, kafka: str, state: Path, standard_input: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """One run of the command, to its end."""
    return subprocess.run(
        ccmon(*arguments, kafka=kafka),
        input=standard_input,
        capture_output=True,
        cwd=ROOT,
        env=os.environ | {"XDG_STATE_HOME": str(state)},
        timeout=120,
        check=False,
    )


def queue_log(count: int, start: int = 0) -> bytes:
    """So many calls that queue, one after the other."""
    return b"".join(
        f"{1_700_000_000 + n}|c{n}|support|NONE|ENTERQUEUE||700|1\n".encode()
        for n in range(start, start + count)
    )


def by_contact(found: list[ConsumerRecord]) -> dict[str, list[Event]]:
    """Events by contact, in the order in which they stand in Kafka."""
    contacts: dict[str, list[Event]] = defaultdict(list)
    for record in found:
        event = decode_contact_event(record.value)
        assert event is not None
        contacts[event.contact].append(event)
    return contacts


def test_a_day_arrives_whole_with_each_contact_in_one_partition(
    with_topics: KafkaServer,
) -> None:
    """5,002 events: acknowledged at the flush, keyed by contact, in their order."""
    day = recorded_day()

    async def send() -> int:
        sink = EventSink(settings_of(with_topics))
        await sink.start()
        try:
            for event in day:
                await sink.send(event)
            await sink.flush()
            return sink.partitions
        finally:
            await sink.stop()

    assert asyncio.run(send()) == 4
    found = arrived(with_topics)
    expected: dict[str, list[Event]] = defaultdict(list)
    for event in day:
        expected[event.contact].append(event)

    assert by_contact(found) == expected
    assert all(json.loads(r.value)["contact"].encode() == r.key for r in found)
    assert len({(r.key, r.partition) for r in found}) == len(expected)
    assert {r.partition for r in found} == {0, 1, 2, 3}


def test_a_sources_event_goes_to_every_partition(with_topics: KafkaServer) -> None:
    """It speaks for all of its contacts, wherever they are."""

    async def send() -> None:
        sink = EventSink(settings_of(with_topics))
        await sink.start()
        try:
            await sink.send(Event(5000, Kind.SOURCE_STARTED, "", source="asterisk:x"))
            await sink.flush()
        finally:
            await sink.stop()

    asyncio.run(send())
    found = arrived(with_topics)

    assert [record.partition for record in found] == [0, 1, 2, 3]
    assert len({record.value for record in found}) == 1


def test_what_agents_say_arrives_with_the_agent_as_key(
    with_topics: KafkaServer, tmp_path: Path
) -> None:
    """Beside the calls of the same log; a bad line of an agent is a dead letter."""
    log = tmp_path / "queue_log"
    agents = [f"Agent {n}" for n in range(20)]
    for second, verb in ((0, "ADDMEMBER"), (60, "PAUSE"), (120, "REMOVEMEMBER")):
        lines = [f"{1_700_000_000 + second}|NONE|q|{name}|{verb}|" for name in agents]
        with log.open("a") as stream:
            stream.write("\n".join(lines) + "\n")
    with log.open("ab") as stream:
        stream.write(queue_log(5) + b"1700000200|NONE|NONE|Agent 1|ADDMEMBER|\n")
    kafka = with_topics.bootstrap
    ended = run("asterisk-queue-log", str(log), kafka=kafka, state=tmp_path)
    found = arrived(with_topics, AGENTS)
    said = [decode_agent_event(record.value) for record in found]
    by_agent: dict[str, list[int]] = {name: [] for name in agents}
    for event, record in zip(said, found, strict=True):
        assert event is not None
        assert record.key == event.agent.encode()
        by_agent[event.agent].append(event.kind)

    assert ended.returncode == 0, ended.stderr
    in_order = [AgentKind.LOGGED_IN, AgentKind.AWAY, AgentKind.LOGGED_OUT]
    assert set(map(tuple, by_agent.values())) == {tuple(in_order)}
    assert {(r.partition, r.key) for r in found} == {
        (murmur2_partition(name), name.encode()) for name in agents
    }
    assert len(by_contact(arrived(with_topics))) == 5
    [dead] = arrived(with_topics, DEAD_LETTERS)
    assert dict(dead.headers)["reason"] == b"missing_field"


def murmur2_partition(name: str) -> int:
    """Where the default partitioner of any client puts an agent."""
    return int((murmur2(name.encode()) & 0x7FFFFFFF) % 4)


def test_a_replay_sends_both_kinds_in_their_bytes(
    with_topics: KafkaServer, tmp_path: Path
) -> None:
    """Canonical lines of a file, each to its topic; with --rebase they have moved."""
    said = b'{"type":"agent.away","at":5000,"agent":"a1","mood":"grim"}'
    queued = b'{"type":"contact.queued","at":6000,"contact":"c1","queue":"q"}'
    file = tmp_path / "events.jsonl"
    file.write_bytes(said + b"\n" + queued + b"\n")
    words = ["replay", str(file), "--speed=max", "--bootstrap", with_topics.bootstrap]

    assert main(words) == 0
    assert main([*words, "--rebase=now"]) == 0
    [first, moved] = arrived(with_topics, AGENTS)
    calls = arrived(with_topics)
    assert (first.value, calls[0].value) == (said, queued)
    ats = [json.loads(record.value)["at"] for record in (moved, calls[1])]
    assert ats[1] - ats[0] == 1000
    assert ats[0] > 1_700_000_000_000
    assert json.loads(moved.value)["mood"] == "grim"


def test_without_topics_it_says_how_to_make_them(
    fresh_kafka: KafkaServer, tmp_path: Path
) -> None:
    """And doesn't let Kafka make them in its own way: exit code 2."""
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"")
    ended = run("jsonl", str(log), kafka=fresh_kafka.bootstrap, state=tmp_path)

    assert ended.returncode == 2
    assert b"ccmon topics create" in ended.stderr
    with pytest.raises(TopicsRefusedError, match=r"callcenter\.contacts"):
        asyncio.run(EventSink(settings_of(fresh_kafka)).start())


def test_without_kafka_it_ends_with_3_and_says_what_it_tried(tmp_path: Path) -> None:
    """No traceback, the address in the message."""
    nowhere = f"127.0.0.1:{free_port()}"
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"")
    ended = run("jsonl", str(log), kafka=nowhere, state=tmp_path)

    assert ended.returncode == 3
    assert nowhere.encode() in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_standard_input_is_passed_on_and_bad_lines_are_dead_letters(
    with_topics: KafkaServer, tmp_path: Path
) -> None:
    """Byte for byte, both of them; the reason is in the headers."""
    good = b'{"type":"contact.queued","at":5,"contact":"c1","queue":"q","new":[1, 2]}'
    bad = b'{"type":"contact.queued","at":5,\xff'
    ended = run(
        "jsonl",
        "-",
        kafka=with_topics.bootstrap,
        state=tmp_path,
        standard_input=good + b"\n" + bad + b"\n",
    )
    [dead] = arrived(with_topics, DEAD_LETTERS)

    assert ended.returncode == 0, ended.stderr
    assert [record.value for record in arrived(with_topics)] == [good]
    assert dead.value == bad
    assert dict(dead.headers) | {"detail": b""} == {
        "reason": b"not_json",
        "detail": b"",
        "source": b"jsonl:stdin",
        "line": b"2",
    }
    assert b"2 lines, 1 events, 0 skipped, 1 bad" in ended.stderr
    assert b"not_json 1" in ended.stderr


class Follower:
    """The command with --follow, as a process."""

    def __init__(self, log: Path, kafka: str, state: Path) -> None:
        self.process = subprocess.Popen(
            ccmon(
                "asterisk-queue-log", str(log), "--follow", "--name", "x", kafka=kafka
            ),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"XDG_STATE_HOME": str(state)},
        )

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


def test_following_survives_kills_rotations_and_restarts(
    with_topics: KafkaServer, tmp_path: Path
) -> None:
    """Every call arrives; a repeated one has the same id, so it counts once."""
    log = tmp_path / "queue_log"
    log.write_bytes(queue_log(500))

    def arrive(count: int) -> Callable[[], bool]:
        return lambda: len(by_contact(arrived(with_topics))) == count

    for generation, how in enumerate((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)):
        follower = Follower(log, with_topics.bootstrap, tmp_path)
        try:
            wait_until(arrive(1000 * generation + 500), "what was there")
            with log.open("ab") as stream:
                stream.write(queue_log(200, 1000 * generation + 500))
            log.rename(tmp_path / f"queue_log.{generation}")
            log.write_bytes(queue_log(100, 1000 * generation + 700))
            wait_until(arrive(1000 * generation + 800), "what was rotated")
            assert follower.process.poll() is None
        finally:
            code = follower.end(how)
        assert code == (-9 if how == signal.SIGKILL else 0)
        with log.open("ab") as stream:
            stream.write(queue_log(200, 1000 * generation + 800))
        log.rename(tmp_path / f"queue_log.{generation}9")
        log.write_bytes(queue_log(500, 1000 * generation + 1000))
    found = arrived(with_topics)
    contacts = by_contact(found)

    assert set(contacts) == {f"c{n}" for n in range(2800)}
    assert all(len({event.id for event in events}) == 1 for events in contacts.values())
    assert len(found) < 2800 + 1500  # the kill repeats a batch or two, not everything


def test_what_a_broker_that_went_away_did_not_acknowledge_is_no_success(
    with_topics: KafkaServer,
) -> None:
    """The flush fails in bounded time, so that no cursor is written, and it ends."""

    async def send() -> None:
        sink = EventSink(settings_of(with_topics), patience_seconds=2)
        await sink.start()
        try:
            await asyncio.to_thread(with_topics.kill)
            await sink.send(Event(5000, Kind.QUEUED, "c1", queue="q"))
            await sink.flush()
        finally:
            await sink.stop()

    try:
        with pytest.raises(KafkaUnreachableError, match=with_topics.bootstrap):
            asyncio.run(send())
    finally:
        with_topics.start()
