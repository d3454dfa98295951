"""What people cost: one worker with and without them, on a real Kafka, in one run.

    python -m tests.bench.people_bench [EVENTS] [ROUNDS]

Both contestants read the same contact events. Of the one no event names an agent, so
that nothing is told of people; the other one's name them, and as many agent events as a
tenth of the contact events come besides. 10,000 agents, who have one contact at a time
in the mean. Prints contact events per second of both in alternating order, their
medians, and the ratio.
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from monitor.config import Settings, load
from monitor.pipeline.topics import AGENTS, CONTACTS
from tests.bench.generated import contact_records
from tests.bench.worker_bench import fill_with, show, worker
from tests.support.kafka import KafkaServer

PEOPLE = 10_000
Records = Iterator[tuple[str, str, bytes]]


def without_people(count: int) -> Records:
    """Contact events that name nobody."""
    for contact, value in contact_records(count, agents=PEOPLE):
        event = orjson.loads(value)
        event.pop("agent", None)
        yield CONTACTS, contact, orjson.dumps(event)


def with_people(count: int) -> Records:
    """The same that name agents, and what those say."""
    chance = random.Random(2)
    away: set[str] = set()
    for number, (contact, value) in enumerate(contact_records(count, agents=PEOPLE)):
        yield CONTACTS, contact, value
        if number % 10:
            continue
        agent = f"a{chance.randrange(PEOPLE):05d}"
        kind = "ready" if agent in away else "away"
        away ^= {agent}
        said = {
            "type": f"agent.{kind}",
            "at": orjson.loads(value)["at"],
            "agent": agent,
            "source": "asterisk:pbx1",
        }
        yield AGENTS, agent, orjson.dumps(said)


def main() -> None:
    """Run all rounds and print them."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    rates: dict[str, list[float]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with KafkaServer(directory / "kafka") as kafka:
            settings: Settings = load(None, [f"bootstrap={kafka.bootstrap}"], {})
            for number in range(rounds):
                for contestant in ("without", "with"):
                    make = without_people if contestant == "without" else with_people
                    asyncio.run(fill_with(settings, make(count)))
                    app = f"{contestant}-{number}"
                    rate = worker(directory, kafka.bootstrap, count, app)
                    rates[contestant].append(rate)
                    print(f"round {number + 1}: {contestant} {rate:,.0f}", flush=True)
    ratio = show("with", rates["with"]) / show("without", rates["without"])
    print(f"with people a worker reads {ratio:.0%} of the events without them")


if __name__ == "__main__":
    main()
