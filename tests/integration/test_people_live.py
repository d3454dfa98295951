"""People on a real Kafka: what they said and did adds up, whoever dies meanwhile."""

import asyncio
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from monitor.config import Settings
from monitor.core.people.events import AgentEvent, AgentKind, AnyEvent
from monitor.pipeline import topics
from monitor.pipeline.homes import Homes
from monitor.wire.agent_events import encode_agent_event
from tests.support.feeding import feed, feed_everywhere, offline_report, read_all
from tests.support.generated_day import closing_event, generate_day
from tests.support.generated_people import PEOPLE, generate_people
from tests.support.kafka import KafkaServer
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

PARTITIONS = 4
SESSION = {"clock": "event", "session_timeout": "6s"}
PEOPLE_OF_A_QUEUE = (
    "agents",
    "occupancy_ratio",
    "handling_seconds",
    "available_seconds",
    "staffed_seconds",
    "away_seconds",
)


@pytest.fixture
def broker(fresh_kafka: KafkaServer) -> str:
    """Address of a Kafka with the product's topics, all empty."""
    asyncio.run(topics.create_missing(Settings(bootstrap=fresh_kafka.bootstrap)))
    return fresh_kafka.bootstrap


async def feed_astray(bootstrap: str, events: Sequence[AgentEvent]) -> None:
    """Send each to a partition where the person isn't at home."""
    homes = Homes(PARTITIONS)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for event in events:
            await producer.send_and_wait(
                topics.AGENTS,
                encode_agent_event(event),
                key=event.agent.encode(),
                partition=(homes.home_of(event.agent) + 1) % PARTITIONS,
            )


def agents_of(*workers: WorkerProcess) -> dict[str, Any]:
    """Every person, each from the one worker that holds them."""
    shown: dict[str, Any] = {}
    for worker in workers:
        agents = json.loads(worker.get("/api/v1/agents") or b"{}").get("agents", {})
        assert not shown.keys() & agents.keys()
        shown |= agents
    return shown


def everybody_of(*workers: WorkerProcess) -> list[Any]:
    """What each worker that owns everybody says of them: one does."""
    told = (worker.report().get("people") for worker in workers)
    return [people for people in told if people is not None]


def by_queue(queues: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [queue[key] for key in PEOPLE_OF_A_QUEUE]
        + [
            {key: window[key] for key in PEOPLE_OF_A_QUEUE if key in window}
            for window in queue["windows"].values()
        ]
        for name, queue in queues.items()
    }


def queues_of(*workers: WorkerProcess) -> dict[str, Any]:
    queues: dict[str, Any] = {}
    for worker in workers:
        queues |= worker.report().get("queues", {})
    return by_queue(queues)


def test_seconds_of_people_survive_a_kill(broker: str, tmp_path: Path) -> None:
    """Two workers, one killed -9 in the middle, a third one joining: each person, each
    queue and everybody are those of the core alone."""
    contacts = generate_day(8_000, seed=5)
    said = generate_people(seed=6)
    logins = [event for event in said if event.kind == AgentKind.LOGGED_IN]
    closing = closing_event(contacts, later_ms=3_600_000)
    day: list[AnyEvent] = [*contacts, *(e for e in said if e not in logins)]
    day.sort(key=lambda event: event.at // 60_000)  # within a minute as they arrive
    expected = offline_report([*logins, *day, closing])
    settings = {"app": "people", **SESSION}
    with (
        WorkerProcess(tmp_path, "one", broker, **settings) as one,
        WorkerProcess(tmp_path, "two", broker, **settings) as two,
    ):
        wait_until(
            lambda: bool(one.report().get("ready") and two.report().get("ready")),
            "both workers are ready",
        )
        asyncio.run(feed_astray(broker, logins))
        wait_until(
            lambda: len(agents_of(one, two)) == len(PEOPLE),
            "everybody was sent home",
        )
        feeding = threading.Thread(
            target=lambda: asyncio.run(feed(broker, day, per_second=2_500))
        )
        feeding.start()
        wait_until(
            lambda: sum(a["handled"] for a in agents_of(one, two).values()) > 1_500,
            "a quarter of the day is handled",
        )
        one.kill()
        with WorkerProcess(tmp_path, "three", broker, **settings) as three:
            feeding.join()
            asyncio.run(feed_everywhere(broker, closing))
            wait_until(
                lambda: agents_of(two, three) == expected["agents"],
                "each person is as the core alone says",
                seconds=60,
            )
            wait_until(
                lambda: everybody_of(two, three) == [expected["people"]],
                "one worker shows everybody as the core alone does",
            )
            wait_until(
                lambda: queues_of(two, three) == by_queue(expected["queues"]),
                "so are the people of each queue",
            )
            assert [two.stop(), three.stop()] == [0, 0]

    assert sum(agent["handled"] for agent in expected["agents"].values()) > 5_000
    assert 0 < expected["people"]["occupancy_ratio"] < 1


def test_agent_events_that_can_not_be_read_are_dead_letters(
    broker: str, tmp_path: Path
) -> None:
    """Byte for byte, and the others count; so does what is no activity."""
    good = generate_people(seed=1, hours=1)[:50]
    bad = [b"no json", b'{"type":"agent.away","at":1}', b'{"type":"agent.ready"}']

    async def send() -> None:
        await feed(broker, good)
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            for value in bad:
                await producer.send_and_wait(topics.AGENTS, value, key=b"someone")
            await producer.send_and_wait(topics.AGENT_ACTIVITY, b"junk")

    with WorkerProcess(tmp_path, "worker", broker, app="bad", **SESSION) as worker:
        asyncio.run(send())
        wait_until(
            lambda: len(asyncio.run(read_all(broker, topics.DEAD_LETTERS))) == 4,
            "four dead letters",
        )
        letters = asyncio.run(read_all(broker, topics.DEAD_LETTERS))
        agents = {event.agent for event in good}
        wait_until(lambda: agents_of(worker).keys() == agents, "the others count")
        assert worker.stop() == 0

    assert sorted(letter.value for letter in letters) == sorted([*bad, b"junk"])
