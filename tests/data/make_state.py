"""Keeps the durable state that a release writes: run it once, when one is made.

    python tests/data/make_state.py        -> tests/data/states/v<STATE_VERSION>/

Rule: what is there is never made anew; a later release must be able to read what this
one wrote, byte for byte. The log goes on after the point at which the state was taken,
so that a reader can show that it goes on from there.
"""

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from monitor.core.events import Event, Kind
from monitor.core.partition import Partition
from monitor.core.rules import Rules
from monitor.core.view import QueuePart
from monitor.wire.events import encode_event
from monitor.wire.migrations import STATE_VERSION
from monitor.wire.state import take_rows
from tests.support.feeding import DISTANT_FUTURE
from tests.support.generated_day import DAY_START_MS, closing_event, generate_day

STATES = Path(__file__).parent / "states"
PARTITIONS = 4
CONTACTS = 600
APP = "callcenter"
CHATS = 12


def main() -> None:
    """Write log, state and numbers, unless they are kept already."""
    target = STATES / f"v{STATE_VERSION}"
    target.mkdir(parents=True)  # fails if it is there
    events = generate_day(CONTACTS, seed=40 + STATE_VERSION, hours=2.0)
    chats = [event for number in range(CHATS) for event in _chat(number)]
    events = sorted([*events, *chats], key=lambda event: event.at)
    closing = closing_event(events)
    lines, rows, numbers = [], [], []
    taken = 2 * len(events) // 3
    for number in range(PARTITIONS):
        mine = [e for e in events if crc32(e.contact.encode()) % PARTITIONS == number]
        done = sum(
            crc32(e.contact.encode()) % PARTITIONS == number for e in events[:taken]
        )
        partition = Partition(Rules())
        partition.owner = APP
        partition.apply(mine[:done], DISTANT_FUTURE)
        partition.next_offset = done
        parts = partition.parts(partition.watermark, everything=True)
        numbers.append([_plain(part) for part in sorted(parts, key=_name)])
        rows += [
            [number, _text(key), _text(value)] for key, value in take_rows(partition)
        ]
        log = [*mine, closing]
        lines += [[number, encode_event(event).decode()] for event in log]
    _write(target / "log.json.gz", lines)
    _write(target / "rows.json.gz", rows)
    _write(target / "numbers.json.gz", numbers)


def _chat(number: int) -> Iterator[Event]:
    """A conversation that lasts for most of the log, so that it is thinned."""
    chance = random.Random(number)
    agent = f"agent-{number % 5}"
    first = Event(
        DAY_START_MS + number * 60_000,
        Kind.MESSAGE,
        f"chat{number}",
        queue=f"queue-{number % 3}",
        channel="chat",
        reason="customer",
        source="chat:1",
    )
    yield first
    at = first.at + 5_000
    yield first._replace(at=at, kind=Kind.QUEUED, reason="")
    at += chance.randrange(90_000)
    yield first._replace(at=at, kind=Kind.ANSWERED, reason="", agent=agent)
    for _ in range(200):
        at += chance.randrange(60_000)
        author = chance.choice(("customer", "customer", "agent", "bot"))
        writer = agent if author == "agent" else ""
        yield first._replace(at=at, reason=author, agent=writer)
    at += 1_000
    yield first._replace(at=at, kind=Kind.ENDED, reason="agent", agent=agent)


def _name(part: QueuePart) -> tuple[str, str]:
    return part.queue, part.channel


def _plain(part: QueuePart) -> dict[str, object]:
    return {name: getattr(part, name) for name in QueuePart.__slots__}


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _write(path: Path, value: object) -> None:
    text = json.dumps(value, indent=0, sort_keys=True).encode()
    path.write_bytes(gzip.compress(text, mtime=0))


if __name__ == "__main__":
    main()
