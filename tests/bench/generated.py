"""Contact events with known laws, for benchmarks and load: seeded, in time order.

Poisson-like arrivals over a number of queues; exponential waits and talks; 7 % abandon;
three or four events a contact of about 210 bytes, as real sources send them.
"""

import heapq
import random
from collections.abc import Iterator

import orjson

Pending = tuple[int, int, str, bytes]


def contact_records(
    count: int,
    *,
    queues: int = 50,
    agents: int = 500,
    gap_ms: int = 20,
    seed: int = 1,
    start: int = 1_780_000_000_000,
) -> Iterator[tuple[str, bytes]]:
    """`count` records as (contact id, JSON), in time order.

    `gap_ms` is the mean time between two contacts.
    """
    rnd = random.Random(seed)
    pending: list[Pending] = []
    at = start
    serial = sent = 0
    while sent < count:
        at += rnd.randint(1, 2 * gap_ms - 1)
        serial += 1
        for record in _contact(rnd, serial, at, queues, agents):
            heapq.heappush(pending, record)
        while pending and pending[0][0] <= at and sent < count:
            _, _, contact, value = heapq.heappop(pending)
            yield contact, value
            sent += 1


def _contact(
    rnd: random.Random, serial: int, at: int, queues: int, agents: int
) -> Iterator[Pending]:
    contact = f"c{serial:09d}"
    queue = f"q{rnd.randrange(queues):05d}"
    agent = f"a{rnd.randrange(agents):05d}"
    wait = int(rnd.expovariate(1 / 15_000))
    talk = int(rnd.expovariate(1 / 180_000))

    def record(step: int, instant: int, kind: str, **own: object) -> Pending:
        event = {
            "id": f"{contact}-{kind}",
            "type": f"contact.{kind}",
            "contact": contact,
            "channel": "voice",
            "queue": queue,
            "at": instant,
            "source": "asterisk:pbx1",
            "seq": serial * 4 + step,
            **own,
        }
        return instant, serial * 4 + step, contact, orjson.dumps(event)

    yield record(0, at, "queued")
    if rnd.random() < 0.93:
        yield record(1, at + wait, "answered", agent=agent)
        yield record(2, at + wait + talk, "ended", agent=agent, by="customer")
    else:
        yield record(1, at + wait, "abandoned")
